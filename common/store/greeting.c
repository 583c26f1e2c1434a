// SPDX-License-Identifier: Apache-2.0
//
// The greeting: AUTH, ROLE, SELECT, PING and SUBSCRIBE, as far as they are configured, sent together. The connection is
// up once all are answered well. PING is what a Redis refuses that can't serve yet (it loads its data, wants a password, is
// a replica without its master), so "up" means more than that the socket is open. What Sentinels name must be a master:
// they may not have noticed yet that it is none, or be cut off themselves.

#include "store/store.h"

#include <string.h>

// False: it isn't what is greeted, or no greeting is under way any more.
static bool
is_well (troupe_store_t *self, const struct redisReply *reply)
{
  if (reply == NULL || self->state != STORE_GREETING)
    return false;
  if (reply->type != REDIS_REPLY_ERROR)
    return true;
  store_break (self, TROUPE_STORE_UNAVAILABLE, NULL, "Redis refuses the connection: %s", reply->str);
  return false;
}

static void
greeted (troupe_store_t *self)
{
  if (--self->greetings == 0)
    store_rise (self);
}

static void
on_role (void *context, const struct redisReply *reply)
{
  troupe_store_t *self = context;
  if (!is_well (self, reply))
    return;
  bool named = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 && reply->element[0]->type == REDIS_REPLY_STRING;
  if (named && strcmp (reply->element[0]->str, "master") == 0)
    greeted (self);
  else
    store_break (self, TROUPE_STORE_UNAVAILABLE, "wait until the Sentinels agree on another one",
                 "the Redis at %s:%s, which a Sentinel names, is no master", self->to->host, self->to->port);
}

static void
on_answer (void *context, const struct redisReply *reply)
{
  troupe_store_t *self = context;
  if (is_well (self, reply))
    greeted (self);
}

static void
say_to (troupe_store_t *self, troupe_store_reply_fn *reply, int argc, const char *const *argv)
{
  troupe_err_t err = store_queue (self, argc, argv, NULL, (store_waiter_t){reply, self});
  if (err == TROUPE_OK)
    self->greetings++;
  else
    store_break (self, err, NULL, "no memory for the first commands");
}

static void
say (troupe_store_t *self, int argc, const char *const *argv)
{
  say_to (self, on_answer, argc, argv);
}

void
store_greet (troupe_store_t *self)
{
  self->state = STORE_GREETING;
  self->greetings = 0;
  if (self->asks) {
    store_sentinel_ask (self);
    return;
  }
  const char *user = self->url.user, *password = self->password;
  if (user != NULL)
    say (self, 3, (const char *[]){"AUTH", user, password != NULL ? password : ""});
  else if (password != NULL)
    say (self, 2, (const char *[]){"AUTH", password});
  if (self->url.master != NULL)
    say_to (self, on_role, 1, (const char *[]){"ROLE"});
  if (self->url.db != NULL)
    say (self, 2, (const char *[]){"SELECT", self->url.db});
  say (self, 1, (const char *[]){"PING"});
  if (self->channel != NULL)
    say (self, 2, (const char *[]){"SUBSCRIBE", self->channel});
}

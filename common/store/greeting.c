// SPDX-License-Identifier: Apache-2.0
//
// The greeting: AUTH, SELECT, PING and SUBSCRIBE, as far as they are configured, sent together. The connection is up
// once all are answered well. PING is what a Redis refuses that can't serve yet (it loads its data, wants a password,
// is a replica without its master), so "up" means more than that the socket is open.

#include "store/store.h"

#include <string.h>

static void
on_answer (void *context, const struct redisReply *reply)
{
  troupe_store_t *self = context;
  if (reply == NULL || self->state != STORE_GREETING)
    return;
  if (reply->type == REDIS_REPLY_ERROR) {
    store_break (self, TROUPE_STORE_UNAVAILABLE, NULL, "Redis refuses the connection: %s", reply->str);
    return;
  }
  if (--self->greetings == 0)
    store_rise (self);
}

static void
say (troupe_store_t *self, int argc, const char *const *argv)
{
  troupe_err_t err = store_queue (self, argc, argv, NULL, (store_waiter_t){on_answer, self});
  if (err == TROUPE_OK)
    self->greetings++;
  else
    store_break (self, err, NULL, "no memory for the first commands");
}

void
store_greet (troupe_store_t *self)
{
  self->state = STORE_GREETING;
  self->greetings = 0;
  const char *user = self->url.user, *password = self->password;
  if (user != NULL)
    say (self, 3, (const char *[]){"AUTH", user, password != NULL ? password : ""});
  else if (password != NULL)
    say (self, 2, (const char *[]){"AUTH", password});
  if (self->url.db != NULL)
    say (self, 2, (const char *[]){"SELECT", self->url.db});
  say (self, 1, (const char *[]){"PING"});
  if (self->channel != NULL)
    say (self, 2, (const char *[]){"SUBSCRIBE", self->channel});
}

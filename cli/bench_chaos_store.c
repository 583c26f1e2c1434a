// SPDX-License-Identifier: Apache-2.0
//
// Redis, asked by the checker (bench_chaos_store.h), one command after the other.
#include "cli/bench_chaos_store.h"

#include "broker/ledger.h"

#include <stdio.h>
#include <string.h>

enum {
  ANSWER_MS = 60 * 1000, // Redis may be reading a large file
  TURN_MS = 20,
  ITEMS = 1000 // of a list, at a time
};

troupe_err_t
chaos_store_open (chaos_store_t *self, troupe_loop_t *loop, const char *url, troupe_error_t *error)
{
  *self = (chaos_store_t){.loop = loop};
  return troupe_store_new (&self->store, loop, &(troupe_store_options_t){.url = url}, error);
}

void
chaos_store_close (chaos_store_t *self)
{
  troupe_store_destroy (&self->store);
}

static void
on_reply (void *context, const struct redisReply *reply)
{
  chaos_store_t *self = context;
  self->waiting = false;
  self->lost = !reply || reply->type == REDIS_REPLY_ERROR;
  if (reply && self->lost)
    snprintf (self->why, sizeof self->why, "%s", reply->str);
  else if (reply)
    self->take (self->context, reply);
}

troupe_err_t
chaos_store_ask (chaos_store_t *self, troupe_store_reply_fn *take, void *context, int argc, const char *const *argv,
                 troupe_error_t *error)
{
  int64_t end = troupe_loop_now () + ANSWER_MS;
  bool asked = false;
  self->take = take;
  self->context = context;
  self->lost = true;
  strcpy (self->why, "it is not there");
  while (self->lost && troupe_loop_now () < end) {
    if (!asked && troupe_store_command (self->store, argc, argv, NULL, on_reply, self) == TROUPE_OK)
      asked = self->waiting = true;
    troupe_loop_turn (self->loop, TURN_MS);
    if (asked && !self->waiting && self->lost)
      asked = false; // the connection broke, or Redis is loading: once more
  }
  return self->lost
           ? troupe_error_set (error, TROUPE_STORE_UNAVAILABLE, argv[0], NULL, "Redis doesn't answer: %s", self->why)
           : TROUPE_OK;
}

static void
take_number (void *context, const struct redisReply *reply)
{
  *(int64_t *)context = reply->integer;
}

troupe_err_t
chaos_store_number (chaos_store_t *self, int64_t *out, int argc, const char *const *argv, troupe_error_t *error)
{
  return chaos_store_ask (self, take_number, out, argc, argv, error);
}

typedef struct {
  chaos_store_item_fn *take;
  void *context;
  size_t count;
} list_t;

static void
take_items (void *context, const struct redisReply *reply)
{
  list_t *list = context;
  list->count = reply->elements;
  for (size_t i = 0; i < reply->elements; i++)
    list->take (list->context, reply->element[i]->str, reply->element[i]->len);
}

troupe_err_t
chaos_store_list (chaos_store_t *self, const char *key, chaos_store_item_fn *take, void *context, troupe_error_t *error)
{
  list_t list = {.take = take, .context = context, .count = ITEMS};
  troupe_err_t err = TROUPE_OK;
  for (long from = 0; list.count == ITEMS && err == TROUPE_OK; from += ITEMS) {
    char first[24], last[24];
    snprintf (first, sizeof first, "%ld", from);
    snprintf (last, sizeof last, "%ld", from + ITEMS - 1);
    err = chaos_store_ask (self, take_items, &list, 4, (const char *[]){"LRANGE", key, first, last}, error);
  }
  return err;
}

void
chaos_store_key (char *out, size_t size, const char *kind, const char *session, const char *service)
{
  snprintf (out, size, "troupe:{%02u}:%s:%s|%s", ledger_slot (session), kind, session, service);
}

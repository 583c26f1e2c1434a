// SPDX-License-Identifier: Apache-2.0
//
// The connection to Redis without memory: made, used, broken off and made again. It comes up in the end, and every
// command that it took is answered once, with a reply or with NULL.

#include "troupe/store.h"
#include "fixture/redis.h"
#include "tests/unit/scarcity/scarce.h"
#include "troupe/log.h"

enum { COMMANDS = 6 };

typedef struct {
  const redis_server_t *server;
  troupe_loop_t *loop;
} scene_t;

static void
on_reply (void *context, const struct redisReply *reply)
{
  (void)reply;
  ++*(unsigned *)context;
}

static void
on_message (void *context, const char *data, size_t size)
{
  (void)context, (void)data, (void)size;
}

// Turns until it is up, without and then with memory.
static void
come_up (const scene_t *self, const troupe_store_t *store)
{
  int64_t until = troupe_loop_now () + FIXTURE_PATIENCE;
  while (!troupe_store_up (store)) {
    cr_assert_lt (troupe_loop_now (), until, "it never comes up");
    scarce_begin ();
    troupe_loop_turn (self->loop, 20);
    scarce_end ();
  }
}

static void
command (const scene_t *self, troupe_store_t *store, unsigned *answered)
{
  (void)self;
  scarce_begin ();
  troupe_err_t err = troupe_store_command (store, 2, (const char *[]){"GET", "key"}, NULL, on_reply, answered);
  scarce_end ();
  cr_assert (err == TROUPE_OK || (scarce_struck () && (err == TROUPE_NO_MEMORY || err == TROUPE_STORE_UNAVAILABLE)),
             "%s", troupe_err_name (err));
  *answered += err != TROUPE_OK;
}

static void
store_scene (const void *arg)
{
  const scene_t *self = arg;
  unsigned answered[COMMANDS] = {0};
  troupe_store_t *store = NULL, *ear = NULL;
  troupe_error_t error = {.code = TROUPE_IO, .why = "so"};
  scarce_begin ();
  troupe_err_t err = troupe_store_new (&store, self->loop, &(troupe_store_options_t){.url = self->server->url}, &error);
  bool made = err == TROUPE_OK;
  if (made)
    err = troupe_store_new (
      &ear, self->loop,
      &(troupe_store_options_t){.url = self->server->url, .channel = "c", .message = on_message, .with = store},
      &error);
  scarce_expect (err, &error);
  if (err == TROUPE_OK) {
    come_up (self, store);
    for (unsigned i = 0; i < COMMANDS; i++)
      command (self, store, &answered[i]);
    scarce_begin ();
    troupe_loop_turn (self->loop, 20);
    troupe_store_restart (store, &error);
    scarce_end ();
    come_up (self, store);
    come_up (self, ear);
    LOOP_UNTIL (self->loop, troupe_store_pending (store) == 0);
  }
  troupe_store_destroy (&ear);
  troupe_store_destroy (&store);
  for (unsigned i = 0; err == TROUPE_OK && i < COMMANDS; i++)
    cr_expect_eq (answered[i], 1, "command %u was answered %u times", i, answered[i]);
}

Test (scarcity, connections_to_redis, .timeout = 300)
{
  redis_server_t server = {0};
  scene_t self = {.server = &server};
  troupe_log_init (&(troupe_log_options_t){.program = "scarcity", .level = TROUPE_LOG_OFF});
  redis_start (&server, NULL);
  cr_assert_eq (troupe_loop_new (&self.loop), TROUPE_OK);
  scarce_play (store_scene, &self, 10);
  troupe_loop_destroy (&self.loop);
  redis_stop (&server);
}

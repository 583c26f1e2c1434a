// SPDX-License-Identifier: Apache-2.0
//
// The store: one connection to Redis, kept alive for ever on the event loop. Only brokers have one.
//
// It connects in the background and says when it is up and when it no longer is. Commands are binary-safe; those of one
// turn of the loop leave in one write. A command that was taken (TROUPE_OK) is answered exactly once, in order: with
// Redis's reply, or with NULL when the connection broke before the reply came (whether it took place isn't known then).
// A Redis that stands still is noticed within 3 seconds.
//
//   troupe_store_new (&store, loop, &(troupe_store_options_t){ .url = "redis://localhost:6379", .state = on_state,
//                     .context = self }, &error);
//   ... once on_state (self, true, NULL) was called:
//   troupe_store_command (store, 2, (const char *[]){ "GET", "key" }, NULL, on_reply, self);
//
// The url:  redis://[user@]host[:port][/db]   (IPv6 addresses in brackets; port 6379, db 0)
//           redis+sentinel://[user@]host[:port],host[:port].../master[/db]   (of Sentinels; port 26379)
//           unix:///absolute/path   unix://relative/path
// With Sentinels, each attempt to connect asks one of them where the master of that name is, and takes only a master.
// A password never stands in a url, because urls are logged.
//
// Nothing here blocks: names are resolved on a thread of their own. Thread rule: the loop's thread only. Functions that
// the store calls may make commands and ask for a restart, and must not destroy the store.
#ifndef TROUPE_STORE_H
#define TROUPE_STORE_H

#include "troupe/error.h"
#include "troupe/loop.h"

#include <stddef.h>

typedef struct troupe_store troupe_store_t;
struct redisReply; // <hiredis/hiredis.h>

enum {
  // Outstanding commands: two seconds' worth of what one Redis answers to one client. Then `overloaded`.
  TROUPE_STORE_COMMANDS_MAX = 1000 * 1000,
  // Bytes that wait to be written: 16 of the largest bodies. Then `overloaded`.
  TROUPE_STORE_BYTES_MAX = 256 * 1024 * 1024,
};

// Up: commands are taken. Down: none are until it is up again, and `error` says why; called before the outstanding
// commands get their NULL. Called only when it changes.
typedef void (troupe_store_state_fn) (void *context, bool up, const troupe_error_t *error);
// `reply` is borrowed; NULL: lost. Errors of Redis are replies (of type REDIS_REPLY_ERROR).
typedef void (troupe_store_reply_fn) (void *context, const struct redisReply *reply);
// Something was published on the channel.
typedef void (troupe_store_message_fn) (void *context, const char *data, size_t size);

typedef struct {
  const char *url;
  const char *password;             // NULL: none
  const char *sentinel_password;    // the Sentinels' own; NULL: none
  const char *channel;              // NULL, or what to subscribe to: then it takes no commands, only messages
  troupe_store_state_fn *state;     // may be NULL
  troupe_store_message_fn *message; // for a channel
  void *context;                    // of both
  // Another connection to the same Redis, made before this one and destroyed after it: the log says only once what
  // happens to both. NULL: none.
  troupe_store_t *with;
} troupe_store_options_t;

// Everything in `options` is copied. bad_argument (the url), no_memory.
troupe_err_t troupe_store_new (troupe_store_t **out, troupe_loop_t *loop, const troupe_store_options_t *options,
                               troupe_error_t *error);
// Outstanding commands are answered by NULL; the state function isn't called.
void troupe_store_destroy (troupe_store_t **self_p);

bool troupe_store_up (const troupe_store_t *self);
// How many commands are outstanding.
size_t troupe_store_pending (const troupe_store_t *self);

// Queues a command. `sizes` may be NULL when every argument is a string. Arguments are copied. On failure nothing was
// queued and `reply` is never called: store_unavailable (it is down), overloaded, no_memory.
troupe_err_t troupe_store_command (troupe_store_t *self, int argc, const char *const *argv, const size_t *sizes,
                                   troupe_store_reply_fn *reply, void *context);

// Gives the connection up and makes a new one, from the loop: for replies that show that this server is of no use now.
// `error` is copied; it is what the state function gets.
void troupe_store_restart (troupe_store_t *self, const troupe_error_t *error);

#endif

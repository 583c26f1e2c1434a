// SPDX-License-Identifier: Apache-2.0
//
// The parts of a store: store.c (its life: liveness, going up and down), sentinel.c (where it is, if that has to be
// asked), connecting.c, greeting.c (what is said first on each connection) and replies.c (what comes in).
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "store/pipeline.h"
#include "store/resolve.h"
#include "store/url.h"

#include <hiredis/hiredis.h>

enum {
  STORE_CHUNK_SIZE = 64 * 1024 // bytes read at once: a thousand short replies
};

typedef enum {
  STORE_WAITING,    // for the next attempt to connect
  STORE_RESOLVING,  // the host's name
  STORE_CONNECTING, // the socket
  STORE_GREETING,   // authentication, the database, a first sign of life
  STORE_UP
} store_state_t;

// What the log was told, by one connection or by several to the same Redis.
typedef struct {
  bool connected;        // that it is there
  troupe_error_t logged; // the last failure; its code is TROUPE_OK since it is there
} store_voice_t;

struct troupe_store {
  troupe_loop_t *loop;
  store_url_t url;
  char *name; // the url, for the log
  char *password, *channel;
  troupe_store_state_fn *on_state;
  troupe_store_message_fn *on_message;
  void *context;

  store_state_t state;
  const store_place_t *to; // what is connected to, if not a unix socket
  bool asks;               // that is a Sentinel, which is asked where Redis is
  bool found;              // it has answered: `place`
  store_place_t place;     // of the master
  unsigned sentinel;       // which one is asked next
  unsigned moves, seen;    // how often `place` has changed; and that of `with`, when it was connected to last
  char *sentinel_password;
  const troupe_store_t *with;

  store_resolve_t *resolve;
  struct addrinfo *addresses, *address; // all, and the one being tried
  int fd;
  bool wants_write;   // POLLOUT is watched: the kernel's buffer was full
  unsigned greetings; // replies that the greeting still waits for
  redisReader *reader;
  store_pipeline_t pipeline;

  bool flaps;  // it broke as soon as it was up: not worth a line in the log each time
  bool broken; // to be given up, for `failure`
  troupe_error_t failure;
  store_voice_t own_voice, *voice;

  int64_t retry_at, up_at;
  int64_t patient_until; // failures before are for the debug log only: what it connects to may be starting, too
  int64_t heard_at;      // when bytes came last
  int64_t asked_at;      // when the pipeline stopped being empty
  int64_t connect_until; // when to give this address up
  int delay_ms;          // before the next attempt
  char chunk[STORE_CHUNK_SIZE];
};

// Begins an attempt to connect, on behalf of STORE_WAITING.
void store_connect (troupe_store_t *self);
// The same to a host and port.
void store_connect_to (troupe_store_t *self, const store_place_t *place);
// Asks a Sentinel where Redis is; of two connections to one Redis, the second goes where the first one is.
void store_sentinel_begin (troupe_store_t *self);
// Says what is asked: the connection to the Sentinel is there.
void store_sentinel_ask (troupe_store_t *self);
// It has answered, and its connection is closed.
void store_sentinel_found (troupe_store_t *self);
// Whether the connection that this one follows has gone elsewhere.
bool store_sentinel_moved (const troupe_store_t *self);
// Tries the next of the host's addresses; `why` is the errno by which the one before failed.
void store_connect_next (troupe_store_t *self, int why);
// The socket's attempt has ended, one way or the other.
void store_connected (troupe_store_t *self);
// The loop's call for the socket.
void store_on_ready (void *context, short events);
// Sends the greeting; the state becomes STORE_UP when it is answered.
void store_greet (troupe_store_t *self);
// Reads and handles what there is. What goes wrong marks the store as broken.
void store_read (troupe_store_t *self);
// The greeting was answered.
void store_rise (troupe_store_t *self);
// Marks the store as broken; the loop then closes the connection. Only the first failure counts.
void store_break (troupe_store_t *self, troupe_err_t code, const char *next, const char *format, ...)
  __attribute__ ((format (printf, 4, 5)));
// troupe_store_command in any state that has a connection.
troupe_err_t store_queue (troupe_store_t *self, int argc, const char *const *argv, const size_t *sizes,
                          store_waiter_t waiter);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// A mesh whose parts the test starts and ends one by one, and which nobody starts again: a Redis, brokers b1, b2 ...,
// and players (player/main.c), which do what each call's input tells them. Callers are nodes of the test's own, each
// connected to the brokers that it names only, so a test knows through which one a call goes.
//
//   stage_t stage;
//   stage_open (&stage, 2, "");
//   process_t *worker = stage_player (&stage, "w", "tool/x", 4);
//   troupe_node_t *left = stage_node (&stage, "1");
//   troupe_placeholder_t *call = stage_call (&stage, left, "tool/x", "one", "[['hold', 'here']]");
//   STAGE_UNTIL (&stage, process_said (worker, "hold here"));
//   stage_kill (&stage.brokers[0]);
//   process_send (worker, "go here\n");
//   ...
//   stage_close (&stage);
#ifndef TROUPE_BLACKBOX_STAGE_H
#define TROUPE_BLACKBOX_STAGE_H

#include "blackbox/harness/place.h"
#include "blackbox/harness/process.h"
#include "troupe/node.h"

enum {
  STAGE_BROKERS_MAX = 3,
  STAGE_NODES_MAX = 8,
  STAGE_LEASE_MS = 1000, // of the mesh, unless the test says otherwise: short, and yet long for a busy machine
};

typedef struct {
  troupe_loop_t *loop;
  process_t *redis, *brokers[STAGE_BROKERS_MAX];
  unsigned brokers_count;
  troupe_node_t *nodes[STAGE_NODES_MAX];
  unsigned nodes_count;
} stage_t;

// Starts Redis and the brokers, and waits until they are ready. `limits` is more YAML of the map `limits`, in braces'
// notation: "retention: 1s, mailbox: 2"; empty: the lease above.
void stage_open (stage_t *self, unsigned brokers, const char *limits);
// The same with the configured brokers from `first` on not started yet.
void stage_open_some (stage_t *self, unsigned brokers, unsigned first, const char *limits);
// Ends all of it; placeholders must have been destroyed.
void stage_close (stage_t *self);

void stage_start_redis (stage_t *self);
void stage_start_broker (stage_t *self, unsigned index);
// SIGKILL, and waits for its end. A broker's or Redis's place is then empty.
void stage_kill (process_t **process_p);
// An instance of a service, connected to every broker; returns when each broker that runs has it.
process_t *stage_player (stage_t *self, const char *name, const char *service, unsigned credit);
// The same, connected to the brokers of these numbers, "12"; doesn't wait.
process_t *stage_player_at (stage_t *self, const char *name, const char *service, unsigned credit, const char *brokers);
// A node of this process that is connected to the brokers of these numbers, in this order: "21".
troupe_node_t *stage_node (stage_t *self, const char *brokers);

// A list of steps, with ' for ", as JSON; its formatted parts are as for printf. The caller's.
json_t *stage_steps (const char *format, ...) __attribute__ ((format (printf, 1, 2)));
// A call with these steps. Its deadline is DEADLINE_MS, so that a failing test ends.
troupe_placeholder_t *stage_call (troupe_node_t *node, const char *service, const char *session, const char *steps);
// The same with more to say; `call->input` is filled in.
troupe_placeholder_t *stage_call_with (troupe_node_t *node, troupe_call_t *call, const char *steps);
// Somebody else's call.
troupe_placeholder_t *stage_await (troupe_node_t *node, const troupe_id_t *id, const char *session);
// The same, and returns when the store knows that the node's broker waits for it: a call that nobody made is asked for
// behind it, and answered.
troupe_placeholder_t *stage_await_surely (stage_t *self, troupe_node_t *node, const troupe_id_t *id,
                                          const char *session);
// Waits until it is stored.
void stage_until_stored (stage_t *self, const troupe_placeholder_t *placeholder);
// Waits until it settled or was refused: the value (borrowed), or NULL.
const json_t *stage_outcome (stage_t *self, const troupe_placeholder_t *placeholder);
// The value must come, be a player's reply, and of this attempt (0: any); then destroys the placeholder. Who replied.
void stage_expect_reply (stage_t *self, troupe_placeholder_t **placeholder_p, unsigned attempt, const char *by);
// It must fail with this code; then destroys it.
void stage_expect_error (stage_t *self, troupe_placeholder_t **placeholder_p, troupe_err_t code, const char *regex);
// Whether a broker reports that process as an instance of the service; how many instances it reports.
bool stage_serves (stage_t *self, unsigned broker, const char *service, pid_t pid);
int stage_instances (stage_t *self, unsigned broker, const char *service);
// How many calls a broker holds.
int stage_open_calls (stage_t *self, unsigned broker);
// One of a broker's counters; -1: it doesn't answer, or has none of that name.
int stage_counter (stage_t *self, unsigned broker, const char *name);

// A turn of the loop, at most some milliseconds, and what the processes have said is read.
void stage_turn (stage_t *self);
// Takes turns until the condition holds; the test fails when it doesn't within DEADLINE_MS.
#define STAGE_UNTIL(stage, condition)                                                                                  \
  do {                                                                                                                 \
    int64_t stage_end = troupe_loop_now () + DEADLINE_MS;                                                              \
    while (!(condition)) {                                                                                             \
      stage_turn (stage);                                                                                              \
      if (troupe_loop_now () > stage_end)                                                                              \
        stage_fail (#condition);                                                                                       \
    }                                                                                                                  \
  } while (0)
// Fails the test, with what every process has said.
void stage_fail (const char *condition);

#endif

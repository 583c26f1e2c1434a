// SPDX-License-Identifier: Apache-2.0
//
// A core in virtual time, and the other ends of its connections: frames that it queues are read one by one, and what
// a broker would say is said by hand.
#ifndef RIG_H
#define RIG_H

#include "node/core.h"
#include "troupe/value.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum { RIG_HEARTBEAT = 500, RIG_LEASE = 2500, RIG_START = 1000 * 1000 };

typedef struct {
  node_core_t *core;
  int64_t now;
  uint64_t ids;
  unsigned woken;
  bool hears_losses; // that other brokers are lost isn't passed over
  // The frame that was read last.
  unsigned char bytes[TROUPE_HEADER_SIZE_MAX];
  troupe_header_t header;
  troupe_buffer_t *body;
} rig_t;

void rig_open (rig_t *self, unsigned brokers);
void rig_close (rig_t *self);

// Whether no frame waits; the next one, into self->header and self->body, which must be of `command`.
bool rig_quiet (rig_t *self, unsigned broker);
void rig_read (rig_t *self, unsigned broker);
void rig_expect (rig_t *self, unsigned broker, troupe_command_t command);
void rig_expect_past_heartbeats (rig_t *self, unsigned broker, troupe_command_t command);
void rig_skip (rig_t *self, unsigned broker); // all that wait

// A broker says something; `body` is given up, NULL: empty.
void rig_say (rig_t *self, unsigned broker, const troupe_header_t *header, json_t *body);
void rig_disconnect (rig_t *self, unsigned broker);
// Reads HELLO, says WELCOME.
void rig_welcome (rig_t *self, unsigned broker);
// The same, of another minor version of the protocol.
void rig_welcome_as (rig_t *self, unsigned broker, unsigned minor);
void rig_settled (rig_t *self, unsigned broker, const troupe_id_t *call, troupe_status_t status, json_t *body);
void rig_accepted (rig_t *self, unsigned broker, const troupe_id_t *call);
void rig_refuse (rig_t *self, unsigned broker, troupe_command_t of, const troupe_id_t *call, unsigned attempt,
                 troupe_err_t code);
void rig_offer (rig_t *self, unsigned broker, const char *service, const troupe_id_t *call, unsigned attempt);
troupe_id_t rig_id (rig_t *self);

// Time passes, with ticks when they are due; brokers in `alive` (a bit each) send heartbeats meanwhile.
void rig_pass (rig_t *self, int64_t ms, unsigned alive);
// Lets the user's functions run.
void rig_deliver (rig_t *self);

// A call with only the counters below as its functions; `probe` may be NULL.
typedef struct {
  unsigned settled, parts, served, cancelled, recalled, drained, reported, events;
  unsigned attempt; // of the last part
  json_t *last;     // part, entries, reports: a reference
  troupe_task_t *task;
  troupe_err_t code;
} probe_t;

troupe_placeholder_t *rig_call (rig_t *self, probe_t *probe, const char *service, int64_t deadline_ms);
void probe_settled (void *context, troupe_placeholder_t *placeholder);
void probe_part (void *context, troupe_placeholder_t *placeholder, unsigned attempt, const json_t *part);
void probe_serve (void *context, troupe_task_t *task);
void probe_cancelled (void *context, troupe_task_t *task);
void probe_recalled (void *context, troupe_task_t *task, json_t *entries, const troupe_error_t *error);
void probe_drained (void *context);
void probe_reported (void *context, const json_t *reports);
void probe_event (void *context, const char *service, const char *instance, const json_t *event);
void rig_serve (rig_t *self, probe_t *probe, const char *name, bool actor, unsigned credit);

// Reads REGISTER with that credit, says REGISTERED.
void rig_registered (rig_t *self, unsigned broker, const char *name, unsigned credit);
void rig_expect_grant (rig_t *self, unsigned broker, unsigned credit);
void rig_confirm (rig_t *self, unsigned broker, const troupe_id_t *call, unsigned attempt);
void rig_cancel (rig_t *self, unsigned broker, const troupe_id_t *call, unsigned attempt);
// A rig with one broker and agent/alice, an actor of credit 8, registered there.
void rig_open_alice (rig_t *self, probe_t *probe);
// The same, and a task of alice's in attempt 1.
troupe_id_t rig_open_task (rig_t *self, probe_t *probe);
// Its connection is lost and there again; the AWAIT that asks how its call stands has been read.
void rig_reconnect (rig_t *self);

#endif

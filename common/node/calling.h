// SPDX-License-Identifier: Apache-2.0
//
// A node's outstanding calls.
#ifndef NODE_CALLING_H
#define NODE_CALLING_H

#include "node/state.h"

enum {
  NODE_ASK_AGAIN_MS = 30 * 1000, // a stored call: whether it has settled, should its SETTLED have been lost
};

typedef struct node_part node_part_t;
typedef struct node_row node_row_t;
typedef struct node_need node_need_t;

struct troupe_placeholder {
  node_core_t *core; // NULL: it has ended, or the node is gone
  troupe_id_t id;
  char *session;          // in `texts`
  char *service;          // likewise; NULL: made by await
  troupe_buffer_t *input; // until the call is stored
  troupe_id_t *path;      // until the call is stored
  troupe_id_t *inputs;    // likewise
  troupe_id_t *hubs;      // likewise
  troupe_id_t fan;        // zero: none
  char *trace;            // likewise; may be NULL
  uint32_t path_count, inputs_count, hubs_count;
  uint64_t flags, order;
  uint64_t sent_under;       // the parent's attempt when it was last sent
  int64_t made_at, deadline; // TROUPE_LOOP_NEVER: none
  int64_t retry_at;          // when to send it again; TROUPE_LOOP_NEVER: not
  int64_t refused_at;        // the first refusal that doesn't tell whether an earlier send arrived; NEVER: none
  uint32_t refused_by;       // a bit for each connection that refused it where another might not
  troupe_err_t refused_as;   // why the last broker didn't take it; OK: none refused it so far
  unsigned sends, overdue;
  bool parked;                // the broker was asked to keep it until its service comes
  node_connection_t *kept_by; // that one, when the call is to be taken back from it; or NULL
  unsigned rounds;            // how often it was parked
  node_row_t *row;    // ordering.c; NULL: stored, ended, or never in one
  node_list_t in_row;
  node_need_t *needs;     // depending.c: its inputs; until the call is stored
  node_list_t needed_by;  // calls whose input it is
  troupe_error_t *cause;  // how an input failed before it was known to be stored; NULL: none did
  bool hopeless;          // ... and it isn't: neither can be this call
  uint32_t needs_count;
  uint64_t sent;  // its number among core->sends
  bool follows;   // it was last sent with PREVIOUS
  bool held_back; // refused as out_of_order: waits for those before it
  bool answered;  // not in core->unanswered
  bool forgotten; // the user destroyed it
  bool cancelling;

  troupe_call_state_t state;
  troupe_status_t status;
  json_t *value;
  troupe_error_t *error; // NULL: none, or no memory for it (then status tells)

  node_connection_t *at;      // the connection that has it; NULL: in core->pending
  node_list_t place;          // in core->pending, at->calls or core->doomed
  troupe_placeholder_t *twin; // another one of the same call, in the table behind this one
  troupe_task_t *parent;
  node_list_t sibling; // in parent->children
  node_timer_t timer;

  troupe_part_fn *part;
  troupe_settled_fn *settled;
  void *context;
  node_ready_t ready;
  bool settled_due;
  node_list_t parts; // received, not read
  unsigned parts_count;
  uint64_t attempt, sequence; // of the next part expected
  char texts[]; // session and service
};

// What a broker says; `header` and `body` are borrowed.
void node_calling_accepted (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body);
void node_calling_part (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body);
void node_calling_settled (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body);
void node_calling_refused (node_connection_t *from, const troupe_header_t *header, const troupe_error_t *error);

// Is it neither settled nor refused? Is AWAIT what is to be sent for it?
bool node_calling_open (const troupe_placeholder_t *self);
bool node_calling_awaits (const troupe_placeholder_t *self);
// A broker answered: the call holds back no others any more.
void node_calling_answered (troupe_placeholder_t *self);
void node_calling_drop_input (troupe_placeholder_t *self);
void node_calling_send_cancel (troupe_placeholder_t *self, node_connection_t *to);
// Ends it as refused.
void node_calling_refuse (troupe_placeholder_t *self, const troupe_error_t *error);
// Sends it again after the time that the refusal asks for.
void node_calling_retry_later (troupe_placeholder_t *self, const troupe_error_t *error);
// Refused by one broker for what another may be better off in, its store or the services that it knows: it is sent to
// the next that is up. False: `why` is something else, or every one has refused it.
bool node_calling_elsewhere (troupe_placeholder_t *self, node_connection_t *from, troupe_err_t why);
// The broker for the next call: the first that is up, a bit of `without` for each that shall not be; one whose store is
// away only when all are so. NULL: none.
node_connection_t *node_calling_choose (node_core_t *core, uint32_t without);
// parking.c: what flags go with the call to this broker; and how long it is parked there.
uint64_t node_parking_flags (const troupe_placeholder_t *self, const node_connection_t *to);
int64_t node_parking_lasts (troupe_placeholder_t *self);
// It was refused, so the last send changed nothing.
void node_calling_unsend (troupe_placeholder_t *self);
// It has had no answer for so long: it is sent again, and when it is parked, to every broker.
void node_calling_again (troupe_placeholder_t *self);
// Takes the call back from the connection that has it, so that it is sent again.
void node_calling_requeue (troupe_placeholder_t *self);
// The task goes on under a new attempt, which the store takes to await nothing: what it awaits is asked for again.
void node_calling_await_again (troupe_task_t *parent);
// The connection is gone: what it had waits for another.
void node_calling_lost (node_connection_t *connection);
// Sends what waits, in order, as far as there is a connection with room.
void node_calling_dispatch (node_core_t *core);
// While no broker is up: sees to it that what waits too long is settled.
void node_calling_watch (node_core_t *core);
void node_calling_give_up (node_core_t *core);

// The task ends, for the reason `why`: what was called for it and has not settled ends as cancelled.
void node_calling_end_children (troupe_task_t *parent, const char *why);
// The node goes: its calls have no parent any more.
void node_calling_orphan (troupe_task_t *parent);

// Ends the placeholder: out of every list; its function is due.
void node_calling_settle (troupe_placeholder_t *self, troupe_call_state_t state, troupe_status_t status, json_t *value,
                          const troupe_error_t *error);
void node_calling_close (node_core_t *core);

// call.c: the largest value that the brokers take.
size_t node_size_limit (const node_core_t *core);

// placeholder.c
void node_placeholder_free (troupe_placeholder_t *self);
void node_placeholder_deliver (node_core_t *core, node_ready_t *ready);
bool node_placeholder_keep_part (troupe_placeholder_t *self, unsigned attempt, json_t *part);
void node_placeholder_fire (node_timer_t *timer);
// Sets the timer to what comes next.
void node_placeholder_arm (troupe_placeholder_t *self);

#endif

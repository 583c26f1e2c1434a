// SPDX-License-Identifier: Apache-2.0
//
// A node's services and the tasks that it runs.
#ifndef NODE_SERVING_H
#define NODE_SERVING_H

#include "node/state.h"

struct node_service {
  char *name;
  unsigned index; // in core->services and each connection's registrations
  bool actor;
  troupe_observes_t observes;
  unsigned credit;
  unsigned running; // tasks that have not ended: those that wait here too
  unsigned busy;    // those that the user has, or is about to get: at most the credit
  unsigned strays;  // of those: whose broker was lost
  node_list_t waiting;
  troupe_buffer_t *info;
  troupe_serve_fn *serve;
  void *context;
};

// The entries of a hub's log behind `since` up to `position`; `entries` 0: not told.
typedef struct {
  troupe_id_t hub;
  uint64_t since, position;
  size_t entries;
} node_stretch_t;

typedef enum {
  NODE_TASK_QUEUED,  // the user hasn't seen it yet
  NODE_TASK_RUNNING, // the user's
  NODE_TASK_ENDED    // its outcome waits to be confirmed (volatile: to be sent)
} node_task_phase_t;

struct troupe_task {
  node_core_t *core;       // NULL: the node is gone
  node_service_t *service; // NULL with the core
  char *service_name, *session, *trace; // in `more`
  troupe_id_t call;
  troupe_id_t *path; // with the call itself last: what a call made for it has as its path
  uint32_t path_count;
  json_t *input;
  uint64_t attempt;
  uint64_t epoch;   // of the actor, echoed with the outcome; 0: none was told
  int64_t deadline; // TROUPE_LOOP_NEVER: none
  bool streams;     // somebody reads its parts, or did and may come back
  bool actor, is_volatile, observes;
  size_t memory_size, news;
  node_stretch_t stretch; // of the log, where all of the news are
  bool heard; // all of the news
  node_connection_t *at;      // which offered it; NULL: that is lost
  node_connection_t *charged; // whose share it takes; NULL: nobody's
  node_list_t turn;           // in service->waiting
  bool stray;                 // counted in service->strays: it runs, and nobody's share pays for it
  bool let_in;                // counted in service->busy
  node_task_phase_t phase;
  node_list_t place;    // in core->all_tasks
  node_list_t children; // calls made for it
  node_table_t derived; // deriving.c: how often it made which call
  node_list_t recalls;
  unsigned recalls_count;
  node_timer_t timer;
  node_ready_t ready;

  // parts.c: what it has streamed, of which `sequence` is the next number.
  node_list_t parts;
  size_t parts_bytes;
  bool parts_cut;   // not all of it is kept
  uint32_t readers; // a bit for each connection
  uint64_t sequence;

  node_connection_t *asked; // whether the call has settled, since `at` is gone (losing.c); NULL: nobody

  bool cancelled; // not in core->tasks any more
  bool cancel_due;
  bool cancel_told;
  troupe_cancelled_fn *on_cancel;
  void *on_cancel_context;

  // What the actor shall remember: packed entries one after the other, and their sizes.
  char *memory;
  size_t memory_bytes, memory_capacity;
  uint32_t *sizes;
  uint32_t sizes_count;

  // NODE_TASK_ENDED
  troupe_status_t status;
  troupe_buffer_t *outcome; // the value or error, then the entries
  unsigned sends;
  bool retryable; // an error that may pass
  bool replaced;  // the outcome was refused as such, and an error took its place

  troupe_id_t more[]; // task.c: the path, and the texts behind it
};

// NULL: not served here.
node_service_t *node_service_find (const node_core_t *core, troupe_text_t name);
void node_service_register (node_connection_t *to, const node_service_t *service);
// REGISTER, UNREGISTER or GRANT was refused.
void node_service_refused (node_connection_t *from, const troupe_header_t *header, const troupe_error_t *error);

// What a broker says.
void node_serving_registered (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body);
void node_serving_unregistered (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body);
void node_serving_offer (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body);
void node_serving_cancel (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body);
void node_serving_stream (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body);
void node_serving_confirmed (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body);
void node_serving_recalled (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body);
void node_serving_heard (node_connection_t *from, const troupe_header_t *header, troupe_buffer_t *body);
void node_serving_refused (node_connection_t *from, const troupe_header_t *header, const troupe_error_t *error);

// The connection was welcomed: register, and send outcomes that nobody has.
void node_serving_welcomed (node_connection_t *connection);
void node_serving_lost (node_connection_t *connection);
// Asks again for registrations that were not answered.
void node_serving_tick (node_connection_t *connection);
void node_serving_unregister (node_connection_t *connection);
void node_serving_close (node_core_t *core);

// sharing.c
// Begins anew with even shares.
void node_share_evenly (node_core_t *core, const node_service_t *service);
// Tells each broker its share of the credit, where that has changed.
void node_share_grant (node_core_t *core);
// A broker said how many calls wait there (a heartbeat, or an offer).
void node_share_report (node_connection_t *from, const troupe_header_t *header);
// The task takes a share of `to`, and of no other one; NULL: of nobody.
void node_share_charge (troupe_task_t *task, node_connection_t *to);
// The broker that offered the task is lost. One that has begun runs on; one that hasn't is forgotten.
void node_share_stray (troupe_task_t *task);
// A task that was offered: due at once, or once there is room. And one that the instance runs no more.
void node_share_enter (troupe_task_t *task);
void node_share_leave (troupe_task_t *task);

// task.c
// Of an offer; `error` is set when it fails.
troupe_err_t node_task_new (troupe_task_t **out, node_service_t *service, node_core_t *core,
                            const troupe_header_t *header, troupe_buffer_t *body, troupe_error_t *error);
void node_task_free (troupe_task_t *self);
// The node goes; the user still has the task.
void node_task_detach (troupe_task_t *self);
// Cancelled, superseded or past its deadline: its outcome is dropped.
void node_task_cancel (troupe_task_t *self);
void node_task_deliver (node_core_t *core, node_ready_t *ready);
void node_task_fire (node_timer_t *timer);

// settling.c
// Sends the outcome, by the connection that offered the task or any other that is up; a volatile task is gone then.
void node_task_settle (troupe_task_t *self);
void node_task_settle_refused (troupe_task_t *self, const troupe_error_t *error);
// Makes an error the outcome.
void node_task_end_with_error (troupe_task_t *self, const troupe_error_t *error);

// recalling.c
void node_recall_resend (troupe_task_t *task); // after its connection changed
// Is it the answer to one that waits?
bool node_recall_waits (troupe_task_t *task, const troupe_header_t *header);
void node_recall_fail_all (troupe_task_t *task, const troupe_error_t *error);
void node_recall_drop_all (troupe_task_t *task);
void node_recall_deliver (troupe_task_t *task); // calls the function of one that is due
bool node_recall_due (const troupe_task_t *task);
void node_recall_said (node_hub_t *hub); // more of it is here
void node_recall_answered (troupe_task_t *task, const troupe_header_t *header, troupe_buffer_t *body);
void node_hear_answered (troupe_task_t *task, const troupe_header_t *header, troupe_buffer_t *body);
void node_recall_refused (troupe_task_t *task, const troupe_header_t *header, const troupe_error_t *error);

#endif

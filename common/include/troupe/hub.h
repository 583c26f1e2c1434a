// SPDX-License-Identifier: Apache-2.0
//
// Hubs: groups of actors of a session in which what one says the others observe (AgentScope section 3.1, MsgHub).
//
// What is said in a hub stands in its log, in the order in which the calls were *accepted*: the call of a member
// reserves the place that its reply will fill. When an actor replies to a call it has observed exactly what stands
// before that call's own place. So with
//
//   troupe_hub_open (&hub, node, &(troupe_hub_options_t){ .session = s, .members = members, .members_count = 3,
//                                                         .announcement = welcome }, &error);
//   troupe_call_t call = { .service = "agent/a1", .session = s, .hubs = troupe_hub_id (hub), .hubs_count = 1 };
//   troupe_node_call (node, &first, &call, &error);
//   call.service = "agent/a2";
//   troupe_node_call (node, &second, &call, &error); // at once: a2 hears what a1 says before it replies
//   troupe_hub_close (&hub);
//
// both placeholders are there at once, and a program that does one after the other does the same.
//
// Every function returns at once; what it asks for is done in the program's order, together with the calls of the
// same session that this node makes. What goes wrong later (the hub was closed because this process had been silent
// for longer than a lease, a member isn't known) comes as a warning.
//
// A hub ends by troupe_hub_close, with the task that it was opened for, or when its process has died for a lease (30
// s).
//
// Thread rule: as a node, on the loop's thread only.
#ifndef TROUPE_HUB_H
#define TROUPE_HUB_H

#include "troupe/node.h"

typedef struct troupe_hub troupe_hub_t;

enum { TROUPE_HUB_MEMBERS_MAX = 1000 };

// From the loop: something about the hub that the program should know: a member that is unknown, or there already; an
// operation that failed (`error` is NULL for a mere warning). `text` is a sentence.
typedef void (troupe_hub_warning_fn) (void *context, troupe_hub_t *hub, const char *text, const troupe_error_t *error);

typedef struct {
  const char *session;        // NULL: the parent's
  troupe_task_t *parent;      // the task that opens it, with which it ends; NULL: none
  const char *const *members; // services: "agent/alice"
  unsigned members_count;     // at most TROUPE_HUB_MEMBERS_MAX
  const json_t *announcement; // a message, a list of messages, or NULL; borrowed
  bool silent;                // auto-broadcast is off until it is set
  troupe_hub_warning_fn *warning; // NULL: logged
  void *context;
} troupe_hub_options_t;

// *out is the caller's. bad_argument (a name, no session), too_large, bad_message (the announcement), and those of
// troupe_node_call.
troupe_err_t troupe_hub_open (troupe_hub_t **out, troupe_node_t *node, const troupe_hub_options_t *options,
                              troupe_error_t *error);
// Leaves the hub: what was asked for before is still said and heard. Operations that are under way go on; what comes of
// them is told nobody any more. A hub that was opened for a task is closed before that is ended.
void troupe_hub_close (troupe_hub_t **self_p);

// Leaves it in the same way, but what comes of operations under way is still told. Once all have been answered
// `left (context)` is called, from the loop, which closes the hub; to close it earlier ends the telling. Until then no
// operation may be asked for, and `warning` must not close it. For a hub without a parent. no_memory, and those of
// troupe_node_call: it hasn't been left.
typedef void (troupe_hub_left_fn) (void *context, troupe_hub_t *hub);
troupe_err_t troupe_hub_leave (troupe_hub_t *self, troupe_hub_left_fn *left, void *context, troupe_error_t *error);

// For troupe_call_t's `hubs`.
const troupe_id_t *troupe_hub_id (const troupe_hub_t *self);
const char *troupe_hub_session (const troupe_hub_t *self);

// From here on, in the program's order, these hear and are heard, or don't any more.
troupe_err_t troupe_hub_add (troupe_hub_t *self, const char *const *members, unsigned count, troupe_error_t *error);
troupe_err_t troupe_hub_delete (troupe_hub_t *self, const char *const *members, unsigned count, troupe_error_t *error);
// All members observe it: a message or a list of messages, borrowed.
troupe_err_t troupe_hub_broadcast (troupe_hub_t *self, const json_t *messages, troupe_error_t *error);
// Whether replies are said in the hub at all; it begins with the next call.
troupe_err_t troupe_hub_set_auto_broadcast (troupe_hub_t *self, bool on, troupe_error_t *error);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// What verbs ask a mesh's store by way of a broker, and the form that such verbs have: `troupe dead list`, `troupe
// session end night-1`.
#ifndef CLI_QUESTION_H
#define CLI_QUESTION_H

#include "cli/client.h"
#include "cli/table.h"
#include "troupe/option.h"

// -- Asking ----------------------------------------------------------------------------------------------------------

// Begins to ask `what`; as troupe_node_letters and its like, which it calls.
typedef troupe_err_t (question_begin_fn) (troupe_node_t *node, const void *what, int64_t timeout_ms,
                                          troupe_reported_fn *reported, void *context);

// The answer, a new map; runs the loop until it is there. Errors are about `object`: what the broker refuses it with;
// unavailable: no broker is up, or none answered within `timeout_ms`; cancelled: the loop was asked to stop.
troupe_err_t question_ask (client_t *client, const char *object, question_begin_fn *begin, const void *what,
                           int64_t timeout_ms, json_t **out, troupe_error_t *error);

// -- Verbs -----------------------------------------------------------------------------------------------------------

typedef struct question question_t;
typedef troupe_err_t (question_fn) (question_t *self, troupe_error_t *error);

typedef struct {
  const char *name;
  bool named; // it is about things that are named, at least one; else none may be
  question_fn *fn;
} question_operation_t;

typedef struct {
  const char *name;
  const char *choices;        // "list or end"
  const char *things, *thing; // what is named: "names", "the name of a session"
  const char *all;            // the option that stands for every name; NULL: none does
  const question_operation_t *operations;
  size_t operations_count;
} question_verb_t;

// A verb that is run: connected to its mesh.
struct question {
  client_t client;
  const question_verb_t *verb;
  const troupe_args_t *args; // the operation, then names
};

// Does the operation that the arguments name. Returns the exit status.
int question_run (const question_verb_t *verb, const troupe_args_t *args);

// All that there is, a new list, by one question after the other: answers call it `name`, and say in "position" where
// the next one begins, which is put into `*position`, a part of `what`.
troupe_err_t question_list (question_t *self, const char *name, question_begin_fn *begin, const void *what,
                            uint64_t *position, json_t **out, troupe_error_t *error);

typedef void (question_row_fn) (table_t *table, const json_t *item);
// A list as a table, or with --json as it is.
void question_print (const question_t *self, const json_t *list, const char *const *heads, size_t columns,
                     question_row_fn *row);

#endif

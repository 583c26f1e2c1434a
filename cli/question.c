// SPDX-License-Identifier: Apache-2.0
//
// One broker is asked, for all have the same store, and the verb waits: it has nothing else to do.
#include "cli/question.h"

#include "cli/output.h"
#include "troupe/log.h"

#include <string.h>

enum { LIST_MS = 5000 }; // a question for a list: 64 small requests to Redis

// -- Asking ----------------------------------------------------------------------------------------------------------

typedef struct {
  bool here;
  json_t *json; // NULL: there was no memory for it
} answer_t;

static void
keep (void *context, const json_t *answers)
{
  answer_t *self = context;
  self->here = true;
  self->json = json_deep_copy (json_array_get (answers, 0));
}

troupe_err_t
question_ask (client_t *client, const char *object, question_begin_fn *begin, const void *what, int64_t timeout_ms,
              json_t **out, troupe_error_t *error)
{
  answer_t answer = {false, NULL};
  troupe_err_t err = begin (client->node, what, timeout_ms, keep, &answer);
  while (err == TROUPE_OK && !answer.here)
    err = troupe_loop_stopping (client->loop) ? TROUPE_CANCELLED : troupe_loop_turn (client->loop, timeout_ms);
  troupe_node_stop_asking (client->node, &answer); // that it may be interrupted
  if (err == TROUPE_OK && !answer.json)
    err = TROUPE_NO_MEMORY;
  if (err != TROUPE_OK)
    return troupe_error_set (error, err, object, "see `troupe ps`", "%s", troupe_err_text (err));
  const json_t *failure = json_object_get (answer.json, "error");
  if (!failure) {
    *out = answer.json;
    return TROUPE_OK;
  }
  troupe_error_of_json (error, failure);
  json_decref (answer.json);
  return error->code;
}

// -- Verbs -----------------------------------------------------------------------------------------------------------

troupe_err_t
question_list (question_t *self, const char *name, question_begin_fn *begin, const void *what, uint64_t *position,
               json_t **out, troupe_error_t *error)
{
  json_t *list = json_array ();
  do {
    json_t *answer;
    troupe_err_t err = question_ask (&self->client, self->verb->name, begin, what, LIST_MS, &answer, error);
    if (err != TROUPE_OK) {
      json_decref (list);
      return err;
    }
    json_array_extend (list, json_object_get (answer, name));
    *position = (uint64_t)json_integer_value (json_object_get (answer, "position"));
    json_decref (answer);
  } while (*position > 0);
  *out = list;
  return TROUPE_OK;
}

void
question_print (const question_t *self, const json_t *list, const char *const *heads, size_t columns,
                question_row_fn *row)
{
  table_t table;
  size_t i;
  json_t *item;
  if (troupe_args_flag (self->args, "json")) {
    output_json (list);
    return;
  }
  table_init (&table, heads, columns);
  json_array_foreach (list, i, item)
    row (&table, item);
  table_print (&table, stdout);
  table_free (&table);
}

static troupe_err_t
choose (const question_verb_t *verb, const troupe_args_t *args, question_fn **fn, troupe_error_t *error)
{
  const char *name = troupe_args_operand (args, 0);
  char hint[TROUPE_ERROR_NEXT_MAX];
  size_t i = 0;
  while (i < verb->operations_count && strcmp (verb->operations[i].name, name) != 0)
    i++;
  if (i == verb->operations_count)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, name, verb->choices, "no such operation");
  *fn = verb->operations[i].fn;
  bool named = troupe_args_count (args) > 1 || (verb->all && troupe_args_flag (args, verb->all));
  if (named == verb->operations[i].named)
    return TROUPE_OK;
  snprintf (hint, sizeof hint, "see `troupe %s list`", verb->name);
  return troupe_error_set (error, TROUPE_BAD_ARGUMENT, name, hint, named ? "it takes no %s" : "%s is missing",
                           named ? verb->things : verb->thing);
}

static troupe_err_t
run (question_t *self, const mesh_t *mesh, question_fn *fn, troupe_error_t *error)
{
  troupe_err_t err = client_open (&self->client, mesh, self->verb->name, NULL, error);
  if (err != TROUPE_OK)
    return err;
  err = client_connect (&self->client, mesh, error);
  if (err == TROUPE_OK)
    err = fn (self, error);
  client_close (&self->client);
  return err;
}

int
question_run (const question_verb_t *verb, const troupe_args_t *args)
{
  question_t self = {.verb = verb, .args = args};
  question_fn *fn = NULL;
  troupe_error_t error = {0};
  mesh_t mesh;
  troupe_log_init (&(troupe_log_options_t){.program = verb->name, .level = TROUPE_LOG_ERROR});
  troupe_err_t err = choose (verb, args, &fn, &error);
  if (err != TROUPE_OK)
    return output_error (&error);
  err = mesh_find (&mesh, args);
  if (err != TROUPE_OK)
    return troupe_err_exit (err);
  err = run (&self, &mesh, fn, &error);
  mesh_close (&mesh);
  return output_end (err, &error);
}

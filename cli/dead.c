// SPDX-License-Identifier: Apache-2.0
//
// `troupe dead`: calls that killed their instances. Each verb first lists the letters, since people name one by its id,
// and brokers find one by its session; there are seldom more than a few.
#include "cli/client.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "troupe/log.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ANSWER_MS = 5000 }; // one request to Redis, or 64 small ones

typedef struct {
  client_t client;
  const troupe_args_t *args;
  json_t *letters;
  troupe_placeholder_t *placeholder; // of a call that is made again
  json_t *answers;
} dead_t;

static const char *
text_of (const json_t *object, const char *key)
{
  const char *text = json_string_value (json_object_get (object, key));
  return text ? text : "";
}

// -- Asking ------------------------------------------------------------------------------------------------------------

static void
keep (void *context, const json_t *answers)
{
  dead_t *self = context;
  self->answers = json_deep_copy (answers);
}

// *out is a new map.
static troupe_err_t
ask (dead_t *self, const troupe_letters_t *question, json_t **out, troupe_error_t *error)
{
  self->answers = NULL;
  troupe_err_t err = troupe_node_letters (self->client.node, question, ANSWER_MS, keep, self);
  while (err == TROUPE_OK && !self->answers)
    err = troupe_loop_turn (self->client.loop, ANSWER_MS);
  if (err != TROUPE_OK)
    return troupe_error_set (error, err, "dead", "see `troupe ps`", "%s", troupe_err_text (err));
  json_t *answer = json_array_get (self->answers, 0), *failure = json_object_get (answer, "error");
  *out = failure ? NULL : json_incref (answer);
  if (failure)
    troupe_error_of_json (error, failure);
  json_decref (self->answers);
  if (!*out && !failure)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "dead", NULL, "out of memory");
  return failure ? error->code : TROUPE_OK;
}

static troupe_err_t
list (dead_t *self, troupe_error_t *error)
{
  troupe_letters_t question = {.op = TROUPE_LETTERS_LIST};
  self->letters = json_array ();
  do {
    json_t *answer;
    troupe_err_t err = ask (self, &question, &answer, error);
    if (err != TROUPE_OK)
      return err;
    json_array_extend (self->letters, json_object_get (answer, "letters"));
    question.position = (uint64_t)json_integer_value (json_object_get (answer, "position"));
    json_decref (answer);
  } while (question.position > 0);
  return TROUPE_OK;
}

// By its id, or the beginning or end of it that no other one has.
static troupe_err_t
find (const dead_t *self, const char *name, const json_t **out, troupe_error_t *error)
{
  size_t i, size = strlen (name), found = 0;
  json_t *letter;
  json_array_foreach (self->letters, i, letter) {
    const char *id = text_of (letter, "id");
    bool ends = strlen (id) >= size && strcmp (id + strlen (id) - size, name) == 0;
    if (strncmp (id, name, size) != 0 && !ends)
      continue;
    *out = letter;
    found++;
  }
  if (found == 1)
    return TROUPE_OK;
  return troupe_error_set (error, found ? TROUPE_BAD_ARGUMENT : TROUPE_NOT_FOUND, name,
                           found ? "give more of the id" : "see `troupe dead list`",
                           found ? "%zu dead letters have such an id" : "there is no such dead letter", found);
}

// -- What is done ------------------------------------------------------------------------------------------------------

static void
describe_time (char *out, size_t size, json_int_t ms)
{
  time_t seconds = (time_t)(ms / 1000);
  struct tm local;
  if (!localtime_r (&seconds, &local) || strftime (out, size, "%Y-%m-%d %H:%M:%S", &local) == 0)
    snprintf (out, size, "?");
}

static troupe_err_t
print_list (const dead_t *self)
{
  static const char *const heads[] = {"ID", "SERVICE", "SESSION", "DEATHS", "LAST HOW", "WHEN"};
  table_t table;
  size_t i;
  json_t *letter;
  if (troupe_args_flag (self->args, "json")) {
    output_json (self->letters);
    return TROUPE_OK;
  }
  table_init (&table, heads, sizeof heads / sizeof *heads);
  json_array_foreach (self->letters, i, letter) {
    char deaths[16], when[32];
    const json_t *all = json_object_get (letter, "deaths");
    snprintf (deaths, sizeof deaths, "%zu", json_array_size (all));
    describe_time (when, sizeof when, json_integer_value (json_object_get (letter, "at")));
    table_add (&table,
               (const char *[]){text_of (letter, "id"), text_of (letter, "service"), text_of (letter, "session"),
                                deaths, text_of (json_array_get (all, json_array_size (all) - 1), "how"), when});
  }
  table_print (&table, stdout);
  table_free (&table);
  return TROUPE_OK;
}

static troupe_letters_t
about (const json_t *letter, troupe_letters_op_t op, troupe_id_t *id)
{
  troupe_id_of_text (id, text_of (letter, "id"));
  return (troupe_letters_t){.op = op, .session = text_of (letter, "session"), .call = id};
}

static troupe_err_t
show (dead_t *self, const json_t *letter, troupe_error_t *error)
{
  troupe_id_t id = {{0}};
  json_t *answer;
  troupe_letters_t question = about (letter, TROUPE_LETTERS_SHOW, &id);
  troupe_err_t err = ask (self, &question, &answer, error);
  if (err != TROUPE_OK)
    return err;
  json_object_del (answer, "broker");
  json_object_del (answer, "endpoint");
  json_object_del (answer, "up");
  output_json (answer);
  json_decref (answer);
  return TROUPE_OK;
}

static troupe_err_t
drop (dead_t *self, const json_t *letter, troupe_error_t *error)
{
  troupe_id_t id = {{0}};
  json_t *answer;
  troupe_letters_t question = about (letter, TROUPE_LETTERS_DISCARD, &id);
  troupe_err_t err = ask (self, &question, &answer, error);
  if (err == TROUPE_OK)
    json_decref (answer);
  return err;
}

// Prints how the new call ends.
static troupe_err_t
follow (dead_t *self, const troupe_id_t *again, const char *session, troupe_error_t *error)
{
  troupe_err_t err = troupe_node_await (self->client.node, &self->placeholder,
                                        &(troupe_await_t){.id = again, .session = session}, error);
  if (err == TROUPE_OK)
    err = troupe_placeholder_wait (self->placeholder, -1);
  if (err != TROUPE_OK)
    return troupe_error_set (error, err, "dead", NULL, "interrupted; the call goes on");
  const json_t *value = troupe_placeholder_value (self->placeholder);
  if (value)
    output_json (value);
  else
    *error = *troupe_placeholder_error (self->placeholder);
  return value ? TROUPE_OK : error->code;
}

static troupe_err_t
retry (dead_t *self, const json_t *letter, troupe_error_t *error)
{
  char text[TROUPE_ID_TEXT_SIZE];
  troupe_id_t id = {{0}}, again = troupe_id_new ();
  json_t *answer;
  troupe_letters_t question = about (letter, TROUPE_LETTERS_RESEND, &id);
  question.again = &again;
  troupe_err_t err = ask (self, &question, &answer, error);
  if (err != TROUPE_OK)
    return err;
  json_decref (answer);
  troupe_id_to_text (&again, text);
  fprintf (stderr, "call %s in session %s\n", text, question.session);
  return troupe_args_flag (self->args, "detach") ? TROUPE_OK : follow (self, &again, question.session, error);
}

// -- The verb ----------------------------------------------------------------------------------------------------------

typedef troupe_err_t (letter_fn) (dead_t *self, const json_t *letter, troupe_error_t *error);

static troupe_err_t
for_each (dead_t *self, letter_fn *fn, troupe_error_t *error)
{
  size_t i;
  json_t *all;
  troupe_err_t err = TROUPE_OK;
  if (troupe_args_flag (self->args, "all"))
    json_array_foreach (self->letters, i, all) {
      err = err == TROUPE_OK ? fn (self, all, error) : err;
    }
  for (i = 1; err == TROUPE_OK && i < troupe_args_count (self->args); i++) {
    const json_t *letter = NULL;
    err = find (self, troupe_args_operand (self->args, i), &letter, error);
    if (err == TROUPE_OK)
      err = fn (self, letter, error);
  }
  return err;
}

static const struct {
  const char *name;
  letter_fn *fn; // NULL: lists
} operations[] = {{"list", NULL}, {"show", show}, {"retry", retry}, {"drop", drop}};

static troupe_err_t
run (dead_t *self, const mesh_t *mesh, letter_fn *fn, troupe_error_t *error)
{
  troupe_err_t err = client_open (&self->client, mesh, "dead", NULL, error);
  if (err != TROUPE_OK)
    return err;
  err = client_connect (&self->client, mesh, error);
  if (err == TROUPE_OK)
    err = list (self, error);
  if (err == TROUPE_OK)
    err = fn ? for_each (self, fn, error) : print_list (self);
  json_decref (self->letters);
  troupe_placeholder_destroy (&self->placeholder);
  client_close (&self->client);
  return err;
}

static troupe_err_t
check (const troupe_args_t *args, letter_fn **fn, troupe_error_t *error)
{
  const char *name = troupe_args_operand (args, 0);
  size_t i = 0, count = sizeof operations / sizeof *operations;
  while (i < count && strcmp (operations[i].name, name) != 0)
    i++;
  if (i == count)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, name, "list, show, retry or drop", "no such operation");
  *fn = operations[i].fn;
  bool named = troupe_args_count (args) > 1 || troupe_args_flag (args, "all");
  if ((*fn != NULL) == named)
    return TROUPE_OK;
  return troupe_error_set (error, TROUPE_BAD_ARGUMENT, name, "see `troupe dead list`",
                           named ? "it takes no ids" : "the id of a dead letter is missing");
}

int
dead_run (const troupe_args_t *args)
{
  dead_t self = {.args = args};
  letter_fn *fn = NULL;
  troupe_error_t error = {0};
  mesh_t mesh;
  troupe_log_init (&(troupe_log_options_t){.program = "dead", .level = TROUPE_LOG_ERROR});
  troupe_err_t err = check (args, &fn, &error);
  if (err != TROUPE_OK)
    return output_error (&error);
  err = mesh_find (&mesh, args);
  if (err != TROUPE_OK)
    return troupe_err_exit (err);
  err = run (&self, &mesh, fn, &error);
  mesh_close (&mesh);
  if (err == TROUPE_OK && fflush (stdout) != 0)
    err = troupe_error_set (&error, TROUPE_IO, "standard output", NULL, "can't be written");
  return err == TROUPE_OK ? 0 : output_error (&error);
}

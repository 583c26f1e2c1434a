// SPDX-License-Identifier: Apache-2.0
//
// `troupe dead`: calls that killed their instances. Each operation first lists the letters, since people name one by
// its id, and brokers find one by its session; there are seldom more than a few.
#include "cli/output.h"
#include "cli/question.h"
#include "cli/verbs.h"

#include <string.h>
#include <time.h>

enum { ANSWER_MS = 5000 }; // one request to Redis

static const char *
text_of (const json_t *object, const char *key)
{
  const char *text = json_string_value (json_object_get (object, key));
  return text ? text : "";
}

// -- Asking ----------------------------------------------------------------------------------------------------------

static troupe_err_t
begin (troupe_node_t *node, const void *what, int64_t timeout_ms, troupe_reported_fn *reported, void *context)
{
  return troupe_node_letters (node, what, timeout_ms, reported, context);
}

static troupe_err_t
ask (question_t *self, const troupe_letters_t *what, json_t **out, troupe_error_t *error)
{
  return question_ask (&self->client, self->verb->name, begin, what, ANSWER_MS, out, error);
}

static troupe_err_t
read_letters (question_t *self, json_t **out, troupe_error_t *error)
{
  troupe_letters_t what = {.op = TROUPE_LETTERS_LIST};
  return question_list (self, "letters", begin, &what, &what.position, out, error);
}

static troupe_letters_t
about (const json_t *letter, troupe_letters_op_t op, troupe_id_t *id)
{
  troupe_id_of_text (id, text_of (letter, "id"));
  return (troupe_letters_t){.op = op, .session = text_of (letter, "session"), .call = id};
}

// -- list ------------------------------------------------------------------------------------------------------------

static void
describe_time (char *out, size_t size, json_int_t ms)
{
  time_t seconds = (time_t)(ms / 1000);
  struct tm local;
  if (!localtime_r (&seconds, &local) || strftime (out, size, "%Y-%m-%d %H:%M:%S", &local) == 0)
    snprintf (out, size, "?");
}

static void
add_row (table_t *table, const json_t *letter)
{
  char count[16], when[32];
  const json_t *deaths = json_object_get (letter, "deaths");
  const char *how = text_of (json_array_get (deaths, json_array_size (deaths) - 1), "how");
  snprintf (count, sizeof count, "%zu", json_array_size (deaths));
  describe_time (when, sizeof when, json_integer_value (json_object_get (letter, "at")));
  table_add (table, (const char *[]){text_of (letter, "id"), text_of (letter, "service"), text_of (letter, "session"),
                                     count, how, when});
}

static troupe_err_t
list (question_t *self, troupe_error_t *error)
{
  static const char *const heads[] = {"ID", "SERVICE", "SESSION", "DEATHS", "LAST HOW", "WHEN"};
  json_t *letters;
  troupe_err_t err = read_letters (self, &letters, error);
  if (err != TROUPE_OK)
    return err;
  question_print (self, letters, heads, sizeof heads / sizeof *heads, add_row);
  json_decref (letters);
  return TROUPE_OK;
}

// -- What is done with one -------------------------------------------------------------------------------------------

static troupe_err_t
show_one (question_t *self, const json_t *letter, troupe_error_t *error)
{
  troupe_id_t id = {{0}};
  json_t *answer;
  troupe_letters_t what = about (letter, TROUPE_LETTERS_SHOW, &id);
  troupe_err_t err = ask (self, &what, &answer, error);
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
drop_one (question_t *self, const json_t *letter, troupe_error_t *error)
{
  troupe_id_t id = {{0}};
  json_t *answer;
  troupe_letters_t what = about (letter, TROUPE_LETTERS_DISCARD, &id);
  troupe_err_t err = ask (self, &what, &answer, error);
  if (err == TROUPE_OK)
    json_decref (answer);
  return err;
}

// Prints how the new call ends.
static troupe_err_t
follow (question_t *self, const troupe_id_t *again, const char *session, troupe_error_t *error)
{
  troupe_placeholder_t *placeholder = NULL;
  const troupe_await_t await = {.id = again, .session = session};
  troupe_err_t err = troupe_node_await (self->client.node, &placeholder, &await, error);
  if (err == TROUPE_OK)
    err = troupe_placeholder_wait (placeholder, -1);
  const json_t *value = placeholder ? troupe_placeholder_value (placeholder) : NULL;
  if (err != TROUPE_OK)
    troupe_error_set (error, err, "dead", NULL, "interrupted; the call goes on");
  else if (value)
    output_json (value);
  else
    *error = *troupe_placeholder_error (placeholder);
  if (err == TROUPE_OK && !value)
    err = error->code;
  troupe_placeholder_destroy (&placeholder);
  return err;
}

static troupe_err_t
retry_one (question_t *self, const json_t *letter, troupe_error_t *error)
{
  char text[TROUPE_ID_TEXT_SIZE];
  troupe_id_t id = {{0}}, again = troupe_id_new ();
  json_t *answer;
  troupe_letters_t what = about (letter, TROUPE_LETTERS_RESEND, &id);
  what.again = &again;
  troupe_err_t err = ask (self, &what, &answer, error);
  if (err != TROUPE_OK)
    return err;
  json_decref (answer);
  troupe_id_to_text (&again, text);
  fprintf (stderr, "call %s in session %s\n", text, what.session);
  return troupe_args_flag (self->args, "detach") ? TROUPE_OK : follow (self, &again, what.session, error);
}

// -- ... and with those that are named -------------------------------------------------------------------------------

typedef troupe_err_t (letter_fn) (question_t *self, const json_t *letter, troupe_error_t *error);

// By its id, or the beginning or end of it that no other one has.
static troupe_err_t
find (const json_t *letters, const char *name, const json_t **out, troupe_error_t *error)
{
  size_t i, size = strlen (name), found = 0;
  json_t *letter;
  json_array_foreach (letters, i, letter) {
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

static troupe_err_t
for_each (question_t *self, letter_fn *fn, troupe_error_t *error)
{
  size_t i;
  json_t *letters = NULL, *letter;
  troupe_err_t err = read_letters (self, &letters, error);
  if (troupe_args_flag (self->args, "all"))
    json_array_foreach (letters, i, letter)
      err = err == TROUPE_OK ? fn (self, letter, error) : err;
  for (i = 1; err == TROUPE_OK && i < troupe_args_count (self->args); i++) {
    const json_t *named = NULL;
    err = find (letters, troupe_args_operand (self->args, i), &named, error);
    if (err == TROUPE_OK)
      err = fn (self, named, error);
  }
  json_decref (letters);
  return err;
}

static troupe_err_t
show (question_t *self, troupe_error_t *error)
{
  return for_each (self, show_one, error);
}

static troupe_err_t
retry (question_t *self, troupe_error_t *error)
{
  return for_each (self, retry_one, error);
}

static troupe_err_t
drop (question_t *self, troupe_error_t *error)
{
  return for_each (self, drop_one, error);
}

// -- The verb --------------------------------------------------------------------------------------------------------

int
dead_run (const troupe_args_t *args)
{
  static const question_operation_t operations[] = {
    {"list", false, list}, {"show", true, show}, {"retry", true, retry}, {"drop", true, drop}};
  static const question_verb_t verb = {.name = "dead",
                                       .choices = "list, show, retry or drop",
                                       .things = "ids",
                                       .thing = "the id of a dead letter",
                                       .all = "all",
                                       .operations = operations,
                                       .operations_count = sizeof operations / sizeof *operations};
  return question_run (&verb, args);
}

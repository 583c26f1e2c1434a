// SPDX-License-Identifier: Apache-2.0
//
// `troupe session`: which sessions there are, and that one ends.
#include "cli/ending.h"
#include "cli/question.h"
#include "cli/verbs.h"

enum { PATIENCE_MS = 60 * 1000 }; // with the end of a session: one with a million actors

// -- list ------------------------------------------------------------------------------------------------------------

// "3 d", "5 h", "12 min", "7 s"
static void
describe_idle (char *out, size_t size, const json_t *session)
{
  static const struct {
    json_int_t seconds;
    const char *unit;
  } units[] = {{24 * 3600, "d"}, {3600, "h"}, {60, "min"}, {0, "s"}};
  json_int_t idle = json_integer_value (json_object_get (session, "idle"));
  unsigned i = 0;
  while (idle < units[i].seconds)
    i++;
  json_int_t unit = units[i].seconds > 0 ? units[i].seconds : 1;
  snprintf (out, size, "%" JSON_INTEGER_FORMAT " %s", idle / unit, units[i].unit);
  if (json_is_true (json_object_get (session, "ending")))
    snprintf (out, size, "ending");
  else if (json_integer_value (json_object_get (session, "open")) > 0)
    snprintf (out, size, "-");
}

static void
add_row (table_t *table, const json_t *session)
{
  char open[24], parts[24], idle[32];
  const char *name = json_string_value (json_object_get (session, "session"));
  snprintf (open, sizeof open, "%" JSON_INTEGER_FORMAT, json_integer_value (json_object_get (session, "open")));
  snprintf (parts, sizeof parts, "%" JSON_INTEGER_FORMAT, json_integer_value (json_object_get (session, "parts")));
  describe_idle (idle, sizeof idle, session);
  table_add (table, (const char *[]){name ? name : "", open, parts, idle});
}

static troupe_err_t
begin (troupe_node_t *node, const void *what, int64_t timeout_ms, troupe_reported_fn *reported, void *context)
{
  const uint64_t *position = what;
  return troupe_node_sessions (node, *position, timeout_ms, reported, context);
}

static troupe_err_t
list (question_t *self, troupe_error_t *error)
{
  static const char *const heads[] = {"SESSION", "OPEN CALLS", "ACTORS AND HUBS", "IDLE"};
  uint64_t position = 0;
  json_t *sessions;
  troupe_err_t err = question_list (self, "sessions", begin, &position, &position, &sessions, error);
  if (err != TROUPE_OK)
    return err;
  question_print (self, sessions, heads, sizeof heads / sizeof *heads, add_row);
  json_decref (sessions);
  return TROUPE_OK;
}

// -- end -------------------------------------------------------------------------------------------------------------

static troupe_err_t
end (question_t *self, troupe_error_t *error)
{
  troupe_err_t err = TROUPE_OK;
  for (size_t i = 1; err == TROUPE_OK && i < troupe_args_count (self->args); i++) {
    const char *name = troupe_args_operand (self->args, i);
    bool ended = false;
    err = ending_session (&self->client, name, PATIENCE_MS, &ended, error);
    if (err == TROUPE_BAD_ARGUMENT)
      troupe_error_set (error, err, name, "see `troupe session list`",
                        "a session's name is 1 to 128 printable ASCII characters without spaces");
    if (err == TROUPE_OK && !ended)
      err = troupe_error_set (error, TROUPE_NOT_FOUND, name, "see `troupe session list`",
                              "there is no such session (any more)");
  }
  return err;
}

// -- The verb --------------------------------------------------------------------------------------------------------

int
session_run (const troupe_args_t *args)
{
  static const question_operation_t operations[] = {{"list", false, list}, {"end", true, end}};
  static const question_verb_t verb = {.name = "session",
                                       .choices = "list or end",
                                       .things = "names",
                                       .thing = "the name of a session",
                                       .operations = operations,
                                       .operations_count = sizeof operations / sizeof *operations};
  return question_run (&verb, args);
}

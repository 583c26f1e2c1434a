// SPDX-License-Identifier: Apache-2.0
//
// Asking again: counts the tries and remembers what was wrong with each. It neither calls the model nor keeps the
// conversation; whoever does that asks here what to do next.

#include "troupe/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct troupe_asking {
  const troupe_parser_t *parser;
  troupe_asking_options_t options;
  troupe_parsed_t *last; // the result of the last reply: its feedback, or after ACCEPT what it says
  json_t *log;
  unsigned attempts;
  bool ended, accepted;
};

troupe_err_t
troupe_asking_new (troupe_asking_t **out, const troupe_parser_t *parser, const troupe_asking_options_t *options,
                   troupe_error_t *error)
{
  *out = NULL;
  if (options->retries_max > TROUPE_ASKING_RETRIES_MAX)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "retries_max", NULL, "at most %d retries",
                             TROUPE_ASKING_RETRIES_MAX);
  troupe_asking_t *self = calloc (1, sizeof *self);
  if (self != NULL && (self->log = json_array ()) == NULL) {
    free (self);
    self = NULL;
  }
  if (self == NULL)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "parser", NULL, "%s", troupe_err_text (TROUPE_NO_MEMORY));
  self->parser = parser;
  self->options = *options;
  *out = self;
  return TROUPE_OK;
}

void
troupe_asking_destroy (troupe_asking_t **self_p)
{
  if (self_p == NULL || *self_p == NULL)
    return;
  troupe_parsed_destroy (&(*self_p)->last);
  json_decref ((*self_p)->log);
  free (*self_p);
  *self_p = NULL;
}

static void
count (const troupe_asking_t *self, troupe_tally_event_t event, const json_t *repairs)
{
  troupe_tally_count (self->options.tally, self->options.model, event, repairs);
}

// Ends with an error that lists every attempt, as far as it has room.
static void
give_up (troupe_asking_t *self, const troupe_error_t *handler, troupe_error_t *error)
{
  char why[TROUPE_ERROR_WHY_MAX];
  size_t i, used;
  json_t *entry;
  used = (size_t)snprintf (why, sizeof why, "no reply of %u had the form that is expected", self->attempts);
  json_array_foreach (self->log, i, entry)
    if (used < sizeof why)
      used += (size_t)snprintf (why + used, sizeof why - used, "%s %zu: %s", i == 0 ? ":" : ";", i + 1,
                                json_string_value (json_object_get (entry, "wrong")));
  if (handler != NULL && handler->why[0] != '\0' && used < sizeof why)
    snprintf (why + used, sizeof why - used, "; the fault handler: %s", handler->why);
  troupe_error_set (error, TROUPE_BAD_MESSAGE, "reply", "ask another model, or for a simpler form", "%s", why);
}

// The fault handler's fields count as the result. False: it has none.
static troupe_err_t
ask_handler (troupe_asking_t *self, const char *reply, troupe_error_t *said, troupe_error_t *error)
{
  json_t *fields = NULL;
  troupe_parsed_t *made;
  troupe_err_t err = self->options.fault_handler (self->options.arg, reply, &fields, said);
  if (err == TROUPE_OK) {
    err = troupe_parser_accept (self->parser, fields, &made, said);
    if (err == TROUPE_OK) {
      troupe_parsed_destroy (&self->last);
      self->last = made;
    } else if (err == TROUPE_NO_MEMORY && error != NULL) {
      *error = *said;
    }
  }
  json_decref (fields);
  return err;
}

static troupe_err_t
fail (troupe_asking_t *self, const char *reply, const troupe_error_t *wrong, troupe_asking_step_t *step,
      troupe_error_t *error)
{
  troupe_error_t said = {0};
  json_t *entry = json_pack ("{s:i, s:s, s:s, s:O}", "attempt", (int)self->attempts, "wrong", wrong->why, "feedback",
                             troupe_parsed_feedback (self->last), "repairs", troupe_parsed_repairs (self->last));
  if (entry == NULL || json_array_append_new (self->log, entry) != 0)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "reply", NULL, "%s", troupe_err_text (TROUPE_NO_MEMORY));
  *step = TROUPE_ASKING_AGAIN;
  if (self->attempts <= self->options.retries_max) {
    count (self, TROUPE_TALLY_RETRY, NULL);
    return TROUPE_OK;
  }
  self->ended = true;
  if (self->options.fault_handler != NULL) {
    troupe_err_t err = ask_handler (self, reply, &said, error);
    if (err == TROUPE_NO_MEMORY)
      return err;
    self->accepted = err == TROUPE_OK;
  }
  *step = self->accepted ? TROUPE_ASKING_ACCEPT : TROUPE_ASKING_GIVE_UP;
  count (self, self->accepted ? TROUPE_TALLY_HANDLED : TROUPE_TALLY_FAILED, NULL);
  if (!self->accepted)
    give_up (self, &said, error);
  return TROUPE_OK;
}

troupe_err_t
troupe_asking_reply (troupe_asking_t *self, const char *reply, troupe_asking_step_t *step, troupe_error_t *error)
{
  troupe_error_t wrong;
  troupe_parsed_t *parsed;
  if (self->ended)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "reply", NULL, "a step was already decided for good");
  troupe_err_t err = troupe_parser_parse (self->parser, reply, &parsed, &wrong);
  if (err != TROUPE_OK && err != TROUPE_BAD_MESSAGE) {
    if (error != NULL)
      *error = wrong;
    return err;
  }
  troupe_parsed_destroy (&self->last);
  self->last = parsed;
  self->attempts++;
  const json_t *repairs = troupe_parsed_repairs (parsed);
  bool mended = json_array_size (repairs) > 0;
  count (self, err != TROUPE_OK ? TROUPE_TALLY_WRONG : mended ? TROUPE_TALLY_MENDED : TROUPE_TALLY_UNCHANGED, repairs);
  if (err == TROUPE_BAD_MESSAGE)
    return fail (self, reply, &wrong, step, error);
  self->ended = self->accepted = true;
  *step = TROUPE_ASKING_ACCEPT;
  return TROUPE_OK;
}

void
troupe_asking_set_model (troupe_asking_t *self, const char *model)
{
  self->options.model = model;
}

const char *
troupe_asking_message (const troupe_asking_t *self)
{
  return self->last != NULL && !self->accepted ? troupe_parsed_feedback (self->last) : NULL;
}

const troupe_parsed_t *
troupe_asking_result (const troupe_asking_t *self)
{
  return self->accepted ? self->last : NULL;
}

unsigned
troupe_asking_attempts (const troupe_asking_t *self)
{
  return self->attempts;
}

json_t *
troupe_asking_log (const troupe_asking_t *self)
{
  return json_deep_copy (self->log);
}

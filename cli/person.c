// SPDX-License-Identifier: Apache-2.0
//
// The person (person.h). The terminal is opened with the first question, so a workflow that asks nobody leaves standard
// input alone. At the end of input every question fails, since nobody will answer any more.
#include "cli/person.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROMPT_MAX = 96 };

struct question {
  question_t *next;
  troupe_turn_t *turn;
};

static void ask (person_t *self);

void
person_init (person_t *self, troupe_loop_t *loop)
{
  *self = (person_t){.loop = loop};
  speech_init (&self->speech, "", isatty (STDOUT_FILENO), false);
}

void
person_print_begin (person_t *self)
{
  if (self->terminal)
    terminal_print_begin (self->terminal);
}

void
person_print_end (person_t *self)
{
  if (self->terminal)
    terminal_print_end (self->terminal);
}

static void
show (person_t *self, const json_t *messages)
{
  if (json_array_size (messages) == 0)
    return;
  person_print_begin (self);
  speech_question (&self->speech, (json_t *)(uintptr_t)messages); // jansson reads lists as changeable ones
  person_print_end (self);
}

// The first question is over; its turn, which is still to be ended.
static troupe_turn_t *
take (person_t *self)
{
  question_t *question = self->questions;
  troupe_turn_t *turn = question->turn;
  self->questions = question->next;
  free (question);
  return turn;
}

static void
fail (troupe_turn_t *turn, troupe_err_t code, const char *why)
{
  troupe_error_t error;
  troupe_error_set (&error, code, troupe_turn_agent (turn), NULL, "%s", why);
  troupe_turn_fail (&turn, &error);
}

static void
on_line (void *context, const char *line, const troupe_error_t *error)
{
  person_t *self = context;
  if (error) {
    fprintf (stderr, "troupe: ");
    troupe_error_print (error, stderr);
  } else if (!line) {
    self->left = true;
    while (self->questions)
      fail (take (self), TROUPE_CANCELLED, "the user has left: the input has ended");
  } else if (self->questions) {
    troupe_turn_t *turn = take (self);
    json_t *content = json_string (line);
    if (content)
      troupe_turn_reply (&turn, content, NULL);
    else
      fail (turn, TROUPE_BAD_MESSAGE, "what was typed isn't UTF-8");
    if (self->questions)
      show (self, troupe_turn_input (self->questions->turn));
  }
  ask (self);
}

static void
ask (person_t *self)
{
  char prompt[PROMPT_MAX];
  if (!self->terminal)
    return;
  if (!self->questions) {
    terminal_dismiss (self->terminal);
    return;
  }
  snprintf (prompt, sizeof prompt, "%s> ", troupe_turn_agent (self->questions->turn));
  terminal_ask (self->terminal, prompt);
}

static troupe_err_t
enqueue (person_t *self, troupe_turn_t *turn, troupe_error_t *error)
{
  if (!self->terminal && terminal_open (&self->terminal, self->loop, NULL, on_line, self, error) != TROUPE_OK)
    return error->code;
  question_t *question = malloc (sizeof *question), **end = &self->questions;
  if (!question)
    return troupe_error_set (error, TROUPE_NO_MEMORY, troupe_turn_agent (turn), NULL, "out of memory");
  *question = (question_t){.turn = turn};
  while (*end)
    end = &(*end)->next;
  *end = question;
  return TROUPE_OK;
}

static void
person_reply (void *state, troupe_turn_t *turn)
{
  person_t *self = state;
  troupe_error_t error;
  if (self->left)
    fail (turn, TROUPE_CANCELLED, "the user has left: the input has ended");
  else if (enqueue (self, turn, &error) != TROUPE_OK)
    troupe_turn_fail (&turn, &error);
  else if (self->questions->turn == turn) {
    show (self, troupe_turn_input (turn));
    ask (self);
  }
}

static void
person_observe (void *state, troupe_turn_t *turn, const json_t *messages)
{
  troupe_error_t error;
  show (state, messages);
  for (size_t i = 0; i < json_array_size (messages); i++)
    if (troupe_turn_remember (turn, json_incref (json_array_get (messages, i)), &error) != TROUPE_OK) {
      troupe_turn_fail (&turn, &error);
      return;
    }
  troupe_turn_observed (turn);
}

static void
person_cancelled (void *state, troupe_turn_t *turn)
{
  person_t *self = state;
  question_t **at = &self->questions;
  while (*at && (*at)->turn != turn)
    at = &(*at)->next;
  if (!*at)
    return;
  question_t *question = *at;
  bool first = question == self->questions;
  *at = question->next;
  free (question);
  if (first && self->questions)
    show (self, troupe_turn_input (self->questions->turn));
  ask (self);
}

const troupe_agent_type_t person_type = {
  .name = "user", .observe = person_observe, .reply = person_reply, .cancelled = person_cancelled};

void
person_close (person_t *self)
{
  terminal_close (&self->terminal);
  speech_free (&self->speech);
}

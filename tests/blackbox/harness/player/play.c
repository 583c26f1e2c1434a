// SPDX-License-Identifier: Apache-2.0
//
// A play is a task with the number of its next step. A step either is done at once, or says WAITING and goes on from a
// function that the loop calls. A task that is cancelled ends at once; what was asked for it settles as cancelled, and
// the play is freed when the last of that has come.

#include "player/play.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef enum { DONE, WAITING, ENDED } progress_t;

typedef struct play play_t;

struct play {
  play_t *next;        // in `all`, those that began first come first
  troupe_task_t *task; // NULL: it has ended
  size_t at;           // the next step
  const char *held;    // the word that it waits for, of the input
  json_t *input, *heard;
  unsigned asked, run;
};

// What was asked, and where in the list of what is heard the answer goes; `fatal`: an error ends the task.
typedef struct {
  play_t *play;
  json_t *answers;
  size_t index;
  bool fatal;
} question_t;

static troupe_node_t *node;
static const char *name;
static play_t *all;
static unsigned runs;

static void go_on (play_t *self);

void
play_begin (troupe_node_t *its_node, const char *its_name)
{
  node = its_node;
  name = its_name;
}

void
play_print (const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  vprintf (format, arguments);
  va_end (arguments);
  putchar ('\n');
  fflush (stdout);
}

static void
free_if_over (play_t *self)
{
  if (self->task != NULL || self->asked > 0)
    return;
  play_t **link = &all;
  while (*link != self)
    link = &(*link)->next;
  *link = self->next;
  json_decref (self->input);
  json_decref (self->heard);
  free (self);
}

static void
fail (play_t *self, const troupe_error_t *error)
{
  troupe_task_fail (&self->task, error);
  free_if_over (self);
}

static json_t *
json_of_error (const troupe_error_t *error)
{
  return json_pack ("{s:s, s:s}", "error", troupe_err_name (error->code), "why", error->why);
}

// -- Steps -------------------------------------------------------------------------------------------------------------

// Whether the step is one for this attempt: its last item may name another one.
static bool
is_for_now (const play_t *self, const json_t *step, size_t index)
{
  const json_t *attempt = json_array_get (step, index);
  return attempt == NULL || json_integer_value (attempt) == troupe_task_attempt (self->task);
}

static const char *
text_at (const json_t *step, size_t index)
{
  const char *text = json_string_value (json_array_get (step, index));
  return text != NULL ? text : "";
}

static progress_t
say (play_t *self, const json_t *step)
{
  (void)self;
  play_print ("say %s", text_at (step, 1));
  return DONE;
}

static progress_t
hold (play_t *self, const json_t *step)
{
  if (!is_for_now (self, step, 2))
    return DONE;
  self->held = text_at (step, 1);
  play_print ("hold %s", self->held);
  return WAITING;
}

void
play_go (const char *word)
{
  for (play_t *self = all, *next; self != NULL; self = next) {
    next = self->next;
    if (self->held == NULL || strcmp (self->held, word) != 0)
      continue;
    self->held = NULL;
    go_on (self);
    return; // one at a time: going on may free others
  }
}

static void
answered (void *context, troupe_placeholder_t *placeholder)
{
  question_t question = *(question_t *)context;
  play_t *self = question.play;
  const json_t *value = troupe_placeholder_value (placeholder);
  troupe_error_t error = *troupe_placeholder_error (placeholder);
  free (context);
  if (error.code != TROUPE_OK)
    play_print ("heard %s", troupe_err_name (error.code));
  json_array_set_new (question.answers, question.index, value ? json_deep_copy (value) : json_of_error (&error));
  json_decref (question.answers);
  troupe_placeholder_destroy (&placeholder);
  self->asked--;
  if (self->task == NULL)
    free_if_over (self);
  else if (error.code != TROUPE_OK && question.fatal)
    fail (self, &error);
  else if (self->asked == 0)
    go_on (self);
}

static question_t *
new_question (play_t *self, json_t *answers, bool fatal)
{
  question_t *question = calloc (1, sizeof *question);
  json_array_append_new (answers, json_null ());
  *question = (question_t){self, json_incref (answers), json_array_size (answers) - 1, fatal};
  self->asked++;
  return question;
}

// An error of the verb itself is as one of the call.
static progress_t
not_asked (question_t *question, const troupe_error_t *error)
{
  play_t *self = question->play;
  bool fatal = question->fatal;
  json_array_set_new (question->answers, question->index, json_of_error (error));
  json_decref (question->answers);
  free (question);
  self->asked--;
  if (!fatal)
    return DONE;
  fail (self, error);
  return ENDED;
}

static progress_t
put (play_t *self, const char *service, json_t *input, json_t *answers, bool fatal)
{
  troupe_placeholder_t *placeholder;
  troupe_error_t error = {0};
  question_t *question = new_question (self, answers, fatal);
  troupe_call_t call = {
    .service = service, .input = input, .parent = self->task, .wait = true, .settled = answered, .context = question};
  if (troupe_node_call (node, &placeholder, &call, &error) != TROUPE_OK)
    return not_asked (question, &error);
  return WAITING;
}

static progress_t
ask (play_t *self, const json_t *step)
{
  return put (self, text_at (step, 1), json_array_get (step, 2), self->heard, true);
}

static progress_t
attempt (play_t *self, const json_t *step)
{
  return put (self, text_at (step, 1), json_array_get (step, 2), self->heard, false);
}

static progress_t
ask_all (play_t *self, const json_t *step)
{
  size_t i;
  json_t *each, *answers = json_array ();
  json_array_append_new (self->heard, answers);
  json_array_foreach (json_array_get (step, 1), i, each)
    put (self, text_at (each, 0), json_array_get (each, 1), answers, false);
  return self->asked > 0 ? WAITING : DONE;
}

static progress_t
await (play_t *self, const json_t *step)
{
  troupe_placeholder_t *placeholder;
  troupe_error_t error = {0};
  troupe_id_t id;
  if (!troupe_id_of_text (&id, text_at (step, 2)))
    abort ();
  question_t *question = new_question (self, self->heard, false);
  troupe_await_t options = {
    .id = &id, .session = text_at (step, 1), .parent = self->task, .settled = answered, .context = question};
  if (troupe_node_await (node, &placeholder, &options, &error) != TROUPE_OK)
    return not_asked (question, &error);
  return WAITING;
}

static progress_t
part (play_t *self, const json_t *step)
{
  troupe_task_part (self->task, json_incref (json_array_get (step, 1)));
  return DONE;
}

static progress_t
remember (play_t *self, const json_t *step)
{
  troupe_task_remember (self->task, json_incref (json_array_get (step, 1)));
  return DONE;
}

static void
recalled (void *context, troupe_task_t *task, json_t *entries, const troupe_error_t *error)
{
  play_t *self = context;
  (void)task;
  if (entries == NULL)
    play_print ("recall %s", troupe_err_name (error->code));
  self->asked--;
  if (self->task == NULL) {
    json_decref (entries);
    free_if_over (self);
    return;
  }
  json_array_append_new (self->heard, entries != NULL ? entries : json_of_error (error));
  go_on (self);
}

static progress_t
recall (play_t *self, const json_t *step)
{
  (void)step;
  size_t size = troupe_task_memory_size (self->task);
  if (troupe_task_recall (self->task, 0, size > 0 ? size : 1, recalled, self) != TROUPE_OK)
    abort ();
  self->asked++;
  return WAITING;
}

static progress_t
tell_id (play_t *self, const json_t *step)
{
  char id[TROUPE_ID_TEXT_SIZE];
  (void)step;
  troupe_id_to_text (troupe_task_call (self->task), id);
  play_print ("id %s", id);
  json_array_append_new (self->heard, json_string (id));
  return DONE;
}

static progress_t
fail_as_told (play_t *self, const json_t *step)
{
  troupe_error_t error = {0};
  if (!is_for_now (self, step, 2))
    return DONE;
  json_t *told = json_pack ("{s:s, s:s}", "code", text_at (step, 1), "why", "it was told to fail");
  troupe_error_of_json (&error, told);
  json_decref (told);
  fail (self, &error);
  return ENDED;
}

static progress_t
block (play_t *self, const json_t *step)
{
  if (!is_for_now (self, step, 1))
    return DONE;
  play_print ("block");
  for (;;)
    pause ();
}

static progress_t
leave (play_t *self, const json_t *step)
{
  if (is_for_now (self, step, 1))
    _exit (0);
  return DONE;
}

// -- Tasks -------------------------------------------------------------------------------------------------------------

static const struct {
  const char *word;
  progress_t (*step) (play_t *self, const json_t *step);
} steps[] = {{"say", say},     {"hold", hold},  {"ask", ask},           {"try", attempt},   {"all", ask_all},
             {"await", await}, {"part", part},  {"remember", remember}, {"recall", recall}, {"id", tell_id},
             {"block", block}, {"exit", leave}, {"fail", fail_as_told}};

static progress_t
take_step (play_t *self, const json_t *step)
{
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
    if (strcmp (steps[i].word, text_at (step, 0)) == 0)
      return steps[i].step (self, step);
  fprintf (stderr, "no such step: %s\n", text_at (step, 0));
  abort ();
}

static void
reply (play_t *self)
{
  unsigned number = troupe_task_attempt (self->task);
  troupe_task_reply (&self->task, json_pack ("{s:s, s:i, s:i, s:i, s:O}", "by", name, "pid", (int)getpid (), "run",
                                             (int)self->run, "attempt", (int)number, "heard", self->heard));
  free_if_over (self);
}

static void
go_on (play_t *self)
{
  progress_t progress = DONE;
  while (progress == DONE && self->at < json_array_size (self->input))
    progress = take_step (self, json_array_get (self->input, self->at++));
  if (progress == DONE)
    reply (self);
}

static void
cancelled (void *context, troupe_task_t *task)
{
  play_t *self = context;
  (void)task;
  play_print ("cancelled");
  self->held = NULL;
  fail (self, &(troupe_error_t){.code = TROUPE_CANCELLED});
}

void
play_serve (void *context, troupe_task_t *task)
{
  (void)context;
  play_t *self = calloc (1, sizeof *self);
  if (self == NULL)
    abort ();
  *self = (play_t){.task = task, .heard = json_array (), .run = ++runs};
  self->input = json_deep_copy (troupe_task_input (task));
  play_t **link = &all;
  while (*link != NULL)
    link = &(*link)->next;
  *link = self;
  play_print ("run %u attempt %u", self->run, troupe_task_attempt (task));
  troupe_task_on_cancel (task, cancelled, self);
  go_on (self);
}

// SPDX-License-Identifier: Apache-2.0
//
// DictDialogAgent (AgentScope table 1: a dialog agent that "responds in Python dictionary format"): its model is asked
// for a JSON object, so that a program can use what it says: x.agreement.
//
// What a model gets wrong is mended first (troupe/repair.h). When that doesn't help, the model is told what was wrong
// and asked again, a few times; then the turn fails. Only the reply that was right is remembered: a model that sees its
// own mistakes in every later prompt repeats them. It is remembered as the whole object, so that the agent knows what
// it thought; what others hear is chosen by keys (form.h).
//
// Nothing is streamed: the object's text holds the thoughts as well.

#include "agent/form.h"
#include "agent/input.h"
#include "agent/prompt.h"
#include "agent/speaker.h"
#include "agent/turn.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RETRIES = 3 };

// One turn's way to a reply that is right.
typedef struct question {
  struct question *next, **link; // in the agent's list
  troupe_turn_t *turn;
  const troupe_parser_t *parser;
  troupe_parser_t *own; // for the keys that the call asks for; NULL: the agent's
  troupe_asking_t *asking;
  json_t *input; // of the model's call; grows by what was wrong
} question_t;

typedef struct {
  speaker_t speaker;
  json_t *settings; // a copy
  troupe_parser_t *parser;
  unsigned retries;
  troupe_tally_t *tally;
  question_t *questions;
} dict_dialog_t;

static void answered (void *context, troupe_turn_t *turn, const json_t *value, const troupe_error_t *failure);

// -- The agent --------------------------------------------------------------------------------------------------------

static void
question_free (question_t *self)
{
  *self->link = self->next;
  if (self->next)
    self->next->link = self->link;
  troupe_asking_destroy (&self->asking);
  troupe_parser_destroy (&self->own);
  json_decref (self->input);
  free (self);
}

static void
dict_dialog_close (void *state)
{
  dict_dialog_t *self = state;
  while (self->questions)
    question_free (self->questions);
  troupe_tally_log (self->tally);
  troupe_tally_destroy (&self->tally);
  troupe_parser_destroy (&self->parser);
  speaker_close (&self->speaker);
  json_decref (self->settings);
  free (self);
}

static troupe_err_t
take_retries (dict_dialog_t *self, const char *agent, troupe_error_t *error)
{
  const json_t *retries = json_object_get (self->settings, "max_retries");
  json_int_t count = retries ? json_integer_value (retries) : RETRIES;
  if (count < 0 || count > TROUPE_ASKING_RETRIES_MAX || (retries && !json_is_integer (retries)))
    return troupe_error_set (error, TROUPE_BAD_CONFIG, agent, NULL, "max_retries: 0 to %d expected",
                             TROUPE_ASKING_RETRIES_MAX);
  self->retries = (unsigned)count;
  return TROUPE_OK;
}

// Without keys in the settings: what it says, and nothing else.
static troupe_err_t
take_form (dict_dialog_t *self, const char *agent, troupe_error_t *error)
{
  troupe_error_t why;
  json_t *speak = json_pack ("{s:s}", FORM_SPEAK, "string");
  const json_t *keys = json_object_get (self->settings, "keys");
  troupe_err_t code = speak ? form_new (&self->parser, keys ? keys : speak, self->settings, &why)
                            : troupe_error_set (&why, TROUPE_NO_MEMORY, "keys", NULL, "out of memory");
  json_decref (speak);
  if (code != TROUPE_OK)
    troupe_error_set (error, code, agent, why.next, "%s: %s", why.object, why.why);
  return code;
}

static troupe_err_t
dict_dialog_open (void **state, const char *agent, const json_t *settings, troupe_error_t *error)
{
  dict_dialog_t *self = calloc (1, sizeof *self);
  if (self)
    self->settings = json_deep_copy (settings);
  if (!self || (settings && !self->settings)) {
    free (self);
    return troupe_error_set (error, TROUPE_NO_MEMORY, agent, NULL, "out of memory");
  }
  troupe_err_t code = speaker_open (&self->speaker, agent, settings, error);
  if (code == TROUPE_OK)
    code = take_retries (self, agent, error);
  if (code == TROUPE_OK)
    code = troupe_tally_new (&self->tally, error);
  if (code == TROUPE_OK)
    code = take_form (self, agent, error);
  if (code == TROUPE_OK)
    *state = self;
  else
    dict_dialog_close (self);
  return code;
}

// -- Asking -----------------------------------------------------------------------------------------------------------

static void
fail (dict_dialog_t *self, question_t *question, const troupe_error_t *error)
{
  troupe_turn_t *turn = question->turn;
  question_free (question);
  speaker_fail (&self->speaker, turn, error);
}

static void
ask (dict_dialog_t *self, question_t *question)
{
  if (!speaker_ask (&self->speaker, question->turn, json_incref (question->input), false, answered, self))
    question_free (question);
}

// The system prompt and what form is expected.
static char *
system_prompt (const dict_dialog_t *self, const question_t *question)
{
  char *text;
  const char *between = *self->speaker.prompt ? "\n\n" : "";
  if (asprintf (&text, "%s%s%s", self->speaker.prompt, between, troupe_parser_instruction (question->parser)) < 0)
    return NULL;
  return text;
}

// The keys that this call asks for, if it does.
static troupe_err_t
read_keys (const dict_dialog_t *self, question_t *question, troupe_error_t *error)
{
  troupe_error_t why;
  const json_t *keys = json_object_get (input_options (troupe_task_input (troupe_turn_task (question->turn))), "keys");
  question->parser = self->parser;
  if (!keys || json_is_null (keys))
    return TROUPE_OK;
  troupe_err_t code = form_new (&question->own, keys, self->settings, &why);
  question->parser = question->own;
  if (code != TROUPE_OK)
    troupe_error_set (error, code == TROUPE_BAD_CONFIG ? TROUPE_BAD_ARGUMENT : code, "keys", why.next, "%s: %s",
                      why.object, why.why);
  return code;
}

static troupe_err_t
prepare (const dict_dialog_t *self, question_t *question, troupe_error_t *error)
{
  troupe_turn_t *turn = question->turn;
  troupe_asking_options_t options = {
    .retries_max = self->retries, .tally = self->tally, .model = self->speaker.service};
  troupe_err_t code = read_keys (self, question, error);
  if (code == TROUPE_OK)
    code = troupe_asking_new (&question->asking, question->parser, &options, error);
  if (code != TROUPE_OK)
    return code;
  char *prompt = system_prompt (self, question);
  question->input =
    prompt ? prompt_build (troupe_turn_agent (turn), prompt, troupe_turn_memory (turn), troupe_turn_input (turn))
           : NULL;
  free (prompt);
  return question->input ? TROUPE_OK : troupe_error_set (error, TROUPE_NO_MEMORY, "keys", NULL, "out of memory");
}

static void
dict_dialog_reply (void *state, troupe_turn_t *turn)
{
  dict_dialog_t *self = state;
  troupe_error_t error;
  question_t *question = calloc (1, sizeof *question);
  if (!question) {
    troupe_error_set (&error, TROUPE_NO_MEMORY, self->speaker.service, NULL, "out of memory");
    speaker_fail (&self->speaker, turn, &error);
    return;
  }
  *question = (question_t){.next = self->questions, .link = &self->questions, .turn = turn};
  if (question->next)
    question->next->link = &question->next;
  self->questions = question;
  if (prepare (self, question, &error) == TROUPE_OK)
    ask (self, question);
  else
    fail (self, question, &error);
}

static question_t *
question_of (const dict_dialog_t *self, const troupe_turn_t *turn)
{
  question_t *question = self->questions;
  while (question->turn != turn)
    question = question->next;
  return question;
}

static void
dict_dialog_cancelled (void *state, troupe_turn_t *turn)
{
  const dict_dialog_t *self = state;
  question_free (question_of (self, turn));
}

// -- What the model says ----------------------------------------------------------------------------------------------

// A new text; NULL: out of memory.
static char *
text_of (const json_t *content)
{
  char *text = NULL;
  size_t size, i;
  json_t *block;
  FILE *file = open_memstream (&text, &size);
  if (!file)
    return NULL;
  fputs (json_is_string (content) ? json_string_value (content) : "", file);
  json_array_foreach (content, i, block) {
    const char *part = json_string_value (json_object_get (block, "text"));
    fputs (part ? part : "", file);
  }
  if (fclose (file) == 0)
    return text;
  free (text);
  return NULL;
}

static int
append (json_t *messages, const char *name, const char *role, const char *text)
{
  return json_array_append_new (messages, json_pack ("{s:s, s:s, s:s}", "name", name, "role", role, "content", text));
}

// Shows the model its reply and what was wrong with it.
static void
ask_again (dict_dialog_t *self, question_t *question, const char *reply)
{
  troupe_error_t error;
  json_t *messages = json_object_get (question->input, "messages");
  const char *agent = troupe_turn_agent (question->turn);
  bool empty = reply[strspn (reply, " \t\r\n")] == '\0'; // which providers don't take back
  if ((!empty && append (messages, agent, "assistant", reply)) ||
      append (messages, "user", "user", troupe_asking_message (question->asking))) {
    troupe_error_set (&error, TROUPE_NO_MEMORY, self->speaker.service, NULL, "out of memory");
    fail (self, question, &error);
    return;
  }
  ask (self, question);
}

// What is told of the model's reply (given up), but its thinking, and over it the keys. NULL: out of memory.
static json_t *
join_metadata (json_t *told, json_t *keys)
{
  json_t *metadata = told ? json_copy (told) : json_object ();
  json_decref (told);
  json_object_del (metadata, "thinking");
  if (metadata && keys && json_object_update (metadata, keys)) {
    json_decref (metadata);
    return NULL;
  }
  return metadata;
}

static void
say (dict_dialog_t *self, question_t *question, const json_t *answer)
{
  troupe_error_t error;
  troupe_turn_t *turn = question->turn;
  const troupe_parsed_t *parsed = troupe_asking_result (question->asking);
  const char *content = troupe_parsed_content (parsed), *memory = troupe_parsed_memory (parsed);
  json_t *said = json_string (content ? content : ""), *remembered = memory ? json_string (memory) : NULL;
  json_t *metadata = join_metadata (speaker_metadata (&self->speaker, turn, answer), troupe_parsed_metadata (parsed));
  if (!said || !metadata || (memory && !remembered)) {
    json_decref (said);
    json_decref (remembered);
    json_decref (metadata);
    troupe_error_set (&error, TROUPE_NO_MEMORY, self->speaker.service, NULL, "out of memory");
    fail (self, question, &error);
    return;
  }
  question_free (question);
  if (remembered)
    troupe_turn_remember_reply_as (turn, remembered);
  troupe_turn_reply (&turn, said, metadata);
}

// The service whose reply this is: a model that couldn't answer has another one asked, and so may the agent.
static const char *
who_answered (const dict_dialog_t *self, const troupe_turn_t *turn, const json_t *value,
              char room[SPEAKER_SERVICE_MAX + 1])
{
  const json_t *by = json_object_get (json_object_get (value, "metadata"), "answered_by");
  if (json_is_string (by))
    return json_string_value (by);
  if (turn->instead_next == 0)
    return self->speaker.service;
  snprintf (room, SPEAKER_SERVICE_MAX + 1, "model/%s",
            json_string_value (json_array_get (self->speaker.fallback, turn->instead_next - 1)));
  return room;
}

static void
answered (void *context, troupe_turn_t *turn, const json_t *value, const troupe_error_t *failure)
{
  dict_dialog_t *self = context;
  question_t *question = question_of (self, turn);
  troupe_asking_step_t step;
  troupe_error_t error;
  if (failure) {
    fail (self, question, failure);
    return;
  }
  char *reply = text_of (json_object_get (value, "content")), room[SPEAKER_SERVICE_MAX + 1];
  troupe_asking_set_model (question->asking, who_answered (self, turn, value, room));
  troupe_err_t code = reply ? troupe_asking_reply (question->asking, reply, &step, &error)
                            : troupe_error_set (&error, TROUPE_NO_MEMORY, "reply", NULL, "out of memory");
  if (code == TROUPE_OK && step == TROUPE_ASKING_GIVE_UP)
    error.code = code = TROUPE_SERVICE_FAILED; // for good: the next attempt would ask the same and hear the same
  if (code != TROUPE_OK)
    fail (self, question, &error);
  else if (step == TROUPE_ASKING_AGAIN)
    ask_again (self, question, reply);
  else
    say (self, question, value);
  free (reply);
}

static const troupe_tally_t *
dict_dialog_tally (const void *state)
{
  const dict_dialog_t *self = state;
  return self->tally;
}

const troupe_agent_type_t troupe_agent_dict_dialog = {.name = "dict_dialog",
                                                      .open = dict_dialog_open,
                                                      .close = dict_dialog_close,
                                                      .reply = dict_dialog_reply,
                                                      .cancelled = dict_dialog_cancelled,
                                                      .tally = dict_dialog_tally};

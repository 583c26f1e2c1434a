// SPDX-License-Identifier: Apache-2.0
//
// A conversation: lines from the user become calls to an agent, its replies are shown as they come, and the user is a
// service too (AgentScope's UserAgent): what another agent asks is shown, and the next line answers it.
#ifndef CLI_CONVERSATION_H
#define CLI_CONVERSATION_H

#include "cli/client.h"
#include "cli/speech.h"
#include "cli/terminal.h"

typedef struct {
  const char *agent;   // "alice"
  const char *session; // NULL: a new one
  const char *user;    // the user's name in messages
  const char *service; // what the user is called by: "agent/user-1a2b3c"
  int64_t deadline_ms; // of each call; 0: none given
  bool json;
  const char *history; // a file; NULL: none
} conversation_options_t;

typedef struct {
  conversation_options_t options;
  client_t *client;
  terminal_t *terminal;
  char service[80]; // "agent/alice"
  char session[TROUPE_ID_TEXT_SIZE];
  speech_t speech;
  troupe_placeholder_t *reply; // NULL: the user's turn
  troupe_task_t *question;     // what the user was asked; NULL: nothing
  bool interrupted;            // the last thing was a Ctrl-C
  bool ended, drained;
  int exit_status; // of the first call that failed
} conversation_t;

// Opens the terminal, serves the user, and begins when the loop runs. `options` outlives it.
troupe_err_t conversation_open (conversation_t *self, client_t *client, const conversation_options_t *options,
                                troupe_error_t *error);
// Ctrl-C: cancels the reply, or else ends at the second time.
void conversation_interrupt (conversation_t *self);
// Ends: stops the loop.
void conversation_end (conversation_t *self);
// Tells the user something beside the conversation.
void conversation_note (conversation_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
// Cancels what is open, and tells who asked the user that nobody answers.
void conversation_close (conversation_t *self);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// The person at the terminal as an agent (AgentScope's UserAgent): what the agent is called with, and what it hears in
// hubs, is shown; the next line answers. Several agents may be the same person; they are asked one after another.
#ifndef CLI_PERSON_H
#define CLI_PERSON_H

#include "cli/speech.h"
#include "cli/terminal.h"
#include "troupe/agent.h"

typedef struct question question_t;

typedef struct {
  terminal_t *terminal; // NULL: nobody was asked yet
  troupe_loop_t *loop;
  speech_t speech;
  question_t *questions; // the first one is asked
  bool left;             // the input has ended
} person_t;

// An agent's type; the agent's state is a person_t.
extern const troupe_agent_type_t person_type;

void person_init (person_t *self, troupe_loop_t *loop);
// Around printing while a line may be being typed.
void person_print_begin (person_t *self);
void person_print_end (person_t *self);
// Gives the terminal back; its agents are gone.
void person_close (person_t *self);

#endif

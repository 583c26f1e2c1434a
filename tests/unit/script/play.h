// SPDX-License-Identifier: Apache-2.0
//
// Runs scripts without a mesh: the node's only broker is nowhere, so calls can be made and nothing answers them.
#ifndef UNIT_SCRIPT_PLAY_H
#define UNIT_SCRIPT_PLAY_H

#include "troupe/script.h"

// Runs the text as a workflow to its end; its exit status. *trace (may be NULL) is a new text, NULL if nothing failed.
int play_with (const char *text, const troupe_script_options_t *options, char **trace);
// The same, with every default; it must end well.
void play (const char *text);
// It must end with this status, and a trace that holds `part`.
void play_failing (const char *text, int status, const char *part);

#endif

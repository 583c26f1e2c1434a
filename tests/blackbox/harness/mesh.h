// SPDX-License-Identifier: Apache-2.0
//
// A whole mesh under `troupe up`, in the test's directory, and calls to it from the command line.
#ifndef TROUPE_BLACKBOX_MESH_H
#define TROUPE_BLACKBOX_MESH_H

#include "blackbox/harness/place.h"
#include "blackbox/harness/process.h"

#include <jansson.h>

// Alice, whose model rehearses.
extern const char mesh_plain[];
// What its model says, in rules.yaml: "turn N: the words", N counting what the agent heard; to "slow", words that come
// one by one when they are streamed; to "late", nothing for minutes; to "fail", an error; to many x, their short form.
extern const char mesh_rules[];

// Writes troupe.yaml (and rules.yaml), runs `troupe up`, and waits until everything is ready.
process_t *mesh_up (const char *yaml);
// Ctrl-C's signal; it must end well and leave nothing.
void mesh_down (process_t **up_p);
// The process that serves NAME of this kind ("agent", "alice"): exactly one must be there.
pid_t mesh_process (const char *kind, const char *name);

// `troupe call SERVICE INPUT -s SESSION` (NULL: a new one) to its end: its value, the caller's, or NULL with the exit
// status in *status; the error's text stands in `errors`, if that isn't NULL.
json_t *mesh_call (const char *service, const char *input, const char *session, int *status, char **errors);
// Says something to an agent in a session; what it replied, a new string. It must reply.
char *mesh_say (const char *agent, const char *session, const char *text);
// `troupe ps --json`: a list of the brokers' reports. It must work.
json_t *mesh_report (void);
// Says something to an agent and asserts that the reply matches.
void mesh_expect_reply (const char *agent, const char *session, const char *text, const char *regex);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Scripts: workflows and agents in Lua 5.4. What a script sees is told in docs/reference/workflows.md.
//
// A script runs on the loop, as coroutines: reading a reply that isn't there yet suspends the coroutine that reads, and
// the loop, the node and every other coroutine go on. A script that computes without waiting is interrupted every now
// and then, so that the loop turns; one that never waits ends with an error after a while.
//
// A workflow is a program that makes calls in one session:
//
//   troupe_script_new (&script, &(troupe_script_options_t){ .node = node, .session = "night-1" }, &error);
//   troupe_script_run (script, "werewolf.lua", arguments, ended, self, &error);
//   troupe_loop_run (loop);
//   troupe_script_destroy (&script);
//
// It may make agents of its own. They are served by the workflow's own node as agent/<name>#<session>, through the
// brokers like all others; `:to_dist ()` has the program that runs the workflow put one into a process of its own.
//
// An agent in a file of its own is an agent of the type "script" (troupe_agent_script), served by whoever: the file
// returns a table with `reply (self, x)` and, if wanted, `observe (self, x)` and `init (self, config)`.
//
// Thread rule: as a node, on the loop's thread only.
#ifndef TROUPE_SCRIPT_H
#define TROUPE_SCRIPT_H

#include "troupe/agent.h"

typedef struct troupe_script troupe_script_t;

// Puts an agent of the workflow's into a process of its own, which serves agent/<name>#<session> with these settings
// (an agent's part of a configuration, with its type; borrowed) until the workflow ends. Returns at once.
typedef troupe_err_t (troupe_script_spawn_fn) (void *context, const char *name, const json_t *settings,
                                               troupe_error_t *error);

typedef struct {
  troupe_node_t *node;             // connected to the mesh
  const char *session;             // what it calls is called in this session; copied
  size_t memory_max;               // bytes of Lua's memory; 0: 256 MiB
  int64_t busy_ms;                 // of the processor's time, how long a coroutine may compute without waiting; 0: 30 s
  const troupe_agent_type_t *user; // what a UserAgent is; borrowed. NULL: there are none here
  void *user_state;                // its state
  troupe_script_spawn_fn *spawn;   // NULL: no agent can move out
  void *context;                   // of spawn
} troupe_script_options_t;

// no_memory, bad_argument (a session that can't stand in a service's name).
troupe_err_t troupe_script_new (troupe_script_t **out, const troupe_script_options_t *options, troupe_error_t *error);
// Ends what runs; before the node is destroyed. Not from a function that the script called.
void troupe_script_destroy (troupe_script_t **self_p);

// From the loop, once: the workflow has ended, and all that it asked its own agents for has settled; what it asked
// others for is stored, and goes on. `status` is the exit status for a program that runs nothing else. `trace`: what
// went wrong, with file, line and traceback, as lines of text; NULL: nothing.
typedef void (troupe_script_ended_fn) (void *context, int status, const char *trace);

// Runs a file as the workflow, with `arguments` (NULL-terminated) in `arg`. Once an engine. not_found, io, bad_argument
// (no Lua; the error tells the line), no_memory.
troupe_err_t troupe_script_run (troupe_script_t *self, const char *path, const char *const *arguments,
                                troupe_script_ended_fn *ended, void *context, troupe_error_t *error);
// Cancels what is under way and ends the workflow; `ended` follows, with the status of `cancelled`. The second time at
// once, and what is under way is left as it is.
void troupe_script_interrupt (troupe_script_t *self);
// Ends the workflow with this error, as if the script had raised it.
void troupe_script_fail (troupe_script_t *self, const troupe_error_t *error);

// Agents whose reply is a Lua file. Settings: "file" (a path), "model" (may be missing), and anything the file wants
// under "config".
extern const troupe_agent_type_t troupe_agent_script;

#endif

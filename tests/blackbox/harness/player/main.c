// SPDX-License-Identifier: Apache-2.0
//
// blackbox-player NAME SERVICE CREDIT BROKER...: an instance of SERVICE (an actor's if it begins with "agent/") that
// does what each call's input says, and tells on its standard output what it does. SIGTERM drains it. For tests that
// must know, and decide, where a call is when something dies.
//
// An input is a list of steps; each is a list that begins with one of these words. What a step brings is added to
// `heard`.
//
//   "say" W              prints "say W"
//   "hold" W [N]         prints "hold W" and waits for the line "go W" on standard input, which lets the task go on that
//                        began first of those that wait so; with N in attempt N only
//   "ask" S I            calls service S for this task with input I and waits; an error ends this task
//   "try" S I            the same, but an error is heard, as {"error": code, "why": text}
//   "all" [[S, I]...]    `try` for each, at once
//   "await" SESSION ID   waits for a call that somebody else made; heard as `try`
//   "part" V             streams V
//   "remember" V         adds V to the actor's memory
//   "recall"             the actor's memory
//   "id"                 the call's id; prints "id ID"
//   "fail" CODE [N]      ends with an error; with N in attempt N only
//   "block" [N]          blocks the loop for ever
//   "exit" [N]           ends the process
//
// The reply: {"by": NAME, "pid": pid, "run": how many tasks this process has begun, "attempt": n, "heard": [...]}.
// Printed besides: "run N attempt A" for each task, "heard CODE" for each error of a call, "cancelled" when a task is,
// "drained" before the end.

#include "player/play.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE_MAX = 4096 };

static troupe_loop_t *loop;
static char line[LINE_SIZE_MAX];
static size_t line_size;

static void
take_line (const char *text)
{
  if (strncmp (text, "go ", 3) == 0)
    play_go (text + 3);
}

static void
on_input (void *context, short events)
{
  (void)context, (void)events;
  ssize_t count = read (STDIN_FILENO, line + line_size, sizeof line - 1 - line_size);
  if (count <= 0) {
    troupe_loop_remove_fd (loop, STDIN_FILENO);
    return;
  }
  line_size += (size_t)count;
  line[line_size] = '\0';
  for (char *end; (end = strchr (line, '\n')) != NULL;) {
    *end = '\0';
    take_line (line);
    line_size -= (size_t)(end + 1 - line);
    memmove (line, end + 1, line_size + 1);
  }
}

static void
drained (void *context)
{
  (void)context;
  play_print ("drained");
  troupe_loop_stop (loop);
}

static void
on_signal (void *context, int signal)
{
  (void)signal;
  troupe_node_drain (context, drained, NULL);
}

static troupe_err_t
open_player (troupe_node_t **out, char **argv, troupe_error_t *error)
{
  static const int signals[] = {SIGTERM};
  const char *const *brokers = (const char *const *)argv + 4;
  troupe_service_t service = {.name = argv[2],
                              .actor = strncmp (argv[2], "agent/", 6) == 0,
                              .credit = (unsigned)strtoul (argv[3], NULL, 10),
                              .serve = play_serve};
  troupe_err_t err = troupe_loop_new (&loop);
  if (err != TROUPE_OK)
    return err;
  err = troupe_node_new (out, loop, &(troupe_node_options_t){.name = argv[1], .brokers = brokers}, error);
  if (err != TROUPE_OK)
    return err;
  play_begin (*out, argv[1]);
  err = troupe_loop_on_signals (loop, signals, 1, on_signal, *out);
  if (err == TROUPE_OK)
    err = troupe_loop_add_fd (loop, STDIN_FILENO, POLLIN, on_input, NULL);
  if (err == TROUPE_OK)
    err = troupe_node_serve (*out, &service, error);
  return err;
}

int
main (int argc, char **argv)
{
  troupe_node_t *node = NULL;
  troupe_error_t error = {0};
  if (argc < 5)
    return 2;
  signal (SIGPIPE, SIG_IGN);
  troupe_err_t err = open_player (&node, argv, &error);
  if (err == TROUPE_OK)
    err = troupe_loop_run (loop);
  else
    fprintf (stderr, "%s: %s\n", troupe_err_name (err), error.why);
  if (node != NULL)
    troupe_node_destroy (&node);
  troupe_loop_destroy (&loop);
  return troupe_err_exit (err);
}

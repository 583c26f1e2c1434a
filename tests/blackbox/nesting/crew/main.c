// SPDX-License-Identifier: Apache-2.0
//
// crew NAME [NEXT]: serves tool/NAME, which asks tool/NEXT for each call and replies with its own name and the answer.
// It says what happens, a line each:
//
//   run N        a task has come, the N-th of this process
//   heard        NEXT has answered
//   cancelled    the task was cancelled
//
// Without NEXT the reply tells the process and N, so that a second run is another answer. The input names the tool that
// never ends its first attempt ("b": after it has heard); null: none.

#include "troupe/node.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *name, *next;
static troupe_node_t *node;
static unsigned runs;

static void
say (const char *word)
{
  printf ("%s\n", word);
  fflush (stdout);
}

static bool
stalls (const troupe_task_t *task)
{
  const char *who = json_string_value (troupe_task_input (task));
  return who != NULL && strcmp (who, name) == 0 && troupe_task_attempt (task) == 1;
}

static void
cancelled (void *context, troupe_task_t *task)
{
  (void)context;
  troupe_error_t error = {.code = TROUPE_CANCELLED};
  say ("cancelled");
  troupe_task_fail (&task, &error);
}

static void
heard (void *context, troupe_placeholder_t *placeholder)
{
  troupe_task_t *task = context;
  const json_t *value = troupe_placeholder_value (placeholder);
  if (troupe_task_cancelled (task)) {
    troupe_placeholder_destroy (&placeholder);
    return; // `cancelled` ends it
  }
  say ("heard");
  if (value == NULL)
    troupe_task_fail (&task, troupe_placeholder_error (placeholder));
  else if (!stalls (task))
    troupe_task_reply (&task, json_pack ("{s:O}", name, value));
  troupe_placeholder_destroy (&placeholder);
}

static void
serve (void *context, troupe_task_t *task)
{
  (void)context;
  printf ("run %u\n", ++runs);
  fflush (stdout);
  troupe_task_on_cancel (task, cancelled, NULL);
  if (next == NULL) {
    if (!stalls (task))
      troupe_task_reply (&task, json_pack ("[i, i]", (int)getpid (), (int)runs));
    return;
  }
  troupe_error_t error;
  troupe_placeholder_t *placeholder;
  troupe_call_t call = {.service = next,
                        .input = troupe_task_input (task),
                        .parent = task,
                        .wait = true,
                        .settled = heard,
                        .context = task};
  if (troupe_node_call (node, &placeholder, &call, &error) != TROUPE_OK)
    troupe_task_fail (&task, &error);
}

int
main (int argc, char **argv)
{
  static const char *const brokers[] = {"ipc://.troupe/troupe/broker-1.ipc", NULL};
  static char own[64], other[64];
  troupe_error_t error;
  troupe_loop_t *loop;
  if (argc < 2)
    return 2;
  name = argv[1];
  snprintf (own, sizeof own, "tool/%s", name);
  if (argc > 2) {
    snprintf (other, sizeof other, "tool/%s", argv[2]);
    next = other;
  }
  troupe_service_t service = {.name = own, .credit = 4, .serve = serve};
  if (troupe_loop_new (&loop) != TROUPE_OK ||
      troupe_node_new (&node, loop, &(troupe_node_options_t){.name = name, .brokers = brokers}, &error) != TROUPE_OK ||
      troupe_node_serve (node, &service, &error) != TROUPE_OK)
    return 1;
  return troupe_loop_run (loop) == TROUPE_OK ? 0 : 1;
}

// SPDX-License-Identifier: Apache-2.0
//
// troupe: the program that users type. Three words are not in the table of verbs, since no user needs them: `child`,
// through which children are started (process.h), `bench-role`, the processes of a benchmark (bench_role.h), and
// `reference`, which prints docs/reference/cli.md.
#include "cli/bench_role.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/process.h"

#include <string.h>

int
main (int argc, char **argv)
{
  if (argc > 1 && strcmp (argv[1], "child") == 0)
    return process_child (argc - 2, argv + 2);
  if (argc > 1 && strcmp (argv[1], "bench-role") == 0)
    return bench_role (argc - 2, argv + 2);
  if (argc == 2 && strcmp (argv[1], "reference") == 0) {
    commands_print_reference (stdout);
    return output_finish (0);
  }
  return output_finish (troupe_option_main (&commands, argc, argv));
}

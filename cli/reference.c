// SPDX-License-Identifier: Apache-2.0
//
// docs/reference/cli.md from the table of verbs. A test compares the file with this.
#include "cli/commands.h"

#include <string.h>

// Text in which a bar would end a cell, and what stands in angle brackets would be taken for HTML.
static void
print_text (FILE *file, const char *text, size_t size)
{
  for (size_t i = 0; i < size; i++)
    fprintf (file, "%s%c", text[i] == '|' || text[i] == '<' ? "\\" : "", text[i]);
}

// Help texts mark code as Markdown does; what is indented is an example.
static void
print_details (FILE *file, const char *text)
{
  while (*text) {
    size_t size = strcspn (text, "\n");
    if (*text == ' ')
      fprintf (file, "  %.*s", (int)size, text);
    else
      print_text (file, text, size);
    fputc ('\n', file);
    text += size + (text[size] == '\n');
  }
}

static void
print_options (FILE *file, const troupe_option_t *options)
{
  fprintf (file, "\n| option | meaning |\n|---|---|\n");
  for (; options && options->name; options++) {
    fprintf (file, "| `");
    if (options->letter)
      fprintf (file, "-%c, ", options->letter);
    fprintf (file, "--%s%s%s` | ", options->name, options->value ? " " : "", options->value ? options->value : "");
    print_text (file, options->help, strlen (options->help));
    if (options->fallback)
      fprintf (file, " (default: %s)", options->fallback);
    fprintf (file, "%s |\n", options->repeats ? "; may be given several times" : "");
  }
}

static void
print_verb (FILE *file, const troupe_verb_t *verb)
{
  fprintf (file, "\n## troupe %s%s%s\n\n%s\n\n", verb->name, *verb->operands ? " " : "", verb->operands, verb->summary);
  if (verb->details)
    print_details (file, verb->details);
  if (verb->options && verb->options->name)
    print_options (file, verb->options);
}

void
commands_print_reference (FILE *file)
{
  fprintf (file,
           "<!-- Made from cli/commands.c by `troupe reference`; a test compares them. -->\n"
           "# The command line\n\n"
           "`troupe VERB [OPTION...] [OPERAND...]`. Options take `--name value` or `--name=value`, short ones `-n "
           "value`; `--` "
           "ends options.\n`troupe help VERB` shows what this page says of a verb; `troupe version` the version.\n\n");
  print_details (file, commands.details);
  for (const troupe_verb_t *verb = commands.verbs; verb->run; verb++)
    print_verb (file, verb);
}

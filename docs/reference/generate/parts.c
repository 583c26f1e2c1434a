// SPDX-License-Identifier: Apache-2.0
//
// The parts that pages may name. "example NAME" shows one of the protocol's examples, "joined NAME" the same as one
// frame, "program PATH" a file of the source tree, "provider TYPE" a type of models.

#include "generate/reference.h"

static const struct {
  const char *name;
  void (*print) (FILE *out);
} parts[] = {
  {"commands", reference_print_commands},
  {"minors", reference_print_minors},
  {"run", reference_print_run},
  {"fields", reference_print_fields},
  {"statuses", reference_print_statuses},
  {"errors", reference_print_errors},
  {"dictionary", reference_print_dictionary},
  {"metrics process", reference_print_process_metrics},
  {"metrics broker", reference_print_broker_metrics},
  {"metrics node", reference_print_node_metrics},
  {"metrics model", reference_print_model_metrics},
  {"metrics agent", reference_print_agent_metrics},
  {"metrics queues", reference_print_queues},
};

// What follows a prefix in a name; NULL when it doesn't begin so.
static const char *
behind (const char *prefix, const char *name)
{
  size_t size = strlen (prefix);
  return strncmp (name, prefix, size) == 0 ? name + size : NULL;
}

static bool
print_program (const char *path, FILE *out)
{
  FILE *file = fopen (path, "r");
  if (file == NULL)
    return false;
  const char *suffix = strrchr (path, '.');
  const char *language = suffix == NULL                  ? ""
                         : strcmp (suffix, ".py") == 0   ? "python"
                         : strcmp (suffix, ".yaml") == 0 ? "yaml"
                                                         : "";
  fprintf (out, "\n```%s\n", language);
  for (int c = getc (file); c != EOF; c = getc (file))
    putc (c, out);
  fputs ("```\n\n", out);
  fclose (file);
  return true;
}

bool
reference_print_part (const char *name, FILE *out)
{
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
    if (strcmp (parts[i].name, name) == 0) {
      parts[i].print (out);
      return true;
    }
  const char *path = behind ("program ", name), *example = behind ("example ", name),
             *type = behind ("provider ", name);
  const char *joined = behind ("joined ", name);
  if (type != NULL)
    return reference_print_provider (type, out);
  if (path != NULL)
    return print_program (path, out);
  for (size_t i = 0; i < examples_count; i++)
    if (example != NULL && strcmp (examples[i].name, example) == 0) {
      reference_print_example (&examples[i], out);
      return true;
    } else if (joined != NULL && strcmp (examples[i].name, joined) == 0) {
      reference_print_joined (&examples[i], out);
      return true;
    }
  return false;
}

// SPDX-License-Identifier: Apache-2.0
//
// What a type of models is and takes, out of the tables by which it is spoken with.

#include "generate/reference.h"
#include "model/provider.h"

typedef struct {
  const char *type, *base_url, *auth, *layout, *text;
} type_t;

static const type_t types[] = {
#define TROUPE_PROVIDER(type, base_url, auth, layout, keys, text) {type, base_url, #auth, #layout, text},
#include "troupe/provider.def"
#undef TROUPE_PROVIDER
};

typedef struct {
  const char *type;
  model_task_t task;
  const char *api;
  const provider_t *provider;
} wire_t;

static const wire_t wires[] = {
#define TROUPE_WIRE(type, task, api, provider) {type, TASK_##task, api, &provider##_provider},
#include "troupe/provider.def"
#undef TROUPE_WIRE
};

static const struct {
  const char *table, *models, *parameter, *instead;
} rejects[] = {
#define TROUPE_REJECTS(table, models, parameter, instead) {#table, models, parameter, instead},
#include "model/parameters.def"
#undef TROUPE_REJECTS
};

static const char *const parameters[] = {
#define TROUPE_PARAMETER(name, kind) name,
#include "model/parameters.def"
#undef TROUPE_PARAMETER
};

enum {
  TYPES = sizeof types / sizeof *types,
  WIRES = sizeof wires / sizeof *wires,
  REJECTS = sizeof rejects / sizeof *rejects,
  PARAMETERS = sizeof parameters / sizeof *parameters
};

// -- The server ------------------------------------------------------------------------------------------------------

static const char *
auth_header (const char *auth)
{
  static const char *const headers[][2] = {{"BEARER", "`Authorization: Bearer KEY`"},
                                           {"AZURE", "`api-key: KEY`"},
                                           {"ANTHROPIC", "`x-api-key: KEY`"},
                                           {"GOOGLE", "`x-goog-api-key: KEY`"}};
  for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
    if (strcmp (headers[i][0], auth) == 0)
      return headers[i][1];
  return NULL;
}

static void
print_server (const type_t *self, FILE *out)
{
  const char *header = auth_header (self->auth);
  fprintf (out, "\n| | |\n|---|---|\n| Speaks with | %s |\n", self->text);
  if (!header)
    return;
  if (self->base_url)
    fprintf (out, "| `base_url`, if you give none | `%s` |\n", self->base_url);
  else
    fputs ("| `base_url` | required |\n", out);
  fprintf (out, "| The key is sent as | %s |\n| `layout`, if you give none | `", header);
  for (const char *c = self->layout; *c; c++)
    putc (*c | 32, out);
  fputs ("` |\n", out);
}

// -- Tasks -----------------------------------------------------------------------------------------------------------

static const char *
yes (bool is)
{
  return is ? "yes" : "";
}

static void
print_tasks (const char *type, FILE *out)
{
  fputs ("\n| `task` | `api` | Path | Streamed | Structured output | Tools |\n|---|---|---|---|---|---|\n", out);
  for (size_t i = 0; i < WIRES; i++) {
    const provider_t *wire = wires[i].provider;
    bool chat = wires[i].task == TASK_CHAT;
    if (strcmp (wires[i].type, type) != 0)
      continue;
    fprintf (out, "| `%s` | %s%s%s | %s%s%s | %s | %s | %s |\n", provider_task_name (wires[i].task),
             wires[i].api ? "`" : "", wires[i].api ? wires[i].api : "", wires[i].api ? "`" : "", wire->path ? "`" : "",
             wire->path ? wire->path : "", wire->path ? "`" : "", yes (wire->streams),
             chat ? wire->formats ? "its own" : "asked for in words" : "",
             yes (chat && !wire->text_only && wire->write));
  }
}

// -- Media -----------------------------------------------------------------------------------------------------------

static void
print_media (const wire_t *wire, FILE *out)
{
  for (const media_rule_t *rule = wire->provider->media; rule->kind; rule++) {
    fprintf (out, "| `%s` | %s%s%s | %s | %s | ", provider_task_name (wire->task), wire->api ? "`" : "",
             wire->api ? wire->api : "", wire->api ? "`" : "", rule->kind,
             rule->links == MEDIA_LINKS ? "passed on" : "fetched, and sent as data");
    if (rule->most)
      fprintf (out, "%zu bytes |\n", rule->most);
    else
      fputs ("what fits into a message |\n", out);
  }
}

static void
print_all_media (const char *type, FILE *out)
{
  bool begun = false;
  for (size_t i = 0; i < WIRES; i++) {
    if (strcmp (wires[i].type, type) != 0 || !wires[i].provider->media)
      continue;
    if (!begun)
      fputs ("\n**Media.** As `data:` URLs, and as links:\n\n| `task` | `api` | Kind | Links are | Data at most |\n"
             "|---|---|---|---|---|\n",
             out);
    begun = true;
    print_media (&wires[i], out);
  }
}

// -- Parameters ------------------------------------------------------------------------------------------------------

// The name of a table, as parameters.def writes it; NULL: the provider takes no parameters.
static const char *
table_name (const parameter_name_t *table)
{
  static const struct {
    const parameter_name_t *table;
    const char *name;
  } tables[] = {{parameters_openai, "openai"},       {parameters_dashscope, "dashscope"},
                {parameters_responses, "responses"}, {parameters_anthropic, "anthropic"},
                {parameters_gemini, "gemini"},       {parameters_ollama, "ollama"}};
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
    if (tables[i].table == table)
      return tables[i].name;
  return NULL;
}

static void
print_parameter (const parameter_name_t *table, const char *name, FILE *out)
{
  while (table->name && strcmp (table->name, name) != 0)
    table++;
  if (!table->name)
    fprintf (out, "| `%s` | left out |\n", name);
  else if (table->path)
    fprintf (out, "| `%s` | `%s` |\n", name, table->path);
  else
    fprintf (out, "| `%s` | in a form of its own |\n", name);
}

static void
print_rejects (const char *table, FILE *out)
{
  bool begun = false;
  for (size_t i = 0; i < REJECTS; i++) {
    if (strcmp (rejects[i].table, table) != 0)
      continue;
    if (!begun)
      fputs ("\nSome models take less. Of the rows that fit a model and a parameter the first counts. `adaptive` and "
             "`budget` are"
             "\na `thinking` without and with a number, `forced` is a `tool_choice` of `required` or of one tool, "
             "`encrypted` are\n"
             "thoughts that go back to the model.\n\n| Models | Parameter | |\n|---|---|---|\n",
             out);
    begun = true;
    const char *instead = rejects[i].instead;
    fprintf (out, "| `%s` | %s%s%s | ", rejects[i].models, rejects[i].parameter[0] == '*' ? "" : "`",
             rejects[i].parameter[0] == '*' ? "each" : rejects[i].parameter, rejects[i].parameter[0] == '*' ? "" : "`");
    if (!instead)
      fputs ("left out |\n", out);
    else if (instead[0])
      fprintf (out, "sent as `%s` |\n", instead);
    else
      fputs ("sent |\n", out);
  }
}

// One section for each table, under the apis that go by it.
static void
print_parameters (const char *type, FILE *out)
{
  const parameter_name_t *last = NULL;
  for (size_t i = 0; i < WIRES; i++) {
    const parameter_name_t *table = wires[i].provider->parameters;
    if (strcmp (wires[i].type, type) != 0 || wires[i].task != TASK_CHAT || !table || table == last)
      continue;
    last = table;
    fprintf (out, "\n**Parameters**, and what they are in the request%s%s%s:\n\n| Parameter | |\n|---|---|\n",
             wires[i].api ? " of `api: " : "", wires[i].api ? wires[i].api : "", wires[i].api ? "`" : "");
    for (size_t p = 0; p < PARAMETERS; p++)
      print_parameter (table, parameters[p], out);
    print_rejects (table_name (table), out);
  }
}

// -- All of it -------------------------------------------------------------------------------------------------------

bool
reference_print_provider (const char *type, FILE *out)
{
  for (size_t i = 0; i < TYPES; i++) {
    if (strcmp (types[i].type, type) != 0)
      continue;
    print_server (&types[i], out);
    print_tasks (type, out);
    print_all_media (type, out);
    print_parameters (type, out);
    putc ('\n', out);
    return true;
  }
  return false;
}

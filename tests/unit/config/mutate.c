// SPDX-License-Identifier: Apache-2.0
//
// A right file, broken at random: whatever comes of it, either a tree or errors with places in the file. And a right
// file with too little memory.

#include "load.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RUNS = 4000, MUTATIONS_MAX = 6, ROOM = 256 };

static const char valid[] = "mesh: newsroom\n"
                            "brokers:\n"
                            "  - name: broker-1\n"
                            "    endpoint: tcp://127.0.0.1:7100\n"
                            "    insecure: true\n"
                            "  - name: broker-2\n"
                            "models:\n"
                            "  gpt:\n"
                            "    type: openai_chat\n"
                            "    api_key: \"${KEY:-sk-none}\"\n"
                            "    options: { temperature: 0.7, stop: [a, \"b\"] }\n"
                            "  offline: { type: rehearsal, seed: 1 }\n"
                            "agents:\n"
                            "  alice:\n"
                            "    model: gpt\n"
                            "    prompt: |\n"
                            "      You are Alice.\n"
                            "limits: { lease: 2500ms, message: 1MiB }\n"
                            "log: { level: info }\n";

static uint64_t state;

static size_t
below (size_t bound) // xorshift64*
{
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return (size_t)((state * 2685821657736338717ULL) >> 33) % bound;
}

static size_t
mutate (char *text, size_t size)
{
  static const char interesting[] = "\0\t\n -:,[]{}&*!|>'\"%@`#?$~\x7f\x80\xc3\xff<";
  size_t at = below (size), length = 1 + below (20);
  switch (below (5)) {
  case 0:
    text[at] = interesting[below (sizeof interesting - 1)];
    return size;
  case 1:
    text[at] = (char)below (256);
    return size;
  case 2: // remove
    length = length < size - at ? length : size - at - 1;
    memmove (text + at, text + at + length, size - at - length);
    return size - length;
  case 3: // repeat
    length = length < size - at ? length : size - at;
    memmove (text + at + length, text + at, size - at);
    return size + length;
  default: // insert
    memmove (text + at + 1, text + at, size - at);
    text[at] = interesting[below (sizeof interesting - 1)];
    return size + 1;
  }
}

static void
check_errors (const json_t *errors, size_t size)
{
  size_t i;
  json_t *entry;
  cr_expect_gt (json_array_size (errors), 0u);
  json_array_foreach (errors, i, entry)
  {
    json_int_t line = json_integer_value (json_object_get (entry, "line"));
    cr_expect (line >= 0 && line <= (json_int_t)size + 1);
    cr_expect_gt (strlen (json_string_value (json_object_get (entry, "why"))), 0u);
  }
}

Test (mutate, never_crashes, .timeout = 120)
{
  const char *given = getenv ("SEED");
  uint64_t seed = given != NULL ? strtoull (given, NULL, 10) : (uint64_t)time (NULL);
  troupe_config_t *config = load (valid);
  troupe_config_destroy (&config);
  for (uint64_t run = 0; run < RUNS; run++) {
    char text[sizeof valid + ROOM];
    size_t size = sizeof valid - 1;
    json_t *errors;
    state = (seed + run) * 0x9E3779B97F4A7C15ULL + 1;
    memcpy (text, valid, size);
    for (size_t i = 1 + below (MUTATIONS_MAX); i > 0; i--)
      size = mutate (text, size);
    troupe_err_t code = troupe_config_parse (&config, "t.yaml", text, size, &errors, NULL);
    if (code != TROUPE_OK)
      check_errors (errors, size);
    cr_expect (code == TROUPE_OK || code == TROUPE_BAD_CONFIG, "SEED=%llu", (unsigned long long)(seed + run));
    cr_expect_eq (config != NULL, code == TROUPE_OK, "SEED=%llu", (unsigned long long)(seed + run));
    troupe_config_destroy (&config);
    json_decref (errors);
  }
  if (given == NULL)
    fprintf (stderr, "mutate: SEED=%llu\n", (unsigned long long)seed);
}

static size_t allocations, allowed;

static void *
scarce_malloc (size_t size)
{
  return allocations++ < allowed ? malloc (size) : NULL;
}

// Every allocation of the tree and of the errors fails once; the file has both what is right and what is wrong.
Test (mutate, out_of_memory)
{
  char wrong[sizeof valid + 16];
  snprintf (wrong, sizeof wrong, "%s%s", valid, "xyzzy: 1\n");
  for (size_t which = 0; which < 2; which++) {
    const char *text = which == 0 ? valid : wrong;
    troupe_err_t code = TROUPE_NO_MEMORY;
    for (allowed = 0; code == TROUPE_NO_MEMORY; allowed++) {
      troupe_config_t *config;
      json_t *errors;
      allocations = 0;
      json_set_alloc_funcs (scarce_malloc, free);
      code = troupe_config_parse (&config, "t.yaml", text, strlen (text), &errors, NULL);
      json_set_alloc_funcs (malloc, free);
      cr_expect_eq (config != NULL, code == TROUPE_OK);
      troupe_config_destroy (&config);
      json_decref (errors);
    }
    cr_expect_eq (code, which == 0 ? TROUPE_OK : TROUPE_BAD_CONFIG);
    cr_expect_gt (allowed, 100u);
  }
}

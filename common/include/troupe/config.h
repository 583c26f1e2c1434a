// SPDX-License-Identifier: Apache-2.0
//
// The configuration of a mesh: one YAML file, read whole by `troupe up` and in part by each service.
//
// Loading reports every error at once, each as "file:line:col: what, why, did you mean ...". Unknown and repeated
// keys are errors. In any scalar, ${NAME} is replaced by the environment variable NAME, ${NAME:-text} by `text` when
// NAME is unset or empty, and "$$" is a dollar. When NAME is unset but NAME_FILE is set, the content of that file
// (less a final line feed) is taken: the way container platforms hand secrets over. What each key means, its type,
// range and default stand in one table, "troupe/config.def", which also makes docs/reference/configuration.md.
//
// The result is a JSON tree with every default filled in, also those that follow from other keys: `brokers` has at
// least one, each with "endpoint" and "publish" (ipc://<state>/<mesh>/<name>.ipc and <name>-pub.ipc; for tcp the next
// port); "store" has "url" (unix://<state>/<mesh>/redis.sock) and "private": true when no url was given; a model that
// is reached over HTTP has "model" and "base_url"; "rules" and "ranks" can be opened as they are. A key without a
// default is absent when it is not given or empty. Durations are integers in milliseconds, sizes in bytes. Thread rule:
// immutable after loading.
#ifndef TROUPE_CONFIG_H
#define TROUPE_CONFIG_H

#include "troupe/error.h"

#include <stdint.h>

typedef struct troupe_config troupe_config_t;

// Loads and checks a file. On failure (`bad_config`, `not_found`, `io`, `no_memory`) every error found has been
// appended to *errors, a new JSON list of {"file", "line", "column", "path", "why", "hint"} that the caller owns (NULL
// when out of memory), and `error` sums up. `errors` may be NULL.
troupe_err_t troupe_config_load (troupe_config_t **out, const char *path, json_t **errors, troupe_error_t *error);
// The same for a program that reads only one part of it: the secrets outside `part` ("models.gpt", "store"; "": of
// every part; NULL: read all) are left out, and the variables that bring them needn't be set. So an agent never holds
// Redis's password, nor `troupe ps` anybody's key.
troupe_err_t troupe_config_load_part (troupe_config_t **out, const char *path, const char *part, json_t **errors,
                                      troupe_error_t *error);
// The same from memory; `name` stands for the file in errors.
troupe_err_t troupe_config_parse (troupe_config_t **out, const char *name, const char *text, size_t size,
                                  json_t **errors, troupe_error_t *error);
void troupe_config_destroy (troupe_config_t **self_p);
// One line an error, as above, to `file`.
void troupe_config_print_errors (const json_t *errors, FILE *file);

// The whole tree, borrowed: {"mesh", "state", "brokers": [...], "store": {...}, "models": {name: {...}}, ...}.
const json_t *troupe_config_root (const troupe_config_t *self);
// A part by its path ("models.gpt.api_key", "brokers.0.endpoint"), borrowed; NULL when there is none.
const json_t *troupe_config_get (const troupe_config_t *self, const char *path);
// A text or number by its path; for keys that have a default or are required, so that they are always there.
const char *troupe_config_text (const troupe_config_t *self, const char *path);
int64_t troupe_config_int (const troupe_config_t *self, const char *path);
bool troupe_config_bool (const troupe_config_t *self, const char *path);
// Where a part was defined: "troupe.yaml:3:5" in a new string that the caller frees; the file's name alone for a
// default. NULL when out of memory.
char *troupe_config_where (const troupe_config_t *self, const char *path);
// The tree as JSON with every secret replaced by "***": a new object of the caller's.
json_t *troupe_config_redacted (const troupe_config_t *self);
// The tree as a file would give it: a new object of the caller's that, written as YAML or JSON, loads as this one did,
// from any directory. Every default is there, amounts have their units, paths of rules are absolute, and a secret is
// the ${NAME} that stands in the file; one that stands there itself becomes a variable named after its key, which has
// to be set before the result can be loaded (models.gpt.api_key: ${MODELS_GPT_API_KEY}). NULL: out of memory.
json_t *troupe_config_written (const troupe_config_t *self);
// Registers every secret of the tree with the log.
void troupe_config_hide_secrets (const troupe_config_t *self);
// The file's path as it was given.
const char *troupe_config_path (const troupe_config_t *self);
// The table of keys as Markdown, for the reference page.
void troupe_config_print_reference (FILE *file);

#endif

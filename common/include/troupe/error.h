// SPDX-License-Identifier: Apache-2.0
//
// Errors: one code that programs test, and one record that tells a person what failed, on which object, why,
// and what to do next.
//
// Every function of Troupe that can fail returns a `troupe_err_t`; those that can say more also take a
// `troupe_error_t *error` as their last parameter, which may be NULL. On success the record is left alone.
// The record owns no memory: copy it by assignment. Thread rule: a record belongs to one thread at a time.
//
//   troupe_error_t error;
//   if (troupe_config_load (&config, "troupe.yaml", &error) != TROUPE_OK)
//     troupe_error_print (&error, stderr);
//
// On the wire and in JSON an error is a map:
//   {"code": "unknown_service", "object": "agent/alcie", "why": "...", "next": "...", "retry_after_ms": 0}
#ifndef TROUPE_ERROR_H
#define TROUPE_ERROR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

typedef enum {
#define TROUPE_ERROR(constant, name, class, exit_code, text) TROUPE_##constant,
#include "troupe/error.def"
#undef TROUPE_ERROR
  TROUPE_ERR_COUNT
} troupe_err_t;

typedef enum {
  TROUPE_CLASS_NONE,
  TROUPE_CLASS_CALLER,
  TROUPE_CLASS_RETRYABLE,
  TROUPE_CLASS_PERMANENT,
  TROUPE_CLASS_PEER
} troupe_class_t;

enum {
  TROUPE_ERROR_OBJECT_MAX = 256, // a service name and a call id, or most of a path
  TROUPE_ERROR_WHY_MAX = 1024,   // a provider's error text is quoted here; longer ones are cut
  TROUPE_ERROR_NEXT_MAX = 256
};

typedef struct {
  troupe_err_t code;
  unsigned retry_after_ms;              // for retryable errors; 0: no hint
  char object[TROUPE_ERROR_OBJECT_MAX]; // what it happened to: "agent/alice", "troupe.yaml:3:5"
  char why[TROUPE_ERROR_WHY_MAX];       // why, in a sentence without a full stop
  char next[TROUPE_ERROR_NEXT_MAX];     // what the reader may do about it; may be empty
} troupe_error_t;

// The code's name ("unknown_service"); "internal" for a value outside the enum.
const char *troupe_err_name (troupe_err_t code);
// One sentence on the code.
const char *troupe_err_text (troupe_err_t code);
troupe_class_t troupe_err_class (troupe_err_t code);
// The exit code of a program that ends because of it (see error.def).
int troupe_err_exit (troupe_err_t code);
// The code of a name; TROUPE_INTERNAL for an unknown name (a newer peer's error stays an error).
troupe_err_t troupe_err_of_name (const char *name);

// Fill `error` (may be NULL) and return `code`, so that a failing function can end with
//   return troupe_error_set (error, TROUPE_NOT_FOUND, path, "check the name", "%s", strerror (errno));
// `object` and `next` may be NULL, and any text may be one of `error` itself. Texts that are too long are cut at a
// UTF-8 boundary; bytes that are no UTF-8 become '?', control characters spaces: a record is always valid text on one
// line, wherever it came from.
troupe_err_t troupe_error_set (troupe_error_t *error, troupe_err_t code, const char *object, const char *next,
                               const char *why_format, ...) __attribute__ ((format (printf, 5, 6)));

// The record as a new JSON object (the caller owns it), NULL when out of memory.
json_t *troupe_error_to_json (const troupe_error_t *error);
// Fills `out` from such an object. What is missing or of another type becomes empty; never fails, so that a
// peer's malformed error is still an error (`internal` when it has no code).
void troupe_error_of_json (troupe_error_t *out, const json_t *json);
// "agent/alcie: unknown_service: no instance of ... (did you mean agent/alice?)" and a line feed.
void troupe_error_print (const troupe_error_t *error, FILE *file);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// What the parsers share: the parser's record, the result's, and one table of what each type does.
#ifndef TROUPE_PARSE_PARSER_H
#define TROUPE_PARSE_PARSER_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include "troupe/parse.h"
#include "troupe/repair.h"
#include "troupe/schema.h"

#include <pcre2.h>
#include <stdio.h>

typedef enum {
#define TROUPE_PARSER(constant, name, text) PARSER_##constant,
#include "troupe/parse.def"
#undef TROUPE_PARSER
  PARSER_COUNT
} parser_type_t;

typedef struct {
  const char *text;     // the reply; begins with the answer, behind a thought
  size_t size, skipped; // skipped: bytes of the thought
  troupe_parsed_t *parsed;
  FILE *wrong; // what is wrong, a sentence each without a full stop; several are separated by "; "
} reading_t;

typedef struct {
  const char *const *keys;                                     // of the configuration, besides those of all
  const char *to_content, *to_metadata;                        // the defaults, as JSON
  troupe_err_t (*check) (troupe_parser_t *, troupe_error_t *); // the configuration
  void (*instruct) (const troupe_parser_t *, FILE *);          // the format instruction
  troupe_err_t (*read) (const troupe_parser_t *, reading_t *); // fills parsed->fields; TROUPE_BAD_MESSAGE: see `wrong`
} parser_verbs_t;

struct troupe_parser {
  parser_type_t type;
  json_t *config;
  char *instruction;
  troupe_schema_t *schema;     // of the whole; NULL: none
  troupe_schema_t **arguments; // tool_calls: of each tool, in the order of the configuration; NULL where it has none
  size_t tool_count;
  pcre2_code *pattern; // regex
};

struct troupe_parsed {
  json_t *fields, *metadata, *repairs;
  char *content, *memory, *feedback;
};

#define TROUPE_PARSER(constant, name, text) extern const parser_verbs_t parser_##constant##_verbs;
#include "troupe/parse.def"
#undef TROUPE_PARSER

// Says in `error` what is wrong with the configuration, and returns TROUPE_BAD_CONFIG.
troupe_err_t parser_refuse (troupe_error_t *error, const char *key, const char *next, const char *format, ...)
  __attribute__ ((format (printf, 4, 5)));
troupe_err_t parser_no_memory (troupe_error_t *error);
// Adds "; " when something is wrong already, then the sentence.
void parser_wrong (reading_t *reading, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

// mending.c: what a parser mends besides repair's.
typedef enum {
#define MENDING(constant, name, text) MENDING_##constant,
#include "parse/mending.def"
#undef MENDING
  MENDING_COUNT
} mending_t;
troupe_err_t mending_note (reading_t *reading, mending_t kind, const char *at);
// The notes of a repair of `text`, a part of the reply, become the result's.
troupe_err_t mending_repairs (reading_t *reading, const troupe_repair_t *repair, const char *text);
// The JSON of `size` bytes of the reply, a new reference; its repairs become the result's. On TROUPE_BAD_MESSAGE it is
// said what is wrong, when `wrong` is true.
troupe_err_t mending_json (reading_t *reading, const char *text, size_t size, troupe_repair_want_t want, bool wrong,
                           json_t **value);

// type.c: JSON types by name. A TYPE of the configuration is a name, a list of names, or {"type": TYPE, "hint": "..."}.
troupe_err_t type_check (const json_t *type, const char *key, troupe_error_t *error);
bool type_fits (const json_t *type, const json_t *value);
// "<string or null: what you say>", for an instruction.
void type_print (const json_t *type, FILE *file);
// "a string or null", for a sentence.
void type_name (const json_t *type, FILE *file);
// "the list [1, 2, ...]", cut where it is long.
void type_show (const json_t *value, FILE *file);
// "required" or "optional" of the configuration: whether it is well formed, and its keys. type_of_key: "any" for a list
// of names.
troupe_err_t type_check_keys (json_t *keys, const char *name, troupe_error_t *error);
size_t type_key_count (const json_t *keys);
const char *type_key (json_t *keys, size_t n, const json_t **type);

// choice.c: to_memory, to_content and to_metadata.
troupe_err_t choice_check (const json_t *config, troupe_error_t *error);
// Fills content, memory and metadata from the fields.
troupe_err_t choice_apply (const troupe_parser_t *self, const parser_verbs_t *verbs, troupe_parsed_t *parsed);

// unfilled.c: TROUPE_BAD_MESSAGE when a field is a placeholder of the instruction and no value; the reading says which.
troupe_err_t unfilled_check (const troupe_parser_t *self, reading_t *reading);

// schema_text.c: the configuration's "schema", made ready.
troupe_err_t schema_take (troupe_parser_t *self, troupe_error_t *error);
// Whether a value fits (any does without a schema); what is wrong goes into the reading. `what`: "the arguments of x".
troupe_err_t schema_fits (reading_t *reading, const troupe_schema_t *schema, const json_t *value, const char *what);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Repair: the JSON in what a model replied.
//
// Models are asked for JSON and answer with something near it: in a fenced block, between remarks, after a thought,
// cut off by a token limit, with single quotes, comments, trailing commas or Python's literals. This finds the JSON,
// reads it as it was meant, and says everything that it changed. It needs nothing of the mesh.
//
//   troupe_repair_t *repair;
//   if (troupe_repair_new (&repair, reply, strlen (reply), TROUPE_REPAIR_WANT_OBJECT, &error) == TROUPE_OK) {
//     json_t *value = troupe_repair_value (repair);             // borrowed
//     for (size_t i = 0; i < troupe_repair_note_count (repair); i++)
//       puts (troupe_repair_text (troupe_repair_note (repair, i).kind));
//     troupe_repair_destroy (&repair);
//   }
//
// What it promises:
// * A reply that is a valid JSON text comes out with an equal value and no notes. (Four things that the grammar allows
//   and no JSON library keeps are noted: a key that comes twice, an integer beyond 64 bits, a real beyond a double,
//   half a surrogate pair or U+0000 in a key.)
// * It never invents a value. Of a reply that was cut off, what is known to be whole is kept, and a text as far as it
//   came. A number at the very end may have had more digits: it is left out. A `tru` can only have been `true`.
//   An object or list that was cut before anything of it came is left out as well, and is never returned empty.
// * It takes linear time and bounded memory (the limits below).
//
// Which document wins when a reply has several, the first rule that tells two apart decides:
//  1. one of the wanted kind;
//  2. one in a block fenced as JSON (json, jsonc, json5, jsonl), before one that a block of another or no language
//     begins with, before one in prose, before one in the middle of other code;
//  3. one with members before an empty one;
//  4. an object before a list (in prose a list is often a reference like [1]), when any kind is wanted;
//  5. one that is closed before one that was cut off;
//  6. the later one: models draft first and correct themselves after.
// What stands in thoughts (<think>, <thinking>, <thought>, <reasoning>, <reflection>, <scratchpad>, [THINK], ...) never
// counts, also when the opening tag is missing, as some chat templates cause.
//
// Literals: None, nil, undefined (and other cases of null, true, false) become JSON's. NaN and Infinity become null, as
// JavaScript's JSON.stringify writes them. Hexadecimal and 1_000 become numbers; 007 and 2024-01-01 become texts, for
// no number is what was written. A backslash before a letter that is no escape is kept (C:\Users, \d+).
#ifndef TROUPE_REPAIR_H
#define TROUPE_REPAIR_H

#include "troupe/error.h"

#include <jansson.h>
#include <stddef.h>

enum {
  TROUPE_REPAIR_SIZE_MAX = 4 * 1024 * 1024, // bytes of a reply: far beyond what a model writes in one
  TROUPE_REPAIR_DEPTH_MAX = 256,            // of nesting: jansson and its users recurse
  TROUPE_REPAIR_VALUES_MAX = 500 * 1000,    // values in a reply: some 50 MiB in memory
  TROUPE_REPAIR_DOCUMENTS_MAX = 64,         // of a reply; later ones are not looked for
  TROUPE_REPAIR_NOTES_MAX = 64              // that are kept for each document; the rest is counted
};

typedef enum {
#define TROUPE_REPAIR(constant, name, text) TROUPE_REPAIR_##constant,
#include "troupe/repair.def"
#undef TROUPE_REPAIR
  TROUPE_REPAIR_COUNT
} troupe_repair_kind_t;

typedef enum {
  TROUPE_REPAIR_WANT_ANY,
  TROUPE_REPAIR_WANT_OBJECT, // no list and no scalar will do
  TROUPE_REPAIR_WANT_LIST
} troupe_repair_want_t;

typedef struct {
  troupe_repair_kind_t kind;
  size_t offset; // in the reply, bytes
} troupe_repair_note_t;

typedef struct troupe_repair troupe_repair_t;

// The kind's name ("trailing_comma") and sentence.
const char *troupe_repair_name (troupe_repair_kind_t kind);
const char *troupe_repair_text (troupe_repair_kind_t kind);

// Reads a reply; it need not be UTF-8 and may hold any bytes. Fails with
//   TROUPE_BAD_MESSAGE  there is no JSON of the wanted kind, or it was cut off before anything of it came: the error
//                       says which, in words that may be sent to the model
//   TROUPE_TOO_LARGE, TROUPE_TOO_DEEP, TROUPE_NO_MEMORY
troupe_err_t troupe_repair_new (troupe_repair_t **out, const char *text, size_t size, troupe_repair_want_t want,
                                troupe_error_t *error);
void troupe_repair_destroy (troupe_repair_t **self_p);

// The document that wins. Borrowed; the caller may take a reference.
json_t *troupe_repair_value (const troupe_repair_t *self);
// True when the reply was valid JSON and nothing else.
bool troupe_repair_unchanged (const troupe_repair_t *self);
// What was changed to get the value, in the order of the reply.
size_t troupe_repair_note_count (const troupe_repair_t *self);
troupe_repair_note_t troupe_repair_note (const troupe_repair_t *self, size_t n);
// How many more there were than are kept.
size_t troupe_repair_notes_left_out (const troupe_repair_t *self);
// The notes as a new list of {"kind": "extra_comma", "offset": 17, "text": "..."}; NULL: out of memory.
json_t *troupe_repair_notes_json (const troupe_repair_t *self);

// Every document of the reply that is of the wanted kind, in its order, for a caller that wants all of them.
size_t troupe_repair_document_count (const troupe_repair_t *self);
json_t *troupe_repair_document (const troupe_repair_t *self, size_t n);
// Where the nth begins and ends in the reply.
void troupe_repair_document_span (const troupe_repair_t *self, size_t n, size_t *start, size_t *end);

// Where the answer begins in a reply: behind the thought that it begins with, if any (then also behind the blanks that
// follow); `size` when the thought never ends.
size_t troupe_repair_answer (const char *text, size_t size);

#endif

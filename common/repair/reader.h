// SPDX-License-Identifier: Apache-2.0
//
// The reader: one document from its first byte, as it was meant. What is not as JSON has it is noted.
#ifndef TROUPE_REPAIR_READER_H
#define TROUPE_REPAIR_READER_H

#include "repair/notes.h"

typedef enum { ROLE_ALONE, ROLE_KEY, ROLE_MEMBER, ROLE_ITEM } role_t;

enum { CLOSERS = 3 }; // } ] )

typedef struct {
  const char *text;
  size_t end;    // where it must stop
  bool is_final; // nothing comes after `end`: what touches it may have been cut off
  size_t at;
  notes_t *notes;
  bool trusted;      // a list here may begin with a word
  bool cut;          // the document was not closed
  bool implausible;  // this is no JSON but a brace or bracket in prose
  bool plain_quotes; // every quote ends its text: looking for those inside has failed once
  troupe_err_t err;  // no memory, too deep, too large
  unsigned depth;
  unsigned open[CLOSERS]; // containers of each kind
  size_t values;
  size_t members; // of the container that is being read, as far as they make it plausible
  char *buffer;   // the text that is being read
  size_t used, capacity;
} reader_t;

// One value (a new reference), or NULL when nothing usable came: see `err`, `implausible` and `cut`. `at` is behind
// what was looked at, always at least one byte on unless at `end`.
json_t *reader_value (reader_t *self, role_t role);
// An object whose opening brace is missing.
json_t *reader_members (reader_t *self);
void reader_clear (reader_t *self);

void reader_note (reader_t *self, troupe_repair_kind_t kind, size_t offset);
// At the end, or at a fence that closes the block around the document.
bool reader_ended (const reader_t *self);
bool reader_starts (const reader_t *self, size_t at, const char *word);

// space.c: the size of one blank or comment at `at`, 0 when there is none; *kind is TROUPE_REPAIR_COUNT for what JSON
// allows.
size_t space_step (const reader_t *self, size_t at, troupe_repair_kind_t *kind);
// Behind all blanks and comments from `at`; *newline: a line ended in between. Notes nothing.
size_t space_end (const reader_t *self, size_t at, bool *newline);
// Where what ends at `at` and began at `start` ends without the blanks behind it.
size_t space_before (const reader_t *self, size_t start, size_t at);
// As space_end, for the reader, with notes.
void space_skip (reader_t *self);
// The size of a comma (colon), or of another sign in its place, at `at`; 0: none.
size_t space_comma (const reader_t *self, size_t at);
size_t space_colon (const reader_t *self, size_t at);
// The size of a word that could be a key without quotes, at `at`.
size_t space_word (const reader_t *self, size_t at);

// text.c
typedef struct {
  size_t size;            // of the opening quote; 0: none is there
  const char *closers[2]; // either ends the text
  bool plain;             // JSON's own
  bool triple, escaped;
} quote_t;
quote_t text_quote (const reader_t *self, size_t at);
// Reads a text at its opening quote into the buffer. False: `err`, or it was cut before its first character.
bool text_read (reader_t *self, role_t role);
// Appends to the buffer: bytes; what stands in [start, end) made UTF-8. False: `err`.
bool text_append (reader_t *self, const char *bytes, size_t size);
bool text_copy (reader_t *self, size_t start, size_t end);

// closing.c: whether a quote that ends at `after` ends its text, to judge by what follows.
bool closing_follows (const reader_t *self, size_t after, const quote_t *quote, role_t role);

// bare.c: a number, a literal or a text without quotes.
json_t *bare_value (reader_t *self, role_t role);

#endif

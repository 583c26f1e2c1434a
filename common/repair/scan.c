// SPDX-License-Identifier: Apache-2.0
//
// The scan goes through a reply once, from left to right. Thoughts are passed over, fences remembered, and where a
// brace or bracket stands the reader tries a document. What is inside a document (fences in its texts, say) is never
// seen by the scan, because it goes on behind it.
//
// A document that isn't closed would take all that follows with it, also the block that has the real answer. So one
// that runs to the end, or over a fence with repairs, is read again up to the fence only. Such attempts to the end are
// counted (LONG_ATTEMPTS_MAX), so that a reply of nothing but openings still takes linear time.

#include "repair/scan.h"
#include "repair/reader.h"
#include "repair/thought.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LONG_ATTEMPTS_MAX = 8 }; // enough for a draft or two with each kind of defect

static bool
starts (const scan_t *self, size_t at, const char *word)
{
  size_t size = strlen (word);
  return self->size - at >= size && memcmp (self->text + at, word, size) == 0;
}

static size_t
find (const scan_t *self, size_t from, const char *word)
{
  const char *found = memmem (self->text + from, self->size - from, word, strlen (word));
  return found != NULL ? (size_t)(found - self->text) : SIZE_MAX;
}

static bool
is_blank (char c)
{
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t
skip_blanks (const scan_t *self, size_t at)
{
  while (at < self->size && is_blank (self->text[at]))
    at++;
  return at;
}

// Whether only blanks stand between the line's begin and `at`.
static bool
begins_line (const scan_t *self, size_t at)
{
  while (at > 0 && (self->text[at - 1] == ' ' || self->text[at - 1] == '\t'))
    at--;
  return at == 0 || self->text[at - 1] == '\n';
}

// The first fence that begins a line behind `from`, or the one that ends the reply.
static size_t
fence_line (scan_t *self, size_t from)
{
  if (self->next_fence >= from && self->next_fence > 0)
    return self->next_fence;
  size_t at = find (self, from, "```");
  while (at != SIZE_MAX && !begins_line (self, at) && skip_blanks (self, at + 3) < self->size)
    at = find (self, at + 3, "```");
  return self->next_fence = at;
}

static size_t
thought_end (scan_t *self, size_t from)
{
  if (self->next_thought < from || self->next_thought == 0)
    self->next_thought = find (self, from, "</think>");
  return self->next_thought;
}

typedef enum { FORM_VALUE, FORM_MEMBERS, FORM_ALONE } document_form_t;

// Reads one document at `start` of what lies before `end`. *stop: where the reader stopped.
static troupe_err_t
read_at (scan_t *self, document_t *out, size_t start, size_t end, document_form_t form, size_t *stop)
{
  *out = (document_t){.start = start, .fence = self->fence, .place = self->in_fence ? self->place : PLACE_PROSE};
  reader_t reader = {.text = self->text,
                     .end = end,
                     .is_final = end == self->size,
                     .at = start,
                     .notes = &out->notes,
                     .trusted = self->in_fence && self->place == PLACE_JSON};
  out->value = form == FORM_MEMBERS ? reader_members (&reader) : reader_value (&reader, ROLE_ALONE);
  out->cut = reader.cut;
  out->end = *stop = reader.at;
  reader_clear (&reader);
  if (reader.err == TROUPE_TOO_DEEP)
    self->seen = reader.err;
  if (reader.err != TROUPE_OK || reader.implausible) {
    json_decref (out->value);
    out->value = NULL;
    out->cut = false;
  }
  return reader.err == TROUPE_TOO_DEEP ? TROUPE_OK : reader.err;
}

// Keeps a document, and goes on behind it.
static troupe_err_t
keep (scan_t *self, document_t *document)
{
  self->at = document->end;
  if (self->count == TROUPE_REPAIR_DOCUMENTS_MAX) {
    json_decref (document->value);
    self->at = self->size;
    return TROUPE_OK;
  }
  if (self->documents == NULL)
    self->documents = malloc (TROUPE_REPAIR_DOCUMENTS_MAX * sizeof *self->documents);
  if (self->documents == NULL) {
    json_decref (document->value);
    return TROUPE_NO_MEMORY;
  }
  self->documents[self->count++] = *document;
  return TROUPE_OK;
}

// Where a document at `start` ends at the latest, if it isn't closed.
static size_t
bound_of (scan_t *self, size_t start)
{
  size_t fence = fence_line (self, start), thought = start > self->begin ? thought_end (self, start) : SIZE_MAX;
  return fence < thought ? fence : thought;
}

// A document at `start`: as far as it goes, or up to the bound, whichever reads better.
static troupe_err_t
try_document (scan_t *self, size_t start, document_form_t form)
{
  document_t whole = {0}, bounded = {0};
  size_t stop = self->size, bound_stop, bound = bound_of (self, start);
  troupe_err_t err = TROUPE_OK;
  bool long_too = bound > self->size || self->long_attempts < LONG_ATTEMPTS_MAX;
  if (long_too)
    err = read_at (self, &whole, start, self->size, form, &stop);
  bool crosses = bound < stop && (whole.value == NULL || notes_has_other (&whole.notes, TROUPE_REPAIR_RAW_CONTROL));
  if (err == TROUPE_OK && long_too && !whole.cut && !crosses) {
    self->at = self->seen == TROUPE_OK ? stop : self->size; // what is inside one too deep is no document of its own
    return whole.value != NULL ? keep (self, &whole) : TROUPE_OK;
  }
  self->long_attempts++;
  if (err == TROUPE_OK && bound <= self->size)
    err = read_at (self, &bounded, start, bound, form, &bound_stop);
  if (err == TROUPE_OK && bounded.value != NULL) {
    json_decref (whole.value);
    return keep (self, &bounded);
  }
  if (err == TROUPE_OK && whole.value != NULL)
    return keep (self, &whole);
  json_decref (whole.value);
  self->cut = self->cut || whole.cut || bounded.cut;
  // In prose it may have been a lone brace before a quote; where the reply begins with it, it was the answer.
  bool again = !self->in_fence && start > self->begin && self->long_attempts < LONG_ATTEMPTS_MAX;
  self->at = bound <= self->size ? bound : again ? start + 1 : stop;
  return err;
}

// A text that is a key: a quoted one, a colon, and the begin of a value in JSON.
static bool
is_member (const scan_t *self, size_t at)
{
  const char *close;
  if (at >= self->size || self->text[at] != '"')
    return false;
  size_t reach = self->size - at - 1 < 128 ? self->size - at - 1 : 128; // a key is no longer
  if ((close = memchr (self->text + at + 1, '"', reach)) == NULL)
    return false;
  size_t colon = skip_blanks (self, (size_t)(close + 1 - self->text));
  size_t value = colon < self->size && self->text[colon] == ':' ? skip_blanks (self, colon + 1) : self->size;
  return value < self->size && self->text[value] != '\0' && strchr ("\"{[-0123456789tfnTFN", self->text[value]) != NULL;
}

// A value that isn't a container, alone in the reply or in a block of JSON: as JSON has it, and nothing behind it.
static troupe_err_t
try_alone (scan_t *self, size_t start, size_t end)
{
  document_t document;
  size_t stop, at = self->at;
  if (start >= end)
    return TROUPE_OK;
  troupe_err_t err = read_at (self, &document, start, end, FORM_ALONE, &stop);
  bool exact = document.value != NULL && !document.cut && skip_blanks (self, stop) >= end;
  for (size_t i = 0; i < notes_kept (&document.notes); i++)
    exact = exact && (document.notes.list[i].kind == TROUPE_REPAIR_NUMBER_ROUNDED ||
                      document.notes.list[i].kind == TROUPE_REPAIR_NUMBER_AS_TEXT);
  if (err == TROUPE_OK && exact)
    return keep (self, &document);
  json_decref (document.value);
  self->at = at;
  return err;
}

static bool
is_json_language (const char *word, size_t size)
{
  static const char *const names[] = {"json", "jsonc", "json5", "jsonl", "ndjson", "application/json"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strlen (names[i]) == size && strncasecmp (names[i], word, size) == 0)
      return true;
  return false;
}

// At a fence: opens a block, or closes the open one.
static troupe_err_t
pass_fence (scan_t *self)
{
  size_t start = self->at, word, end;
  while (self->at < self->size && self->text[self->at] == self->text[start])
    self->at++;
  for (word = self->at; word < self->size && self->text[word] == ' ';)
    word++;
  for (end = word; end < self->size && !is_blank (self->text[end]) && strchr ("{[\"`~(", self->text[end]) == NULL;)
    end++;
  if (self->in_fence && end == word) {
    self->in_fence = false;
    return TROUPE_OK;
  }
  bool line = begins_line (self, start); // in the middle of a line a word is its language only when it says JSON
  bool json = is_json_language (self->text + word, end - word);
  self->at = json || line ? end : word;
  size_t content = skip_blanks (self, self->at);
  bool begins = content < self->size && (self->text[content] == '{' || self->text[content] == '[');
  self->in_fence = true;
  self->fence = start;
  self->place = json ? PLACE_JSON : begins ? PLACE_BLOCK : PLACE_CODE;
  if (begins || content >= self->size || !(json || self->text[content] == '"'))
    return TROUPE_OK;
  self->place = json ? PLACE_JSON : PLACE_BLOCK;
  if (is_member (self, content))
    return try_document (self, content, FORM_MEMBERS);
  size_t bound = fence_line (self, content);
  return json ? try_alone (self, content, bound < self->size ? bound : self->size) : TROUPE_OK;
}

// At a tag of a thought: passes over it. False: it is none.
static bool
pass_thought (scan_t *self)
{
  size_t end;
  bool closes;
  if (!thought_at (self->text, self->size, self->at, &end, &closes))
    return false;
  self->thought = self->thought < self->at ? self->thought : closes ? self->begin : self->at;
  self->thought_open = end == SIZE_MAX;
  self->at = end == SIZE_MAX ? self->size : end;
  if (closes) { // all before it was a thought
    scan_clear (self);
    self->prose_first = SIZE_MAX;
    self->in_fence = self->cut = false;
  }
  return true;
}

static troupe_err_t
step (scan_t *self)
{
  char c = self->text[self->at];
  if ((c == '<' || c == '[' || c == '\xE2') && pass_thought (self))
    return TROUPE_OK;
  if (c == '{' || c == '[')
    return try_document (self, self->at, FORM_VALUE);
  if (starts (self, self->at, "```") || (starts (self, self->at, "~~~") && begins_line (self, self->at)))
    return pass_fence (self);
  if (!is_blank (c)) {
    self->prose_first = self->prose_first < self->at ? self->prose_first : self->at;
    self->prose_last = self->at;
  }
  self->at++;
  return TROUPE_OK;
}

troupe_err_t
scan_reply (scan_t *self, const char *text, size_t size)
{
  *self = (scan_t){.text = text, .size = size, .prose_first = SIZE_MAX, .thought = SIZE_MAX};
  self->begin = self->at = skip_blanks (self, size >= 3 && memcmp (text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0);
  troupe_err_t err = TROUPE_OK;
  if (self->at < size && strchr ("{[<`", text[self->at]) == NULL)
    err = is_member (self, self->at) ? try_document (self, self->at, FORM_MEMBERS) : try_alone (self, self->at, size);
  while (err == TROUPE_OK && self->at < size)
    err = step (self);
  if (err != TROUPE_OK)
    scan_clear (self);
  return err;
}

void
scan_clear (scan_t *self)
{
  for (size_t i = 0; i < self->count; i++)
    json_decref (self->documents[i].value);
  free (self->documents);
  self->documents = NULL;
  self->count = 0;
}

// SPDX-License-Identifier: Apache-2.0
//
// Objects and lists. What was closed is whole; what the end of the text cut off keeps the members that are whole, and
// is nothing when there are none. Between members any number of commas is allowed, and any closer closes: the one of an
// outer container closes this one as well, a wrong one is taken for the right one.
//
// A brace or bracket in prose looks like a document until its first member: without a key and a colon (or, in a list,
// without a value) the reader gives up there, and says that it was no JSON (`implausible`).

#include "repair/reader.h"

#include <stdlib.h>
#include <string.h>

static const char closers[CLOSERS + 1] = "}])";

typedef enum { NEXT_MEMBER, NEXT_END, NEXT_CUT } next_t;

void
reader_note (reader_t *self, troupe_repair_kind_t kind, size_t offset)
{
  notes_add (self->notes, kind, offset);
}

bool
reader_ended (const reader_t *self)
{
  return self->at >= self->end || reader_starts (self, self->at, "```");
}

void
reader_clear (reader_t *self)
{
  free (self->buffer);
  self->buffer = NULL;
}

// At a closer of any kind: whether it is this container's end, and whether it is taken.
static void
close_with (reader_t *self, size_t own, size_t found)
{
  static const troupe_repair_kind_t unclosed[] = {TROUPE_REPAIR_UNCLOSED_OBJECT, TROUPE_REPAIR_UNCLOSED_LIST,
                                                  TROUPE_REPAIR_UNCLOSED_LIST};
  if (found != own && self->open[found] > 0) {
    reader_note (self, unclosed[own], self->at); // it closes an outer one
    return;
  }
  if (found != own)
    reader_note (self, TROUPE_REPAIR_WRONG_CLOSER, self->at);
  self->at++;
}

static size_t
ellipsis_size (const reader_t *self)
{
  return reader_starts (self, self->at, "...") ? 3 : reader_starts (self, self->at, "\xE2\x80\xA6") ? 3 : 0;
}

// To the next member of a container that closes with closers[own], or behind its end.
static next_t
next_member (reader_t *self, size_t own, size_t members)
{
  size_t comma = 0; // behind the one that came
  for (;;) {
    space_skip (self);
    if (reader_ended (self)) {
      self->cut = true;
      return NEXT_CUT;
    }
    const char *closer = self->text[self->at] != '\0' ? strchr (closers, self->text[self->at]) : NULL;
    if (closer != NULL) {
      if (comma > 0)
        reader_note (self, TROUPE_REPAIR_EXTRA_COMMA, comma - 1);
      close_with (self, own, (size_t)(closer - closers));
      return NEXT_END;
    }
    size_t size = space_comma (self, self->at);
    if (size > 0) {
      if (members == 0 || comma > 0)
        reader_note (self, TROUPE_REPAIR_EXTRA_COMMA, self->at);
      else if (self->text[self->at] != ',')
        reader_note (self, TROUPE_REPAIR_OTHER_COMMA, self->at);
      comma = self->at + size;
    } else if ((size = ellipsis_size (self)) > 0) {
      reader_note (self, TROUPE_REPAIR_ELLIPSIS, self->at);
    } else {
      if (members > 0 && comma == 0)
        reader_note (self, TROUPE_REPAIR_MISSING_COMMA, self->at);
      return NEXT_MEMBER;
    }
    self->at += size;
  }
}

static bool
enter (reader_t *self, size_t own)
{
  if (self->depth >= TROUPE_REPAIR_DEPTH_MAX) {
    self->err = TROUPE_TOO_DEEP;
    return false;
  }
  self->depth++;
  self->open[own]++;
  return true;
}

// What a container is in the end: a new reference, or NULL.
static json_t *
leave (reader_t *self, size_t own, next_t next, json_t *container, size_t members)
{
  self->depth--;
  self->open[own]--;
  if (self->err != TROUPE_OK || (self->implausible && self->depth == 0) || (next == NEXT_CUT && members == 0)) {
    json_decref (container);
    return NULL;
  }
  if (next == NEXT_CUT)
    reader_note (self, own == 0 ? TROUPE_REPAIR_UNCLOSED_OBJECT : TROUPE_REPAIR_UNCLOSED_LIST, self->at);
  return container;
}

static void
no_memory (reader_t *self)
{
  self->err = TROUPE_NO_MEMORY;
}

// A key as a new text, or NULL: `err`, cut, or there was none (and something was skipped).
static char *
read_key (reader_t *self)
{
  size_t start = self->at, word = space_word (self, start);
  if (text_quote (self, start).size > 0) {
    if (!text_read (self, ROLE_KEY))
      return NULL;
  } else if (word > 0) {
    self->used = 0;
    self->at += word;
    if (!text_copy (self, start, self->at))
      return NULL;
    reader_note (self, TROUPE_REPAIR_UNQUOTED_KEY, start);
  } else {
    return NULL;
  }
  for (char *nul; self->used > 0 && (nul = memchr (self->buffer, '\0', self->used)) != NULL;) {
    *nul = '?'; // jansson's keys can't hold it
    reader_note (self, TROUPE_REPAIR_BAD_ESCAPE, start);
  }
  char *key = self->used > 0 ? strndup (self->buffer, self->used) : strdup ("");
  if (key == NULL)
    no_memory (self);
  return key;
}

// Where a key should be is something else.
static void
skip_junk (reader_t *self)
{
  if (strchr ("{[(", self->text[self->at]) != NULL && self->text[self->at] != '\0') {
    reader_note (self, TROUPE_REPAIR_VALUE_WITHOUT_KEY, self->at);
    json_decref (reader_value (self, ROLE_ITEM));
    return;
  }
  reader_note (self, TROUPE_REPAIR_JUNK, self->at);
  do
    self->at++;
  while (self->at < self->end && self->text[self->at] != '\n' && strchr (",}])\"'`", self->text[self->at]) == NULL);
}

// Between a key and its value. False: no value comes.
static bool
read_colon (reader_t *self, size_t start, bool quoted)
{
  space_skip (self);
  size_t size = space_colon (self, self->at);
  if (size > 0 && (self->text[self->at] != ':' || space_colon (self, self->at + size) > 0))
    reader_note (self, TROUPE_REPAIR_OTHER_COLON, self->at);
  self->at += size;
  self->at += size > 0 ? space_colon (self, self->at) : 0; // written twice, or as Pascal does
  space_skip (self);
  bool first = self->depth == 1 && self->members == 0;
  if (reader_ended (self)) {
    self->implausible = first && size == 0 && !quoted;
    reader_note (self, TROUPE_REPAIR_CUT_MEMBER, start);
    return false;
  }
  char c = self->text[self->at];
  bool value = space_comma (self, self->at) == 0 && (c == '\0' || strchr ("}])", c) == NULL);
  if (size == 0 && first && !(quoted && value))
    self->implausible = true;
  if (size == 0 && value)
    reader_note (self, TROUPE_REPAIR_MISSING_COLON, self->at);
  if (!value)
    reader_note (self, TROUPE_REPAIR_KEY_WITHOUT_VALUE, start);
  return value && !self->implausible;
}

// One member, or whatever is there instead; self->members counts it.
static void
read_member (reader_t *self, json_t *object)
{
  size_t start = self->at;
  bool quoted = text_quote (self, start).size > 0;
  char *key = read_key (self);
  if (key == NULL && self->err == TROUPE_OK && self->cut) {
    reader_note (self, TROUPE_REPAIR_CUT_MEMBER, start);
    return;
  }
  if (key == NULL) {
    if (self->depth == 1 && self->members == 0)
      self->implausible = true;
    else if (self->err == TROUPE_OK)
      skip_junk (self);
    return;
  }
  json_t *value = NULL;
  if (read_colon (self, start, quoted)) {
    self->members++; // plausible from here on
    value = reader_value (self, ROLE_MEMBER);
    if (value == NULL && self->err == TROUPE_OK)
      reader_note (self, TROUPE_REPAIR_CUT_MEMBER, start);
  }
  if (value != NULL && json_object_get (object, key) != NULL)
    reader_note (self, TROUPE_REPAIR_DUPLICATE_KEY, start);
  if (value != NULL && json_object_set_new_nocheck (object, key, value) != 0)
    no_memory (self);
  free (key);
}

// Whether an object of a list has ended without its brace: where its next key should be, the list's next object begins.
// Then the reader goes back to where the object's last member ended.
static bool
was_left_open (reader_t *self, role_t role, size_t end, size_t notes)
{
  if (role != ROLE_ITEM || self->members == 0 || self->text[self->at] != '{')
    return false;
  self->at = end;
  self->notes->count = notes;
  reader_note (self, TROUPE_REPAIR_UNCLOSED_OBJECT, end);
  return true;
}

static json_t *
read_object (reader_t *self, role_t role)
{
  if (!enter (self, 0))
    return NULL;
  json_t *object = json_object ();
  next_t next = NEXT_MEMBER;
  size_t before = self->members, end = self->at, notes = self->notes->count;
  self->members = 0;
  if (object == NULL)
    no_memory (self);
  while (self->err == TROUPE_OK && !(self->implausible && self->depth == 1) &&
         (next = next_member (self, 0, self->members)) == NEXT_MEMBER && !was_left_open (self, role, end, notes)) {
    read_member (self, object);
    end = self->at;
    notes = self->notes->count;
  }
  self->members = before;
  return leave (self, 0, next, object, json_object_size (object));
}

static json_t *
read_list (reader_t *self, size_t own)
{
  if (!enter (self, own))
    return NULL;
  self->at++;
  json_t *list = json_array ();
  next_t next = NEXT_MEMBER;
  size_t before = self->members;
  self->members = 0;
  if (list == NULL)
    no_memory (self);
  while (self->err == TROUPE_OK && !(self->implausible && self->depth == 1) &&
         (next = next_member (self, own, self->members)) == NEXT_MEMBER) {
    size_t start = self->at;
    json_t *value = reader_value (self, ROLE_ITEM);
    self->members++;
    if (value != NULL && json_array_append_new (list, value) != 0)
      no_memory (self);
    if (value == NULL && self->err == TROUPE_OK)
      reader_note (self, TROUPE_REPAIR_CUT_MEMBER, start);
  }
  self->members = before;
  return leave (self, own, next, list, json_array_size (list));
}

json_t *
reader_members (reader_t *self)
{
  reader_note (self, TROUPE_REPAIR_MISSING_OPENING, self->at);
  return read_object (self, ROLE_ALONE);
}

json_t *
reader_value (reader_t *self, role_t role)
{
  if (++self->values > TROUPE_REPAIR_VALUES_MAX) {
    self->err = TROUPE_TOO_LARGE;
    return NULL;
  }
  char c = self->text[self->at];
  json_t *value = NULL;
  if (c == '{') {
    self->at++;
    return read_object (self, role);
  }
  if (c == '[')
    return read_list (self, 1);
  if (c == '(' && self->depth > 0) {
    reader_note (self, TROUPE_REPAIR_TUPLE, self->at);
    return read_list (self, 2);
  }
  if (text_quote (self, self->at).size == 0)
    return bare_value (self, role);
  if (!text_read (self, role))
    return NULL;
  value = json_stringn_nocheck (self->buffer != NULL ? self->buffer : "", self->used);
  if (value == NULL)
    no_memory (self);
  return value;
}

// SPDX-License-Identifier: Apache-2.0
//
// An identity keeps its rights as the object that was read, with every default: lists are short, and are looked through
// when a service registers or a session is entered by a key that may not enter all.

#include "keys/identity.h"

#include <stdlib.h>
#include <string.h>

struct troupe_identity {
  unsigned references;
  bool calls, operates, broker;
  bool enters_all; // the usual case, which each call asks for
  json_t *rights;
  char *services; // the patterns, one a line; NULL: all
  char *name;  // within `user`'s allocation
  char user[]; // "key:...", NUL, the name
};

static bool
lists_all (const json_t *patterns)
{
  for (size_t i = 0; i < json_array_size (patterns); i++)
    if (strcmp (json_string_value (json_array_get (patterns, i)), "*") == 0)
      return true;
  return false;
}

// One a line; a line alone, which nothing matches, for none.
static char *
join (const json_t *patterns)
{
  size_t size = 2;
  for (size_t i = 0; i < json_array_size (patterns); i++)
    size += json_string_length (json_array_get (patterns, i)) + 1;
  char *text = malloc (size), *at = text;
  for (size_t i = 0; at != NULL && i < json_array_size (patterns); i++) {
    at = stpcpy (at, json_string_value (json_array_get (patterns, i)));
    *at++ = '\n';
  }
  if (text != NULL && at == text)
    *at++ = '\n';
  if (text != NULL)
    *at = '\0';
  return text;
}

troupe_identity_t *
identity_new (const char *kind, const char *id, const char *name, json_t *rights)
{
  size_t user = strlen (kind) + 1 + strlen (id) + 1, size = strlen (name) + 1;
  troupe_identity_t *self = calloc (1, sizeof *self + user + size);
  if (self == NULL)
    return NULL;
  self->references = 1;
  snprintf (self->user, user, "%s:%s", kind, id);
  self->name = self->user + user;
  memcpy (self->name, name, size);
  self->rights = json_incref (rights);
  self->enters_all = lists_all (json_object_get (rights, "sessions"));
  self->calls = json_is_true (json_object_get (rights, "calls"));
  self->operates = json_is_true (json_object_get (rights, "operator"));
  self->broker = json_is_true (json_object_get (rights, "broker"));
  const json_t *serves = json_object_get (rights, "serves");
  if (!lists_all (serves) && (self->services = join (serves)) == NULL)
    troupe_identity_unref (&self);
  return self;
}

troupe_identity_t *
troupe_identity_ref (const troupe_identity_t *self)
{
  troupe_identity_t *mutable = (troupe_identity_t *)(uintptr_t)self; // the count is no part of what it says
  if (mutable != NULL)
    mutable->references++;
  return mutable;
}

void
troupe_identity_unref (troupe_identity_t **self_p)
{
  troupe_identity_t *self = *self_p;
  *self_p = NULL;
  if (self == NULL || --self->references > 0)
    return;
  json_decref (self->rights);
  free (self->services);
  free (self);
}

bool
identity_is_broker (const troupe_identity_t *self)
{
  return self->broker;
}

bool
identity_equal (const troupe_identity_t *self, const troupe_identity_t *other)
{
  return strcmp (self->user, other->user) == 0 && strcmp (self->name, other->name) == 0 &&
         json_equal (self->rights, other->rights);
}

// -- What it may do --------------------------------------------------------------------------------------------------

// `*` stands for any characters. The last star is the only one that ever has to take more: no pattern costs more than
// its length times the text's.
static bool
matches (const char *pattern, troupe_text_t text)
{
  const char *star = NULL;
  size_t at = 0, from = 0;
  while (at < text.size) {
    if (*pattern == '*') {
      star = pattern++;
      from = at;
    } else if (*pattern != '\0' && *pattern == text.data[at]) {
      pattern++;
      at++;
    } else if (star != NULL) {
      pattern = star + 1;
      at = ++from;
    } else {
      return false;
    }
  }
  return pattern[strspn (pattern, "*")] == '\0';
}

static bool
lists (const troupe_identity_t *self, const char *right, troupe_text_t text)
{
  const json_t *patterns = json_object_get (self->rights, right);
  for (size_t i = 0; i < json_array_size (patterns); i++)
    if (matches (json_string_value (json_array_get (patterns, i)), text))
      return true;
  return false;
}

const char *
troupe_identity_name (const troupe_identity_t *self)
{
  return self->name;
}

const char *
troupe_identity_user (const troupe_identity_t *self)
{
  return self->user;
}

bool
troupe_identity_serves (const troupe_identity_t *self, troupe_text_t service)
{
  return lists (self, "serves", service);
}

const char *
troupe_identity_services (const troupe_identity_t *self)
{
  return self->services;
}

bool
troupe_identity_enters (const troupe_identity_t *self, troupe_text_t session)
{
  return self->enters_all || lists (self, "sessions", session);
}

bool
troupe_identity_calls (const troupe_identity_t *self)
{
  return self->calls;
}

bool
troupe_identity_operates (const troupe_identity_t *self)
{
  return self->operates;
}

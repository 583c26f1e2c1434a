// SPDX-License-Identifier: Apache-2.0
//
// URIs: what JSON Schema needs of RFC 3986. A URI is cut into scheme, authority, path, query and fragment; a reference
// takes from its base what it lacks.

#include "schema/model.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *at;
  size_t size;
  bool has;
} part_t;

typedef struct {
  part_t scheme, authority, path, query, fragment;
} uri_t;

// The part of `at` up to one of `stops`.
static part_t
take (const char **at, const char *stops)
{
  part_t part = {*at, strcspn (*at, stops), true};
  *at += part.size;
  return part;
}

static uri_t
split (const char *text)
{
  uri_t uri = {0};
  size_t scheme = strcspn (text, ":/?#");
  if (text[scheme] == ':' && scheme > 0 && isalpha ((unsigned char)*text)) {
    uri.scheme = (part_t){text, scheme, true};
    text += scheme + 1;
  }
  if (strncmp (text, "//", 2) == 0) {
    text += 2;
    uri.authority = take (&text, "/?#");
  }
  uri.path = take (&text, "?#");
  if (*text == '?') {
    text++;
    uri.query = take (&text, "#");
  }
  if (*text == '#')
    uri.fragment = (part_t){text + 1, strlen (text + 1), true};
  return uri;
}

// Takes "." and ".." out of a path (RFC 3986, 5.2.4), in place.
static void
remove_dots (char *path)
{
  char *out = path, *at = path;
  while (*at != '\0') {
    size_t size = strcspn (at + 1, "/") + 1; // a segment with its slash before it
    bool slash = *at == '/';
    const char *word = at + slash;
    size_t length = size - slash;
    bool last = at[size] == '\0';
    if (length == 1 && *word == '.') {
      if (last && slash)
        *out++ = '/';
    } else if (length == 2 && word[0] == '.' && word[1] == '.') {
      while (out > path && *--out != '/')
        ;
      if (last && slash)
        *out++ = '/';
    } else {
      memmove (out, at, size);
      out += size;
    }
    at += size;
  }
  *out = '\0';
}

// The path of `reference` under `base`, a new text.
static char *
merge (const uri_t *base, const uri_t *reference)
{
  size_t keep = 0;
  if (!(reference->path.size > 0 && *reference->path.at == '/'))
    for (size_t i = 0; i < base->path.size; i++)
      keep = base->path.at[i] == '/' ? i + 1 : keep;
  bool root = keep == 0 && base->authority.has && !(reference->path.size > 0 && *reference->path.at == '/');
  char *path = malloc (keep + reference->path.size + 2);
  if (path == NULL)
    return NULL;
  sprintf (path, "%.*s%s%.*s", (int)keep, keep > 0 ? base->path.at : "", root ? "/" : "", (int)reference->path.size,
           reference->path.at);
  remove_dots (path);
  return path;
}

static void
print (FILE *file, const char *before, const part_t *part, const char *after)
{
  if (part->has)
    fprintf (file, "%s%.*s%s", before, (int)part->size, part->at, after);
}

char *
uri_resolve (const char *base_text, const char *reference_text)
{
  uri_t base = split (base_text), reference = split (reference_text), out = reference;
  char *text = NULL, *path = NULL;
  size_t size;
  if (!reference.scheme.has) {
    out.scheme = base.scheme;
    if (!reference.authority.has) {
      out.authority = base.authority;
      if (reference.path.size == 0) {
        out.path = base.path;
        out.query = reference.query.has ? reference.query : base.query;
      } else {
        path = merge (&base, &reference);
        if (path == NULL)
          return NULL;
        out.path = (part_t){path, strlen (path), true};
      }
    }
  }
  FILE *file = open_memstream (&text, &size);
  if (file != NULL) {
    print (file, "", &out.scheme, ":");
    print (file, "//", &out.authority, "");
    print (file, "", &out.path, "");
    print (file, "?", &out.query, "");
    print (file, "#", &out.fragment, "");
    if (fclose (file) != 0) {
      free (text);
      text = NULL;
    }
  }
  free (path);
  return text;
}

char *
uri_cut_fragment (char *uri)
{
  char *fragment = strchr (uri, '#');
  if (fragment == NULL)
    return NULL;
  *fragment++ = '\0';
  char *out = fragment;
  for (const char *at = fragment; *at != '\0'; at++) {
    unsigned byte;
    if (*at == '%' && isxdigit ((unsigned char)at[1]) && isxdigit ((unsigned char)at[2]) &&
        sscanf (at + 1, "%2x", &byte) == 1) {
      *out++ = (char)byte;
      at += 2;
    } else {
      *out++ = *at;
    }
  }
  *out = '\0';
  return fragment;
}

// SPDX-License-Identifier: Apache-2.0
//
// News: of what was said, the messages, with the little of each that tells whether it is news: its id. That and its text
// are seen in the packed bytes (glance.c); a message that isn't so plain is unpacked at once, because only then it is
// known to be one. A service that is no agent may be a member of a hub, too, and say what is no message: that is left
// out.

#include "agent/news.h"

#include "agent/glance.h"
#include "troupe/message.h"
#include "troupe/value.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  size_t number;   // in what was heard
  glance_t glance; // of a plain one
  json_t *message; // unpacked; NULL: it isn't yet
} item_t;

struct troupe_news {
  troupe_heard_t *heard;
  json_t *list; // of all messages; NULL: nobody has asked for it
  size_t count;
  item_t items[];
};

static troupe_err_t
unpack (const troupe_news_t *self, item_t *item)
{
  size_t size;
  const void *bytes = troupe_heard_bytes (self->heard, item->number, &size);
  return item->message != NULL ? TROUPE_OK : troupe_value_unpack (bytes, size, &item->message, NULL);
}

static troupe_text_t
text_of (const json_t *text)
{
  return (troupe_text_t){json_string_value (text), json_string_length (text)};
}

// *is_message: it is one.
static troupe_err_t
look (const troupe_news_t *self, item_t *item, bool *is_message)
{
  size_t size;
  const void *bytes = troupe_heard_bytes (self->heard, item->number, &size);
  *is_message = glance (&item->glance, bytes, size);
  if (*is_message)
    return TROUPE_OK;
  if (unpack (self, item) == TROUPE_NO_MEMORY)
    return TROUPE_NO_MEMORY;
  *is_message = item->message != NULL && troupe_message_check (item->message, NULL) == TROUPE_OK;
  if (*is_message)
    item->glance = (glance_t){.id = text_of (json_object_get (item->message, "id")),
                              .name = text_of (json_object_get (item->message, "name")),
                              .text = text_of (json_object_get (item->message, "content"))};
  return TROUPE_OK;
}

troupe_err_t
news_new (troupe_news_t **out, troupe_heard_t **heard_p, news_knows_fn *knows, const void *context)
{
  size_t count = troupe_heard_count (*heard_p);
  troupe_err_t err = TROUPE_OK;
  troupe_news_t *self = malloc (sizeof *self + count * sizeof self->items[0]);
  if (self == NULL) {
    troupe_heard_destroy (heard_p);
    return TROUPE_NO_MEMORY;
  }
  *self = (troupe_news_t){.heard = *heard_p};
  *heard_p = NULL;
  for (size_t i = 0; i < count && err == TROUPE_OK; i++) {
    item_t *item = &self->items[self->count];
    bool is_message = false;
    *item = (item_t){.number = i};
    err = look (self, item, &is_message);
    troupe_text_t id = item->glance.id;
    if (is_message && !(id.size > 0 && knows (context, id.data, id.size)))
      self->count++;
    else
      json_decref (item->message);
  }
  if (err == TROUPE_OK)
    *out = self;
  else
    news_destroy (&self);
  return err;
}

void
news_destroy (troupe_news_t **self_p)
{
  troupe_news_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  for (size_t i = 0; i < self->count; i++)
    json_decref (self->items[i].message);
  json_decref (self->list);
  troupe_heard_destroy (&self->heard);
  free (self);
}

size_t
troupe_news_count (const troupe_news_t *self)
{
  return self->count;
}

troupe_text_t
troupe_news_name (const troupe_news_t *self, size_t number)
{
  return self->items[number].glance.name;
}

troupe_text_t
troupe_news_text (const troupe_news_t *self, size_t number)
{
  return self->items[number].glance.text;
}

const json_t *
troupe_news_message (troupe_news_t *self, size_t number)
{
  item_t *item = &self->items[number];
  return unpack (self, item) == TROUPE_OK ? item->message : NULL;
}

const json_t *
troupe_news_messages (troupe_news_t *self)
{
  json_t *list = self->list == NULL ? json_array () : NULL;
  for (size_t i = 0; i < self->count && list != NULL; i++)
    if (unpack (self, &self->items[i]) != TROUPE_OK || json_array_append (list, self->items[i].message) != 0) {
      json_decref (list);
      return NULL;
    }
  if (list != NULL)
    self->list = list;
  return self->list;
}

// SPDX-License-Identifier: Apache-2.0
//
// Ids have 36 characters, positions and counts 16 digits, so that lists of them need no separators. Sessions come as
// they are: they have no spaces, and an id no bars.

#include "broker/ledger_places.h"

#include <hiredis/hiredis.h>
#include <string.h>

enum { ID_SIZE = TROUPE_ID_TEXT_SIZE - 1, NUMBER_SIZE = 16 };

static bool
is_text (const redisReply *reply)
{
  return reply->type == REDIS_REPLY_STRING;
}

static bool
read_id (troupe_id_t *out, const char *at)
{
  char text[TROUPE_ID_TEXT_SIZE];
  memcpy (text, at, ID_SIZE);
  text[ID_SIZE] = '\0';
  return troupe_id_of_text (out, text);
}

static bool
read_number (uint64_t *out, const char *at)
{
  *out = 0;
  for (int i = 0; i < NUMBER_SIZE; i++) {
    if (at[i] < '0' || at[i] > '9')
      return false;
    *out = *out * 10 + (uint64_t)(at[i] - '0');
  }
  return true;
}

// "<hub><since><position><entries>", or nothing.
bool
ledger_places_stretch (ledger_stretch_t *out, const struct redisReply *reply)
{
  uint64_t entries;
  *out = (ledger_stretch_t){.entries = 0};
  if (!is_text (reply) || reply->len == 0)
    return is_text (reply);
  const char *numbers = reply->str + ID_SIZE;
  if (reply->len != ID_SIZE + 3 * NUMBER_SIZE || !read_id (&out->hub, reply->str) ||
      !read_number (&out->since, numbers) || !read_number (&out->position, numbers + NUMBER_SIZE) ||
      !read_number (&entries, numbers + 2 * NUMBER_SIZE) || entries > UINT32_MAX)
    return false;
  out->entries = (uint32_t)entries;
  return true;
}

// "<hub><position>..."
troupe_err_t
ledger_places_said (ledger_answer_t *self, const struct redisReply *reply)
{
  enum { SIZE = ID_SIZE + NUMBER_SIZE };
  if (reply->type == REDIS_REPLY_NIL)
    return TROUPE_OK;
  if (!is_text (reply) || reply->len % SIZE != 0 || reply->len / SIZE > LEDGER_SAID_MAX)
    return TROUPE_BAD_MESSAGE;
  self->result.said = self->said;
  for (size_t at = 0; at < reply->len; at += SIZE) {
    ledger_said_t *said = &self->said[self->result.said_count++];
    if (!read_id (&said->hub, reply->str + at) || !read_number (&said->position, reply->str + at + ID_SIZE))
      return TROUPE_BAD_MESSAGE;
  }
  return TROUPE_OK;
}

// "<session>|<id> <session>|<id> ..."
troupe_err_t
ledger_places_hubs (ledger_answer_t *self, const struct redisReply *reply)
{
  const char *at = reply->str;
  if (reply->type == REDIS_REPLY_NIL)
    return TROUPE_OK;
  if (!is_text (reply))
    return TROUPE_BAD_MESSAGE;
  for (self->result.hubs = self->hubs; at != NULL && self->result.hubs_count < LEDGER_HUBS_MAX;) {
    size_t size = strcspn (at, " ");
    if (size < ID_SIZE + 1 || at[size - ID_SIZE - 1] != '|')
      return TROUPE_BAD_MESSAGE;
    ledger_hub_t *hub = &self->hubs[self->result.hubs_count++];
    hub->session = (troupe_text_t){at, size - ID_SIZE - 1};
    if (!read_id (&hub->hub, at + size - ID_SIZE))
      return TROUPE_BAD_MESSAGE;
    at = at[size] == ' ' ? at + size + 1 : NULL;
  }
  return TROUPE_OK;
}

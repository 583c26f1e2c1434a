// SPDX-License-Identifier: Apache-2.0
//
// Nearly everything that is said is text, and nearly everything about a message of text can be seen in one pass over
// its bytes. So only such messages are understood here, and only when nothing about them is out of the ordinary: what
// troupe_message_check would look at more closely is left to that.

#include "agent/glance.h"

#include "troupe/message.h"
#include "wire/cursor.h"

#include <string.h>

typedef enum { ID, NAME, ROLE, CONTENT, URL, METADATA, TIMESTAMP, KEYS } part_t;

static const troupe_text_t keys[] = {
  [ID] = {"id", 2},   [NAME] = {"name", 4},         [ROLE] = {"role", 4},           [CONTENT] = {"content", 7},
  [URL] = {"url", 3}, [METADATA] = {"metadata", 8}, [TIMESTAMP] = {"timestamp", 9},
};

static const troupe_text_t roles[] = {{"user", 4}, {"assistant", 9}, {"system", 6}, {"tool", 4}};

static unsigned
find (const troupe_text_t *texts, unsigned count, const cursor_item_t *item)
{
  unsigned i = 0;
  while (i < count && (texts[i].size != item->size || memcmp (texts[i].data, item->data, item->size) != 0))
    i++;
  return i;
}

static bool
is_hexadecimal (uint8_t byte)
{
  return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

static bool
is_id (const cursor_item_t *item)
{
  if (item->size != TROUPE_ID_TEXT_SIZE - 1)
    return false;
  for (uint32_t i = 0; i < item->size; i++) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? item->data[i] != '-' : !is_hexadecimal (item->data[i]))
      return false;
  }
  return true;
}

// Letters of ASCII, so that there are as many characters as bytes.
static bool
is_plain_name (const cursor_item_t *item)
{
  for (uint32_t i = 0; i < item->size; i++)
    if (item->data[i] < ' ' || item->data[i] >= 0x7F)
      return false;
  return item->size > 0 && item->size <= TROUPE_NAME_MAX;
}

static bool
take (glance_t *out, part_t key, const cursor_item_t *item)
{
  troupe_text_t text = {(const char *)item->data, item->size};
  bool is_text = item->kind == CURSOR_TEXT;
  switch (key) {
  case ID:
    out->id = text;
    return is_text && is_id (item);
  case NAME:
    out->name = text;
    return is_text && is_plain_name (item);
  case ROLE:
    return is_text && find (roles, sizeof roles / sizeof *roles, item) < sizeof roles / sizeof *roles;
  case CONTENT:
    out->text = text;
    return is_text;
  case URL:
    return item->kind == CURSOR_LIST && item->size == 0;
  case METADATA:
    return item->kind == CURSOR_MAP && item->size == 0;
  case TIMESTAMP:
    return item->kind == CURSOR_UINT;
  case KEYS:
    break;
  }
  return false;
}

bool
glance (glance_t *out, const void *data, size_t size)
{
  enum { NEEDED = 1 << ID | 1 << NAME | 1 << CONTENT };
  unsigned seen = 0;
  cursor_item_t map, key, value;
  cursor_t cursor = cursor_over (data, size);
  if (!cursor_next (&cursor, &map) || map.kind != CURSOR_MAP || map.size > KEYS)
    return false;
  for (uint32_t i = 0; i < map.size; i++) {
    if (!cursor_next (&cursor, &key) || key.kind != CURSOR_TEXT || !cursor_next (&cursor, &value))
      return false;
    unsigned number = find (keys, KEYS, &key);
    if (number == KEYS || (seen & 1U << number) != 0 || !take (out, (part_t)number, &value))
      return false;
    seen |= 1U << number;
  }
  return (seen & NEEDED) == NEEDED;
}

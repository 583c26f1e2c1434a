// SPDX-License-Identifier: Apache-2.0
//
// Messages: what was checked once, when the message was made, and never changes after. There is one way in, `make`,
// so a message that exists is a valid one. JSON parts are shared with whoever gave them by jansson's own counters,
// which are atomic, as the message's is.

#include "troupe/message.h"
#include "error/utf8.h"
#include "message/content.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct troupe_message {
  atomic_size_t references;
  troupe_id_t id;
  troupe_role_t role;
  int64_t timestamp;
  json_t *content, *url, *metadata;
  char name[];
};

// What a message is made of; all of it borrowed.
typedef struct {
  const char *name;
  troupe_role_t role;
  json_t *content;
  json_t *url;      // a list, a string (of_json only), or NULL
  json_t *metadata; // or NULL
  troupe_id_t id;
  int64_t timestamp;
} parts_t;

static const char *const role_names[] = {
  [TROUPE_ROLE_SYSTEM] = "system",
  [TROUPE_ROLE_USER] = "user",
  [TROUPE_ROLE_ASSISTANT] = "assistant",
  [TROUPE_ROLE_TOOL] = "tool",
};
enum { ROLES = sizeof role_names / sizeof role_names[0] };

const char *
troupe_role_name (troupe_role_t role)
{
  return (unsigned)role < ROLES ? role_names[role] : "?";
}

bool
troupe_role_of_name (troupe_role_t *out, const char *name)
{
  for (unsigned role = 0; role < ROLES; role++)
    if (strcmp (role_names[role], name) == 0) {
      *out = (troupe_role_t)role;
      return true;
    }
  return false;
}

static troupe_err_t
refuse (troupe_error_t *error, const char *why)
{
  return troupe_error_set (error, TROUPE_BAD_MESSAGE, "message", NULL, "%s", why);
}

static troupe_err_t
out_of_memory (troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_NO_MEMORY, "message", NULL, "out of memory");
}

static troupe_err_t
check_name (const char *name, troupe_error_t *error)
{
  size_t size = name != NULL ? strlen (name) : 0;
  if (size == 0 || !utf8_valid (name, size) || utf8_count (name) > TROUPE_NAME_MAX)
    return refuse (error, "name is not a text of 1 to 64 characters");
  for (const char *at = name; *at != '\0'; at++)
    if ((unsigned char)*at < ' ' || *at == 0x7F)
      return refuse (error, "name holds a control character");
  return TROUPE_OK;
}

static bool
is_url (const json_t *url)
{
  size_t size = json_string_length (url); // 0 for what is no string
  return size > 0 && memchr (json_string_value (url), '\0', size) == NULL;
}

static troupe_err_t
check_url (const json_t *url, troupe_error_t *error)
{
  if (url == NULL || is_url (url))
    return TROUPE_OK;
  if (!json_is_array (url))
    return refuse (error, "url is neither a text nor a list of texts");
  if (json_array_size (url) > TROUPE_URLS_MAX)
    return troupe_error_set (error, TROUPE_TOO_LARGE, "message", NULL, "url has %zu items, more than %d",
                             json_array_size (url), TROUPE_URLS_MAX);
  for (size_t i = 0; i < json_array_size (url); i++)
    if (!is_url (json_array_get (url, i)))
      return refuse (error, "url has an item that is empty or no text");
  return TROUPE_OK;
}

static troupe_err_t
check_parts (const parts_t *parts, troupe_error_t *error)
{
  troupe_err_t err = check_name (parts->name, error);
  if (err == TROUPE_OK && (unsigned)parts->role >= ROLES)
    err = refuse (error, "role is not one of the four");
  if (err == TROUPE_OK)
    err = content_check (parts->content, error);
  if (err == TROUPE_OK)
    err = check_url (parts->url, error);
  if (err == TROUPE_OK && parts->metadata != NULL && !json_is_object (parts->metadata))
    err = refuse (error, "metadata is not a map");
  return err;
}

static troupe_err_t
make (troupe_message_t **out, const parts_t *parts, troupe_error_t *error)
{
  troupe_err_t err = check_parts (parts, error);
  if (err != TROUPE_OK)
    return err;
  size_t name_size = strlen (parts->name) + 1;
  troupe_message_t *self = malloc (sizeof *self + name_size);
  if (self == NULL)
    return out_of_memory (error);
  atomic_init (&self->references, 1);
  self->id = parts->id;
  self->role = parts->role;
  self->timestamp = parts->timestamp;
  memcpy (self->name, parts->name, name_size);
  self->content = json_incref (parts->content);
  self->metadata = parts->metadata != NULL ? json_incref (parts->metadata) : json_object ();
  if (json_is_string (parts->url))
    self->url = json_pack ("[O]", parts->url);
  else
    self->url = parts->url != NULL ? json_incref (parts->url) : json_array ();
  if (self->url == NULL || self->metadata == NULL) {
    troupe_message_unref (&self);
    return out_of_memory (error);
  }
  *out = self;
  return TROUPE_OK;
}

static int64_t
now (void)
{
  struct timespec time;
  clock_gettime (CLOCK_REALTIME, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

troupe_err_t
troupe_message_compose (troupe_message_t **out, const char *name, troupe_role_t role, json_t *content, json_t *url,
                        json_t *metadata, troupe_error_t *error)
{
  if (json_is_string (url))
    return refuse (error, "url is not a list");
  parts_t parts = {name, role, content, url, metadata, troupe_id_new (), now ()};
  return make (out, &parts, error);
}

troupe_err_t
troupe_message_new (troupe_message_t **out, const char *name, troupe_role_t role, const char *text,
                    troupe_error_t *error)
{
  if (text == NULL || !utf8_valid (text, strlen (text)))
    return refuse (error, "content is not a text of UTF-8");
  json_t *content = json_string (text);
  if (content == NULL)
    return out_of_memory (error);
  troupe_err_t err = troupe_message_compose (out, name, role, content, NULL, NULL, error);
  json_decref (content);
  return err;
}

static troupe_err_t
check_keys (json_t *json, troupe_error_t *error)
{
  static const char *const keys[] = {"id", "name", "role", "content", "url", "metadata", "timestamp"};
  enum { KEYS = sizeof keys / sizeof keys[0] };
  for (void *at = json_object_iter (json); at != NULL; at = json_object_iter_next (json, at)) {
    const char *key = json_object_iter_key (at);
    size_t i = 0;
    while (i < KEYS && strcmp (key, keys[i]) != 0)
      i++;
    if (i == KEYS)
      return troupe_error_set (error, TROUPE_BAD_MESSAGE, "message",
                               "its keys are id, name, role, content, url, metadata and timestamp",
                               "it has the unknown key \"%s\"", key);
  }
  return TROUPE_OK;
}

// A member; NULL when it is missing or null.
static json_t *
member (const json_t *json, const char *key)
{
  json_t *value = json_object_get (json, key);
  return json_is_null (value) ? NULL : value;
}

static troupe_err_t
read_parts (parts_t *parts, const json_t *json, troupe_error_t *error)
{
  json_t *name = member (json, "name"), *role = member (json, "role");
  json_t *id = member (json, "id"), *timestamp = member (json, "timestamp");
  parts->name = json_string_value (name);
  if (parts->name == NULL || strlen (parts->name) != json_string_length (name))
    return refuse (error, "name is not a text of 1 to 64 characters");
  parts->role = TROUPE_ROLE_USER;
  if (role != NULL && (!json_is_string (role) || !troupe_role_of_name (&parts->role, json_string_value (role))))
    return refuse (error, "role is not one of system, user, assistant and tool");
  if (id == NULL)
    parts->id = troupe_id_new ();
  else if (!json_is_string (id) || !troupe_id_of_text (&parts->id, json_string_value (id)))
    return refuse (error, "id is not a UUID");
  parts->timestamp = timestamp != NULL ? json_integer_value (timestamp) : now ();
  if (parts->timestamp < 0 || (timestamp != NULL && !json_is_integer (timestamp)))
    return refuse (error, "timestamp is not a number of milliseconds since 1970");
  parts->content = json_object_get (json, "content");
  parts->url = member (json, "url");
  parts->metadata = member (json, "metadata");
  return TROUPE_OK;
}

troupe_err_t
troupe_message_of_json (troupe_message_t **out, json_t *json, troupe_error_t *error)
{
  if (!json_is_object (json))
    return refuse (error, "not a map");
  parts_t parts;
  troupe_err_t err = check_keys (json, error);
  if (err == TROUPE_OK)
    err = read_parts (&parts, json, error);
  return err == TROUPE_OK ? make (out, &parts, error) : err;
}

troupe_err_t
troupe_message_check (json_t *json, troupe_error_t *error)
{
  parts_t parts;
  if (!json_is_object (json))
    return refuse (error, "not a map");
  troupe_err_t err = check_keys (json, error);
  if (err == TROUPE_OK)
    err = read_parts (&parts, json, error);
  return err == TROUPE_OK ? check_parts (&parts, error) : err;
}

json_t *
troupe_message_to_json (const troupe_message_t *self)
{
  char id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&self->id, id);
  return json_pack ("{s:s, s:s, s:s, s:O, s:O, s:O, s:I}", "id", id, "name", self->name, "role",
                    troupe_role_name (self->role), "content", self->content, "url", self->url, "metadata",
                    self->metadata, "timestamp", (json_int_t)self->timestamp);
}

troupe_message_t *
troupe_message_ref (troupe_message_t *self)
{
  if (self != NULL)
    atomic_fetch_add_explicit (&self->references, 1, memory_order_relaxed);
  return self;
}

void
troupe_message_unref (troupe_message_t **self_p)
{
  if (self_p == NULL || *self_p == NULL)
    return;
  troupe_message_t *self = *self_p;
  *self_p = NULL;
  if (atomic_fetch_sub_explicit (&self->references, 1, memory_order_acq_rel) != 1)
    return;
  json_decref (self->content);
  json_decref (self->url);
  json_decref (self->metadata);
  free (self);
}

const troupe_id_t *
troupe_message_id (const troupe_message_t *self)
{
  return &self->id;
}

const char *
troupe_message_name (const troupe_message_t *self)
{
  return self->name;
}

troupe_role_t
troupe_message_role (const troupe_message_t *self)
{
  return self->role;
}

const json_t *
troupe_message_content (const troupe_message_t *self)
{
  return self->content;
}

const json_t *
troupe_message_url (const troupe_message_t *self)
{
  return self->url;
}

const json_t *
troupe_message_metadata (const troupe_message_t *self)
{
  return self->metadata;
}

int64_t
troupe_message_timestamp (const troupe_message_t *self)
{
  return self->timestamp;
}

char *
troupe_message_text (const troupe_message_t *self)
{
  return content_text (self->content);
}

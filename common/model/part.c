// SPDX-License-Identifier: Apache-2.0
//
// Walking through a message. Where a part may stand is the same for all providers: media in a user's messages, calls
// in the assistant's, results in a tool's or a user's. A part that can't be sent is refused by its place, since leaving
// it out would make the model answer a question that nobody asked.

#include "model/part.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
  const char *ending, *kind, *mime;
} endings[] = {
  {".png", "image", "image/png"},      {".jpg", "image", "image/jpeg"},  {".jpeg", "image", "image/jpeg"},
  {".gif", "image", "image/gif"},      {".webp", "image", "image/webp"}, {".bmp", "image", "image/bmp"},
  {".svg", "image", "image/svg+xml"},  {".wav", "audio", "audio/wav"},   {".mp3", "audio", "audio/mpeg"},
  {".ogg", "audio", "audio/ogg"},      {".flac", "audio", "audio/flac"}, {".m4a", "audio", "audio/mp4"},
  {".mp4", "video", "video/mp4"},      {".webm", "video", "video/webm"}, {".mov", "video", "video/quicktime"},
  {".pdf", "file", "application/pdf"},
};

// Where we are.
typedef struct {
  const troupe_message_t *message;
  troupe_role_t role;
  const media_rule_t *takes;
  char where[64];
  part_fn *fn;
  void *context;
  troupe_error_t *error;
} walk_t;

static bool
starts_with (const char *text, const char *start)
{
  return strncasecmp (text, start, strlen (start)) == 0;
}

const char *
part_member (const json_t *block, const char *key)
{
  const char *text = json_string_value (json_object_get (block, key));
  return text ? text : "";
}

// -- Media -----------------------------------------------------------------------------------------------------------

static void
set_mime (media_t *out, const char *mime, size_t size)
{
  if (size && size < sizeof out->mime)
    snprintf (out->mime, sizeof out->mime, "%.*s", (int)size, mime);
}

static bool
media_of_data (media_t *out, const char *url)
{
  const char *comma = strchr (url, ','), *type = url + strlen ("data:");
  if (!comma || comma - type < 7 || strncasecmp (comma - 7, ";base64", 7) != 0)
    return false;
  size_t length = strlen (comma + 1), size = length / 4 * 3;
  for (size_t i = 0; i < 2 && length > i && comma[length - i] == '='; i++)
    size--;
  out->data = comma + 1;
  out->size = size;
  if (!out->mime[0])
    set_mime (out, type, strcspn (type, ";,"));
  return true;
}

static const char *
kind_of_mime (const char *mime)
{
  static const char *const kinds[] = {"image", "audio", "video"};
  for (size_t i = 0; i < 3; i++)
    if (starts_with (mime, kinds[i]))
      return kinds[i];
  return mime[0] ? "file" : NULL;
}

static void
look_at_ending (media_t *out)
{
  size_t size = strcspn (out->url, "?#");
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    size_t ending = strlen (endings[i].ending);
    if (size <= ending || strncasecmp (out->url + size - ending, endings[i].ending, ending) != 0)
      continue;
    if (!out->kind)
      out->kind = endings[i].kind;
    if (!out->mime[0])
      set_mime (out, endings[i].mime, strlen (endings[i].mime));
    return;
  }
}

bool
part_media (media_t *out, const char *kind, const char *url, const char *mime)
{
  *out = (media_t){.kind = kind, .url = url, .name = ""};
  set_mime (out, mime ? mime : "", strlen (mime ? mime : ""));
  if (starts_with (url, "data:")) {
    if (!media_of_data (out, url))
      return false;
    if (!out->kind)
      out->kind = kind_of_mime (out->mime);
  } else if (starts_with (url, "https://") || starts_with (url, "http://") || starts_with (url, "file:")) {
    out->file = starts_with (url, "file:");
    look_at_ending (out);
  } else
    return false;
  return out->kind != NULL;
}

// -- Parts -----------------------------------------------------------------------------------------------------------

static troupe_err_t
refuse (const walk_t *self, const char *why)
{
  return troupe_error_set (self->error, TROUPE_BAD_MESSAGE, NULL, NULL, "%s: %s", self->where, why);
}

static troupe_err_t
refuse_media (const walk_t *self, const media_t *media, const media_rule_t *rule)
{
  char why[160];
  if (!rule->kind)
    snprintf (why, sizeof why, "a block of the type %s, which this model doesn't take", media->kind);
  else if (media->file)
    snprintf (why, sizeof why, "a file: URL; this model's configuration names no folder of files");
  else if (!media->data)
    snprintf (why, sizeof why, "a link; this model takes the type %s as a data: URL only", media->kind);
  else
    snprintf (why, sizeof why, "data of %zu bytes; this model takes at most %zu of the type %s", media->size,
              rule->most, media->kind);
  return refuse (self, why);
}

static troupe_err_t
pass_media (const walk_t *self, const part_t *part)
{
  static const media_rule_t none = {0};
  const media_t *media = &part->media;
  const media_rule_t *rule = self->takes ? self->takes : &none;
  while (rule->kind && strcmp (rule->kind, media->kind) != 0)
    rule++;
  media_links_t form = media->file ? MEDIA_FILES : media->data ? MEDIA_DATA : MEDIA_LINKS;
  if (!rule->kind || rule->links < form || (media->data && rule->most && media->size > rule->most))
    return refuse_media (self, media, rule);
  return self->fn (self->context, part, self->error);
}

static troupe_err_t
walk_media (const walk_t *self, const json_t *block)
{
  const char *kind = part_member (block, "type"), *mime = part_member (block, "mime");
  part_t part = {.kind = PART_MEDIA};
  char why[128];
  if (self->role != TROUPE_ROLE_USER) {
    snprintf (why, sizeof why, "%s %.8s; this model takes them in messages of the role user only",
              strchr ("aeiou", kind[0]) ? "an" : "a", kind);
    return refuse (self, why);
  }
  if (!part_media (&part.media, kind, part_member (block, "url"), mime[0] ? mime : NULL)) {
    snprintf (why, sizeof why, "%s %.8s whose url is neither http, https, file: nor data: with Base64",
              strchr ("aeiou", kind[0]) ? "an" : "a", kind);
    return refuse (self, why);
  }
  part.media.name = part_member (block, "name");
  return pass_media (self, &part);
}

static troupe_err_t
walk_block (const walk_t *self, const json_t *block)
{
  const char *type = part_member (block, "type");
  part_t part = {.block = block};
  if (strcmp (type, "text") == 0) {
    if (self->role == TROUPE_ROLE_TOOL)
      return refuse (self, "a text; messages of the role tool hold tool_result blocks only");
    part.kind = PART_TEXT;
    part.text = json_object_get (block, "text");
  } else if (strcmp (type, "tool_use") == 0) {
    if (self->role != TROUPE_ROLE_ASSISTANT)
      return refuse (self, "a tool_use; only messages of the role assistant use tools");
    part.kind = PART_CALL;
  } else if (strcmp (type, "tool_result") == 0) {
    if (self->role != TROUPE_ROLE_TOOL && self->role != TROUPE_ROLE_USER)
      return refuse (self, "a tool_result; only messages of the roles tool and user bring results");
    part.kind = PART_RESULT;
  } else
    return walk_media (self, block);
  return self->fn (self->context, &part, self->error);
}

// A url that goes with the message: of a kind that its type or its ending tells.
static troupe_err_t
walk_url (const walk_t *self, const char *url)
{
  part_t part = {.kind = PART_MEDIA};
  if (self->role != TROUPE_ROLE_USER || !part_media (&part.media, NULL, url, NULL))
    return troupe_error_set (self->error, TROUPE_BAD_MESSAGE, NULL, "use an image block if it is an image",
                             "%s: this model takes images only, in messages of the role user", self->where);
  return pass_media (self, &part);
}

static troupe_err_t
walk_text (walk_t *self, const json_t *content, size_t index)
{
  part_t part = {.kind = PART_TEXT, .text = content};
  snprintf (self->where, sizeof self->where, "messages[%zu].content", index);
  if (self->role == TROUPE_ROLE_TOOL)
    return refuse (self, "a message of the role tool holds tool_result blocks, not text");
  return self->fn (self->context, &part, self->error);
}

troupe_err_t
part_walk (const troupe_message_t *message, size_t index, const media_rule_t *takes, part_fn *fn, void *context,
           troupe_error_t *error)
{
  walk_t self = {message, troupe_message_role (message), takes, "", fn, context, error};
  const json_t *content = troupe_message_content (message), *urls = troupe_message_url (message);
  troupe_err_t code = json_is_string (content) ? walk_text (&self, content, index) : TROUPE_OK;
  for (size_t i = 0; code == TROUPE_OK && i < json_array_size (content); i++) {
    snprintf (self.where, sizeof self.where, "messages[%zu].content[%zu]", index, i);
    code = walk_block (&self, json_array_get (content, i));
  }
  for (size_t i = 0; code == TROUPE_OK && i < json_array_size (urls); i++) {
    snprintf (self.where, sizeof self.where, "messages[%zu].url[%zu]", index, i);
    code = walk_url (&self, json_string_value (json_array_get (urls, i)));
  }
  return code;
}

troupe_err_t
part_walk_systems (troupe_message_t *const *messages, size_t count, const media_rule_t *takes, part_fn *fn,
                   void *context, size_t *first, troupe_error_t *error)
{
  troupe_err_t code = TROUPE_OK;
  for (*first = 0; code == TROUPE_OK && *first + 1 < count; (*first)++) {
    if (troupe_message_role (messages[*first]) != TROUPE_ROLE_SYSTEM)
      break;
    code = part_walk (messages[*first], *first, takes, fn, context, error);
  }
  return code;
}

char *
part_output (const json_t *block)
{
  const json_t *output = json_object_get (block, "output");
  bool failed = json_is_true (json_object_get (block, "error"));
  char *dumped = json_is_string (output) ? NULL : json_dumps (output, JSON_COMPACT | JSON_ENCODE_ANY), *text = NULL;
  const char *said = json_is_string (output) ? json_string_value (output) : dumped;
  if (said && asprintf (&text, "%s%s", failed ? "Error: " : "", said) < 0)
    text = NULL;
  free (dumped);
  return text;
}

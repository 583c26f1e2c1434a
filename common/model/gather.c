// SPDX-License-Identifier: Apache-2.0
//
// A link that stands in several places is fetched once, and every place gets what came. Messages are never changed:
// those with links are replaced by others that are alike but for them.
//
// What a provider takes of links is its table's; here the table is read as if it took all, so that what is wrong with a
// part is found before anything is fetched.

#include "model/gather.h"
#include "model/answer.h"
#include "model/download.h"
#include "model/failure.h"
#include "model/retry.h"
#include "troupe/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS_MAX = 4 }; // image, audio, video, file

struct gather {
  download_t links[GATHER_LINKS_MAX];
  size_t count;
  troupe_answer_t *answer; // once it has begun
  size_t total;            // bytes so far
};

static troupe_err_t
no_memory (troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_NO_MEMORY, NULL, NULL, "no memory for what an ask points to");
}

// -- Which links -----------------------------------------------------------------------------------------------------

static const media_rule_t *
rule_of (const troupe_model_t *model, const char *kind)
{
  const media_rule_t *rule = model->provider->media;
  while (rule && rule->kind && strcmp (rule->kind, kind) != 0)
    rule++;
  return rule && rule->kind ? rule : NULL;
}

static bool
is_fetched (const troupe_model_t *model, const media_t *media)
{
  const media_rule_t *rule = rule_of (model, media->kind);
  if (media->data || !rule || model->links.mode == LINKS_PASS)
    return false;
  return media->file || rule->links == MEDIA_DATA || model->links.mode == LINKS_FETCH;
}

// The provider's rules, as if it took links of all kinds.
static void
widen (media_rule_t out[KINDS_MAX + 1], const troupe_model_t *model)
{
  size_t count = 0;
  for (const media_rule_t *rule = model->provider->media; rule && rule->kind && count < KINDS_MAX; rule++) {
    out[count] = *rule;
    out[count++].links = model->links.files ? MEDIA_FILES : MEDIA_LINKS;
  }
  out[count] = (media_rule_t){0};
}

typedef struct {
  gather_t *gather;
  const troupe_model_t *model;
} plan_t;

static troupe_err_t
plan_link (gather_t *self, const troupe_model_t *model, const media_t *media, troupe_error_t *error)
{
  for (size_t i = 0; i < self->count; i++)
    if (strcmp (self->links[i].url, media->url) == 0)
      return TROUPE_OK;
  if (self->count == GATHER_LINKS_MAX)
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, NULL, NULL,
                             "messages: more than %d links, which would have to be fetched", GATHER_LINKS_MAX);
  download_t *link = &self->links[self->count++];
  size_t most = rule_of (model, media->kind)->most;
  *link = (download_t){
    .url = strdup (media->url),
    .kind = strdup (media->kind),
    .most = most ? most : DOWNLOAD_MOST,
    .links = &model->links,
    .total = &self->total,
  };
  memcpy (link->mime, media->mime, sizeof link->mime);
  return link->url && link->kind ? TROUPE_OK : no_memory (error);
}

static troupe_err_t
plan_part (void *context, const part_t *part, troupe_error_t *error)
{
  const plan_t *self = context;
  if (!self->gather || part->kind != PART_MEDIA || !is_fetched (self->model, &part->media))
    return TROUPE_OK;
  return plan_link (self->gather, self->model, &part->media, error);
}

static troupe_err_t
walk (gather_t *self, const troupe_model_t *model, const prompt_t *prompt, troupe_error_t *error)
{
  media_rule_t wide[KINDS_MAX + 1];
  plan_t plan = {self, model};
  troupe_err_t code = TROUPE_OK;
  widen (wide, model);
  for (size_t i = 0; code == TROUPE_OK && i < prompt->count; i++)
    code =
      part_walk (prompt->messages[i], i, gather_may (model) ? wide : model->provider->media, plan_part, &plan, error);
  return code;
}

bool
gather_may (const troupe_model_t *model)
{
  return model->links.mode != LINKS_PASS;
}

troupe_err_t
gather_check (const troupe_model_t *model, const prompt_t *prompt, troupe_error_t *error)
{
  return walk (NULL, model, prompt, error);
}

troupe_err_t
gather_plan (gather_t **out, const troupe_model_t *model, const prompt_t *prompt, troupe_error_t *error)
{
  media_t audio;
  troupe_err_t code = TROUPE_OK;
  *out = NULL;
  if (!gather_may (model) || !model->provider->media)
    return TROUPE_OK;
  gather_t *self = calloc (1, sizeof *self);
  if (!self)
    return no_memory (error);
  if (!prompt->audio)
    code = walk (self, model, prompt, error);
  else if (part_media (&audio, "audio", prompt->audio, NULL) && is_fetched (model, &audio))
    code = plan_link (self, model, &audio, error);
  if (code == TROUPE_OK && self->count)
    *out = self;
  else
    gather_destroy (&self);
  return code;
}

void
gather_destroy (gather_t **self_p)
{
  gather_t *self = *self_p;
  if (!self)
    return;
  for (size_t i = 0; i < self->count; i++)
    download_clear (&self->links[i]);
  free (self);
  *self_p = NULL;
}

// -- Fetching them ---------------------------------------------------------------------------------------------------

troupe_err_t
gather_start (gather_t *self, troupe_answer_t *answer, CURLM *multi, int64_t now, troupe_error_t *error)
{
  troupe_err_t code = TROUPE_OK;
  bool first = !self->answer;
  self->answer = answer;
  for (size_t i = 0; code == TROUPE_OK && i < self->count; i++) {
    self->links[i].owner = answer;
    if (first || (self->links[i].due && self->links[i].due <= now))
      code = download_start (&self->links[i], multi, now, error);
  }
  return code;
}

static void
log_repeat (const gather_t *self, const download_t *link, troupe_error_t *error, int64_t now)
{
  const troupe_model_t *model = self->answer->model;
  char attempt[16], pause[24];
  snprintf (attempt, sizeof attempt, "%u", link->attempts);
  snprintf (pause, sizeof pause, "%" PRId64, link->due - now);
  failure_finish (model, error);
  model_count (self->answer->model, MODEL_COUNT_LINK_RETRIES, 1);
  troupe_log (TROUPE_LOG_INFO, "a link couldn't be fetched and is tried again", "model", model->object, "why",
              error->why, "attempt", attempt, "pause_ms", pause, NULL);
}

// Whether the link that failed is tried again, when its pause is over.
static bool
repeat (gather_t *self, download_t *link, CURLM *multi, const gather_event_t *event, troupe_error_t *error)
{
  const troupe_answer_t *answer = self->answer;
  bool early = answer->deadline != TROUPE_LOOP_NEVER && answer->deadline < link->until;
  int64_t until = early ? answer->deadline : link->until,
          pause = retry_pause (answer->model->retry_pause_ms, link->attempts, error->retry_after_ms, event->random),
          due = link->may_pass && link->attempts <= answer->model->retries ? retry_due (event->now, pause, until) : 0;
  if (due == 0)
    return false;
  download_stop (link, multi);
  link->due = due;
  log_repeat (self, link, error, event->now);
  return true;
}

troupe_err_t
gather_take (gather_t *self, CURLM *multi, const gather_event_t *event, troupe_error_t *error)
{
  for (size_t i = 0; i < self->count; i++) {
    download_t *link = &self->links[i];
    if (link->easy != event->easy)
      continue;
    troupe_err_t code = download_over (link, multi, event->result, event->now, error);
    return code == TROUPE_OK || repeat (self, link, multi, event, error) ? TROUPE_OK : code;
  }
  return TROUPE_OK;
}

bool
gather_whole (const gather_t *self)
{
  for (size_t i = 0; i < self->count; i++)
    if (self->links[i].easy || self->links[i].due)
      return false;
  return true;
}

int64_t
gather_due (const gather_t *self)
{
  int64_t first = INT64_MAX;
  for (size_t i = 0; i < self->count; i++)
    if (self->links[i].due && self->links[i].due < first)
      first = self->links[i].due;
  return first;
}

void
gather_stop (gather_t *self, CURLM *multi)
{
  for (size_t i = 0; i < self->count; i++)
    download_stop (&self->links[i], multi);
}

troupe_err_t
gather_pretend (gather_t *self, troupe_error_t *error)
{
  for (size_t i = 0; i < self->count; i++) {
    download_t *link = &self->links[i];
    if (!bytes_add_text (&link->data, "data:") || !bytes_add_text (&link->data, link->mime) ||
        !bytes_add_text (&link->data, ";base64,(what is at ") || !bytes_add_text (&link->data, link->url) ||
        !bytes_add_text (&link->data, ")"))
      return no_memory (error);
  }
  return TROUPE_OK;
}

// -- Putting them in place -------------------------------------------------------------------------------------------

static const char *
data_of (const gather_t *self, const json_t *url)
{
  const char *text = json_string_value (url);
  for (size_t i = 0; text && i < self->count; i++)
    if (strcmp (self->links[i].url, text) == 0)
      return bytes_text (&self->links[i].data);
  return NULL;
}

// A block as it is, or a copy with the data; a new reference.
static json_t *
replace_block (const gather_t *self, json_t *block)
{
  const char *type = part_member (block, "type"), *data = data_of (self, json_object_get (block, "url"));
  if (!data || strcmp (type, "tool_use") == 0)
    return json_incref (block);
  json_t *copy = json_copy (block);
  json_object_del (copy, "mime"); // the data say it
  if (json_object_set_new (copy, "url", json_string (data)) == 0)
    return copy;
  json_decref (copy);
  return NULL;
}

static json_t *
replace_content (const gather_t *self, const json_t *content)
{
  size_t i;
  json_t *block, *list;
  if (!json_is_array (content))
    return json_incref ((json_t *)(uintptr_t)content);
  list = json_array ();
  json_array_foreach ((json_t *)(uintptr_t)content, i, block)
    if (json_array_append_new (list, replace_block (self, block)) < 0) {
      json_decref (list);
      return NULL;
    }
  return list;
}

static json_t *
replace_urls (const gather_t *self, const json_t *urls)
{
  size_t i;
  json_t *url, *list = json_array ();
  json_array_foreach ((json_t *)(uintptr_t)urls, i, url) {
    const char *data = data_of (self, url);
    if (json_array_append_new (list, data ? json_string (data) : json_incref (url)) < 0) {
      json_decref (list);
      return NULL;
    }
  }
  return list;
}

static troupe_err_t
replace_message (const gather_t *self, troupe_message_t **place, troupe_error_t *error)
{
  const troupe_message_t *old = *place;
  troupe_message_t *made = NULL;
  json_t *content = replace_content (self, troupe_message_content (old)),
         *urls = replace_urls (self, troupe_message_url (old));
  troupe_err_t code = content && urls
                        ? troupe_message_compose (&made, troupe_message_name (old), troupe_message_role (old), content,
                                                  urls, (json_t *)(uintptr_t)troupe_message_metadata (old), error)
                        : no_memory (error);
  json_decref (content);
  json_decref (urls);
  if (code != TROUPE_OK)
    return code;
  troupe_message_unref (place);
  *place = made;
  return TROUPE_OK;
}

troupe_err_t
gather_put (gather_t *self, prompt_t *prompt, troupe_error_t *error)
{
  troupe_err_t code = TROUPE_OK;
  for (size_t i = 0; code == TROUPE_OK && i < prompt->count; i++)
    code = replace_message (self, &prompt->messages[i], error);
  if (prompt->audio && self->count)
    prompt->audio = bytes_text (&self->links[0].data);
  return code;
}

// SPDX-License-Identifier: Apache-2.0
//
// Playing rules: the first rule whose conditions all hold is played, and nothing is kept, so that an attempt that is
// repeated after a crash says the same again. Reading them is rules_parse.c.

#include "model/rules.h"
#include "model/template.h"

#include <stdlib.h>
#include <string.h>

// What a rule draws numbers for; the texts of a rule follow.
enum { DRAW_CHANCE, DRAW_SAY, DRAW_ID, DRAW_TEXT };

static void
rule_clear (rule_t *self)
{
  pattern_clear (&self->last);
  pattern_clear (&self->heard);
  pattern_clear (&self->agent);
  pattern_clear (&self->system);
  for (size_t i = 0; i < self->say_count; i++)
    free (self->says[i]);
  free (self->says);
  free (self->why);
  json_decref (self->json);
  json_decref (self->calls);
}

void
rules_clear (rules_t *self)
{
  for (size_t i = 0; i < self->count; i++)
    rule_clear (&self->rules[i]);
  free (self->rules);
  *self = (rules_t){0};
}

static bool
fits_heard (const rule_t *self, scene_t *scene)
{
  scene->in_heard.text = NULL;
  if (!self->heard.text)
    return true;
  for (size_t i = 0; i < scene->earlier_count; i++)
    if (pattern_fits (&self->heard, scene->earlier[i], &scene->in_heard))
      return true;
  return false;
}

static bool
fits (const rule_t *self, scene_t *scene, uint64_t index)
{
  double dice = (double)(scene_draw (scene, index, DRAW_CHANCE) >> 11) / 9007199254740992.0; // 53 bits: 0 to 1
  return scene->turn >= self->turn_least && scene->turn <= self->turn_most && dice < self->chance &&
         pattern_fits (&self->agent, scene->agent, NULL) && pattern_fits (&self->system, scene->system, NULL) &&
         pattern_fits (&self->last, scene->last, &scene->in_last) && fits_heard (self, scene);
}

// -- What it does ----------------------------------------------------------------------------------------------------

typedef struct {
  const scene_t *scene;
  uint64_t rule, salt; // salt: counts the texts, so that their choices differ
  troupe_error_t *error;
} stage_t;

static troupe_err_t
no_memory (const stage_t *self)
{
  return troupe_error_set (self->error, TROUPE_NO_MEMORY, NULL, NULL, "no memory for a reply");
}

static troupe_err_t
say (stage_t *self, const char *template, bytes_t *out)
{
  if (template_expand (template, self->scene, self->rule, DRAW_TEXT + self->salt++, out))
    return TROUPE_OK;
  if (out->size <= TEMPLATE_RESULT_MAX)
    return no_memory (self);
  out->size = 0;
  return troupe_error_set (self->error, TROUPE_TOO_LARGE, NULL, NULL, "rule %d makes a text of more than %d KiB",
                           (int)self->rule + 1, TEMPLATE_RESULT_MAX / 1024);
}

static troupe_err_t expand_json (stage_t *self, const json_t *json, json_t **out);

static troupe_err_t
expand_text (stage_t *self, const json_t *json, json_t **out)
{
  bytes_t text = {0};
  troupe_err_t code = say (self, json_string_value (json), &text);
  *out = code == TROUPE_OK ? json_stringn (bytes_text (&text), text.size) : NULL;
  bytes_clear (&text);
  return code != TROUPE_OK ? code : *out ? TROUPE_OK : no_memory (self);
}

static troupe_err_t
expand_map (stage_t *self, const json_t *json, json_t **out)
{
  const char *key;
  json_t *value, *expanded;
  troupe_err_t code = (*out = json_object ()) ? TROUPE_OK : no_memory (self);
  json_object_foreach ((json_t *)(uintptr_t)json, key, value) {
    if (code == TROUPE_OK)
      code = expand_json (self, value, &expanded);
    else
      break;
    if (code == TROUPE_OK && json_object_set_new (*out, key, expanded) < 0)
      code = no_memory (self);
  }
  return code;
}

static troupe_err_t
expand_list (stage_t *self, const json_t *json, json_t **out)
{
  json_t *expanded;
  troupe_err_t code = (*out = json_array ()) ? TROUPE_OK : no_memory (self);
  for (size_t i = 0; code == TROUPE_OK && i < json_array_size (json); i++) {
    code = expand_json (self, json_array_get (json, i), &expanded);
    if (code == TROUPE_OK && json_array_append_new (*out, expanded) < 0)
      code = no_memory (self);
  }
  return code;
}

// A copy with its texts expanded; *out is NULL or partial on failure only inside, and NULL for the caller. The depth
// is that of the file of rules.
static troupe_err_t
expand_json (stage_t *self, const json_t *json, json_t **out)
{
  troupe_err_t code;
  if (json_is_string (json))
    return expand_text (self, json, out);
  if (json_is_object (json))
    code = expand_map (self, json, out);
  else if (json_is_array (json))
    code = expand_list (self, json, out);
  else
    code = (*out = json_copy ((json_t *)(uintptr_t)json)) ? TROUPE_OK : no_memory (self);
  if (code != TROUPE_OK) {
    json_decref (*out);
    *out = NULL;
  }
  return code;
}

static troupe_err_t
dump (stage_t *self, const json_t *json, bytes_t *out)
{
  json_t *expanded;
  troupe_err_t code = expand_json (self, json, &expanded);
  if (code != TROUPE_OK)
    return code;
  char *text = json_dumps (expanded, JSON_COMPACT | JSON_ENCODE_ANY);
  json_decref (expanded);
  if (!text || !bytes_add_text (out, text))
    code = no_memory (self);
  free (text);
  return code;
}

static troupe_err_t
call_tools (stage_t *self, const json_t *calls, reply_t *reply)
{
  troupe_err_t code = TROUPE_OK;
  for (size_t i = 0; code == TROUPE_OK && i < json_array_size (calls); i++) {
    const json_t *call = json_array_get (calls, i);
    reply_tool_t *tool = reply_tool (reply, (int64_t)i);
    if (!tool || !bytes_add_text (&tool->name, json_string_value (json_object_get (call, "name"))))
      return no_memory (self);
    snprintf (tool->id, sizeof tool->id, "call_%016llx",
              (unsigned long long)scene_draw (self->scene, self->rule, ((uint64_t)DRAW_ID << 32) + i));
    code = dump (self, json_object_get (call, "input"), &tool->arguments);
  }
  return code;
}

static troupe_err_t
make_failure (stage_t *self, const rule_t *rule, script_t *script)
{
  bytes_t why = {0};
  troupe_err_t code = rule->why ? say (self, rule->why, &why) : TROUPE_OK;
  if (code == TROUPE_OK) {
    script->fails = true;
    troupe_error_set (&script->error, rule->failure, NULL, NULL, "%s",
                      rule->why ? bytes_text (&why) : "the rehearsal's rules say so");
    script->error.retry_after_ms = rule->retry_after_ms;
  }
  bytes_clear (&why);
  return code;
}

static troupe_err_t
play (stage_t *self, const rule_t *rule, reply_t *reply, script_t *script)
{
  *script = rule->script;
  if (rule->fails)
    return make_failure (self, rule, script);
  troupe_err_t code = TROUPE_OK;
  if (rule->say_count)
    code = say (self, rule->says[scene_draw (self->scene, self->rule, DRAW_SAY) % rule->say_count], &reply->text);
  if (code == TROUPE_OK && rule->json)
    code = dump (self, rule->json, &reply->text);
  if (code == TROUPE_OK && rule->calls)
    code = call_tools (self, rule->calls, reply);
  reply->ended = true;
  return code;
}

troupe_err_t
rules_play (const rules_t *self, scene_t *scene, reply_t *reply, script_t *script, troupe_error_t *error)
{
  for (size_t i = 0; i < self->count; i++) {
    if (!fits (&self->rules[i], scene, i))
      continue;
    stage_t stage = {.scene = scene, .rule = i, .error = error};
    return play (&stage, &self->rules[i], reply, script);
  }
  return troupe_error_set (error, TROUPE_MODEL_REFUSED, NULL, "add a rule without conditions at the end of the file",
                           "none of the rehearsal's %zu rules fits the prompt, which ends with: %.120s", self->count,
                           scene->last);
}

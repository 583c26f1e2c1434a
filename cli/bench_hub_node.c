// SPDX-License-Identifier: Apache-2.0
//
// The two ends of a hub in the mesh, as any program of a user's has them: a hearer, an agent of a type that hears
// (troupe/agent.h), and a speaker, which opens the hub and broadcasts.
//
// A broadcast is a call to hub/broadcast, made here without troupe_hub_broadcast because that tells nobody when it was
// stored: so many are under way at once, each that was stored is followed by the next.
#include "cli/bench_end.h"
#include "cli/bench_numbers.h"
#include "cli/watch.h"
#include "troupe/agent.h"
#include "troupe/hub.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REPORT_MS = 1000, ASK_MS = 20, CONCURRENCY = 16, WARM = 50 };

// -- The hearer -------------------------------------------------------------------------------------------------------

typedef struct {
  bench_end_t end;
  bench_numbers_t numbers;
  char service[64];
  bool asking, listed;
  int64_t due;
} hearer_t;

static void
hear (void *state, troupe_turn_t *turn, troupe_news_t *news)
{
  hearer_t *self = state;
  for (size_t i = 0; i < troupe_news_count (news); i++) {
    char text[BENCH_BODY + 1];
    troupe_text_t said = troupe_news_text (news, i);
    size_t size = said.size < BENCH_BODY ? said.size : BENCH_BODY;
    memcpy (text, said.size > 0 ? said.data : "", size);
    text[size] = '\0';
    bench_numbers_take (&self->numbers, text, said.size);
  }
  troupe_turn_observed (turn);
}

static void
reply (void *state, troupe_turn_t *turn)
{
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_BAD_ARGUMENT, ((hearer_t *)state)->service, NULL, "it only observes");
  troupe_turn_fail (&turn, &error);
}

static const troupe_agent_type_t hearing = {.name = "bench-hearer", .hear = hear, .reply = reply};

static void
on_report (void *context, const json_t *reports)
{
  hearer_t *self = context;
  self->asking = false;
  self->listed = watch_lists (json_array_get (reports, 0), self->service, getpid ());
  if (self->listed)
    bench_role_ready ();
}

// It is ready once the broker lists it, so that the hub opens with all of its members known.
static int64_t
ask (void *context, int64_t now)
{
  hearer_t *self = context;
  if (self->listed || self->asking)
    return TROUPE_LOOP_NEVER;
  if (now < self->due)
    return self->due;
  self->due = now + ASK_MS;
  self->asking = troupe_node_report (self->end.node, REPORT_MS, on_report, self) == TROUPE_OK;
  return self->due;
}

troupe_err_t
bench_hearer (const json_t *parameters, troupe_error_t *error)
{
  hearer_t self = {0};
  troupe_agent_t *agent = NULL;
  const char *name = "";
  troupe_err_t err = bench_numbers_init (&self.numbers, parameters, error);
  if (err == TROUPE_OK)
    err = bench_role_text (&name, parameters, "agent", error);
  snprintf (self.service, sizeof self.service, "agent/%s", name);
  if (err == TROUPE_OK)
    err = bench_end_open (&self.end, parameters, "bench-hearer", NULL, NULL, error);
  if (err == TROUPE_OK)
    err = troupe_agent_new (
      &agent, self.end.node,
      &(troupe_agent_options_t){.name = name, .type = &hearing, .state = &self, .concurrency = CONCURRENCY}, error);
  if (err == TROUPE_OK && (err = troupe_loop_add_prepare (self.end.loop, ask, &self)) == TROUPE_OK)
    err = troupe_loop_run (self.end.loop);
  troupe_agent_destroy (&agent);
  bench_end_close (&self.end);
  bench_numbers_free (&self.numbers);
  return err;
}

// -- The speaker ------------------------------------------------------------------------------------------------------

typedef struct speaker speaker_t;

typedef struct {
  speaker_t *speaker;
  troupe_placeholder_t *placeholder;
} broadcast_t;

struct speaker {
  bench_end_t end;
  troupe_hub_t *hub;
  char id[TROUPE_ID_TEXT_SIZE];
  uint64_t count, window, begun, ended;
  int64_t pause_ms, due, start;
  bool running; // else it warms up
  broadcast_t *broadcasts;
  troupe_error_t *error;
};

static void
fail (speaker_t *self, const troupe_error_t *error)
{
  *self->error = *error;
  troupe_loop_stop (self->end.loop);
}

static void
on_warning (void *context, troupe_hub_t *hub, const char *text, const troupe_error_t *why)
{
  troupe_error_t error;
  (void)hub;
  if (!why)
    troupe_error_set (&error, TROUPE_SERVICE_FAILED, "hub", NULL, "%s", text);
  fail (context, why ? why : &error);
}

static void on_stored (void *context, troupe_placeholder_t *placeholder);

static void
broadcast (speaker_t *self, broadcast_t *at)
{
  char text[BENCH_BODY + 1];
  troupe_error_t error;
  self->begun++;
  bench_numbers_write (text, self->running ? self->begun : 0);
  json_t *input = json_pack ("{s:s, s:[{s:s, s:s}]}", "hub", self->id, "messages", "name", "bench", "content", text);
  troupe_call_t call = {.service = "hub/broadcast",
                        .input = input,
                        .session = troupe_hub_session (self->hub),
                        .settled = on_stored,
                        .context = at};
  troupe_err_t err = input ? troupe_node_call (self->end.node, &at->placeholder, &call, &error)
                           : troupe_error_set (&error, TROUPE_NO_MEMORY, "bench-role", NULL, "out of memory");
  json_decref (input);
  if (err != TROUPE_OK)
    fail (self, &error);
}

// Begins as many as are due; paced, that is one now and then.
static int64_t
go_on (void *context, int64_t now)
{
  speaker_t *self = context;
  uint64_t count = self->running ? self->count : WARM;
  int64_t pause_ms = self->running ? self->pause_ms : 0;
  for (uint64_t i = 0; i < self->window && self->begun < count && self->error->code == TROUPE_OK; i++) {
    if (self->broadcasts[i].placeholder)
      continue;
    if (pause_ms > 0 && now < self->due)
      return self->due;
    self->due = now + pause_ms;
    broadcast (self, &self->broadcasts[i]);
  }
  return TROUPE_LOOP_NEVER;
}

static void
on_stored (void *context, troupe_placeholder_t *placeholder)
{
  broadcast_t *at = context;
  speaker_t *self = at->speaker;
  if (troupe_placeholder_status (placeholder) != TROUPE_STATUS_VALUE) {
    fail (self, troupe_placeholder_error (placeholder));
    return;
  }
  troupe_placeholder_destroy (&at->placeholder);
  self->ended++;
  if (self->running && self->ended == self->count)
    bench_numbers_tell (self->start, bench_numbers_now ());
  else if (!self->running && self->ended == WARM)
    bench_role_ready ();
}

static void
on_word (void *context)
{
  speaker_t *self = context;
  if (self->running)
    return;
  self->running = true;
  self->begun = self->ended = 0;
  self->start = bench_numbers_now ();
}

// Its members are agent/<prefix>-1 to agent/<prefix>-<members>.
static troupe_err_t
open_hub (speaker_t *self, const json_t *parameters, troupe_error_t *error)
{
  static char names[TROUPE_HUB_MEMBERS_MAX][64];
  static const char *members[TROUPE_HUB_MEMBERS_MAX];
  const char *prefix;
  unsigned count = (unsigned)json_integer_value (json_object_get (parameters, "members"));
  troupe_err_t err = bench_role_text (&prefix, parameters, "agent", error);
  for (unsigned i = 0; i < count && i < TROUPE_HUB_MEMBERS_MAX && err == TROUPE_OK; i++) {
    snprintf (names[i], sizeof names[i], "agent/%s-%u", prefix, i + 1);
    members[i] = names[i];
  }
  if (err == TROUPE_OK)
    err = troupe_hub_open (
      &self->hub, self->end.node,
      &(troupe_hub_options_t){
        .session = prefix, .members = members, .members_count = count, .warning = on_warning, .context = self},
      error);
  if (err == TROUPE_OK)
    troupe_id_to_text (troupe_hub_id (self->hub), self->id);
  return err;
}

static troupe_err_t
open_speaker (speaker_t *self, const json_t *parameters, troupe_error_t *error)
{
  self->count = (uint64_t)json_integer_value (json_object_get (parameters, "count"));
  self->window = (uint64_t)json_integer_value (json_object_get (parameters, "window"));
  self->pause_ms = json_integer_value (json_object_get (parameters, "pause_ms"));
  self->broadcasts = calloc (self->window > 0 ? self->window : 1, sizeof *self->broadcasts);
  if (!self->broadcasts)
    return troupe_error_set (error, TROUPE_NO_MEMORY, "bench-role", NULL, "out of memory");
  for (uint64_t i = 0; i < self->window; i++)
    self->broadcasts[i].speaker = self;
  troupe_err_t err = bench_end_open (&self->end, parameters, "bench-speaker", on_word, self, error);
  if (err == TROUPE_OK)
    err = open_hub (self, parameters, error);
  if (err == TROUPE_OK && troupe_loop_add_prepare (self->end.loop, go_on, self) != TROUPE_OK)
    err = troupe_error_set (error, TROUPE_NO_MEMORY, "bench-role", NULL, "out of memory");
  return err;
}

troupe_err_t
bench_speaker (const json_t *parameters, troupe_error_t *error)
{
  speaker_t self = {.error = error};
  troupe_err_t err = open_speaker (&self, parameters, error);
  error->code = err;
  if (err == TROUPE_OK && (err = troupe_loop_run (self.end.loop)) == TROUPE_OK)
    err = error->code;
  for (uint64_t i = 0; self.broadcasts && i < self.window; i++)
    troupe_placeholder_destroy (&self.broadcasts[i].placeholder);
  troupe_hub_close (&self.hub);
  bench_end_close (&self.end);
  free (self.broadcasts);
  return err;
}

// SPDX-License-Identifier: Apache-2.0
//
// What a speaker of `troupe bench chaos` says: most messages are broadcast, some are said by a member as its reply to a
// call. The first speaker opens the hubs, the others get their ids.
#include "cli/bench_chaos_caller.h"

enum {
  ASIDE_EVERY = 50, // messages, in a soak: one in a hub of its own
  CLOSE_MS = 500,
  TURN_MS = 20
};

// The members of every hub.
static void
name_members (const char *members[CHAOS_HEARERS])
{
  static char names[CHAOS_HEARERS][CHAOS_NAME_MAX];
  for (unsigned i = 0; i < CHAOS_HEARERS; i++) {
    snprintf (names[i], sizeof names[i], CHAOS_HEARER "%u", i + 1);
    members[i] = names[i];
  }
}

// A hub in which one thing is said.
static troupe_err_t
speak_aside (chaos_caller_t *self, troupe_error_t *error)
{
  const char *members[CHAOS_HEARERS];
  troupe_hub_t *hub = NULL;
  json_t *message = json_pack ("{s:s, s:s}", "name", "chaos", "content", "0 0");
  name_members (members);
  troupe_hub_options_t options = {
    .session = CHAOS_HUB_SESSION "0", .members = members, .members_count = CHAOS_HEARERS, .announcement = message};
  troupe_err_t err = troupe_hub_open (&hub, self->end.node, &options, error);
  json_decref (message);
  troupe_hub_close (&hub);
  return err;
}

// Into one hub after the other.
troupe_err_t
chaos_speaker_make (chaos_slot_t *slot, troupe_error_t *error)
{
  chaos_caller_t *self = slot->caller;
  char session[CHAOS_NAME_MAX], service[CHAOS_NAME_MAX], id[TROUPE_ID_TEXT_SIZE];
  unsigned hub = (unsigned)(slot->number % CHAOS_HUBS);
  troupe_err_t err = self->endless && slot->number % ASIDE_EVERY == 0 ? speak_aside (self, error) : TROUPE_OK;
  if (err != TROUPE_OK)
    return err;
  snprintf (session, sizeof session, CHAOS_HUB_SESSION "%u", hub);
  if (slot->number % CHAOS_SPEAKS_EVERY < CHAOS_HUBS) {
    snprintf (service, sizeof service, CHAOS_HEARER "%u",
              (unsigned)(slot->number / CHAOS_SPEAKS_EVERY % CHAOS_HEARERS) + 1);
    troupe_call_t call = {
      .service = service, .session = session, .wait = true, .hubs = &self->ids[hub], .hubs_count = 1};
    return chaos_caller_call (slot, &call, chaos_caller_numbered (slot), error);
  }
  troupe_id_to_text (&self->ids[hub], id);
  troupe_call_t call = {.service = "hub/broadcast", .session = session, .wait = true};
  json_t *text = json_sprintf ("%u %llu", self->index, (unsigned long long)slot->number);
  return chaos_caller_call (
    slot, &call, json_pack ("{s:s, s:[{s:s, s:o}]}", "hub", id, "messages", "name", "chaos", "content", text), error);
}

// -- The hubs ---------------------------------------------------------------------------------------------------------

static void
tell_hubs (chaos_caller_t *self)
{
  json_t *list = json_array ();
  for (unsigned i = 0; i < CHAOS_HUBS; i++) {
    char id[TROUPE_ID_TEXT_SIZE];
    troupe_id_to_text (&self->ids[i], id);
    json_array_append_new (list, json_string (id));
  }
  json_t *line = json_pack ("{s:o}", "hubs", list);
  json_dumpf (line, stdout, JSON_COMPACT);
  putchar ('\n');
  fflush (stdout);
  json_decref (line);
}

static void
on_opened (void *context, troupe_placeholder_t *placeholder)
{
  chaos_caller_t *self = context;
  if (troupe_placeholder_status (placeholder) != TROUPE_STATUS_VALUE)
    chaos_caller_fail (self, troupe_placeholder_error (placeholder));
  else if (++self->opened_count == CHAOS_HUBS)
    tell_hubs (self);
}

// A broadcast of number 0 shows that the hub is open.
static troupe_err_t
open_hub (chaos_caller_t *self, unsigned hub, troupe_error_t *error)
{
  const char *members[CHAOS_HEARERS];
  char session[CHAOS_NAME_MAX], id[TROUPE_ID_TEXT_SIZE];
  name_members (members);
  snprintf (session, sizeof session, CHAOS_HUB_SESSION "%u", hub);
  troupe_hub_options_t options = {.session = session, .members = members, .members_count = CHAOS_HEARERS};
  troupe_err_t err = troupe_hub_open (&self->hubs[hub], self->end.node, &options, error);
  if (err != TROUPE_OK)
    return err;
  self->ids[hub] = *troupe_hub_id (self->hubs[hub]);
  troupe_id_to_text (&self->ids[hub], id);
  json_t *input = json_pack ("{s:s, s:[{s:s, s:s}]}", "hub", id, "messages", "name", "chaos", "content", "0 0");
  troupe_call_t call = {
    .service = "hub/broadcast", .session = session, .input = input, .settled = on_opened, .context = self};
  err = troupe_node_call (self->end.node, &self->opened[hub], &call, error);
  json_decref (input);
  return err;
}

// Those that another speaker has opened; or its own.
troupe_err_t
chaos_speaker_open (chaos_caller_t *self, const json_t *parameters, troupe_error_t *error)
{
  const json_t *list = json_object_get (parameters, "hubs");
  troupe_err_t err = TROUPE_OK;
  for (unsigned i = 0; i < CHAOS_HUBS && err == TROUPE_OK; i++) {
    const char *text = json_string_value (json_array_get (list, i));
    if (!list)
      err = open_hub (self, i, error);
    else if (!text || !troupe_id_of_text (&self->ids[i], text))
      err = troupe_error_set (error, TROUPE_BAD_ARGUMENT, "hubs", NULL, "the role needs these ids");
  }
  if (err == TROUPE_OK && list)
    bench_role_ready ();
  return err;
}

// Closing is a call as well, which is given the time to leave: otherwise the hubs would stay until their lease is over.
void
chaos_speaker_close (chaos_caller_t *self)
{
  bool open = self->hubs[0] != NULL;
  for (unsigned i = 0; i < CHAOS_HUBS; i++) {
    troupe_placeholder_destroy (&self->opened[i]);
    troupe_hub_close (&self->hubs[i]);
  }
  int64_t end = troupe_loop_now () + CLOSE_MS;
  while (open && troupe_loop_now () < end)
    troupe_loop_turn (self->end.loop, TURN_MS);
}

// SPDX-License-Identifier: Apache-2.0
//
// Entries of logs are published once they are stored, by the broker that stored them: each carries its position, so
// that a subscriber can tell which ones it has. Nobody relies on it. What is not published (its broker died, had no
// memory, or doesn't know whose reply it stored), is lost on the way or comes late, is read from the log.
//
// What one speaker adds to one log in quick succession leaves as one message: sending, receiving and waking cost once
// for all of it, and for each subscriber. The first entry leaves at once, those that follow within a moment after it
// wait for the end of that moment; or for an offer to hear them. A message is kept small, because libzmq holds up to a
// thousand of them for a subscriber that doesn't read. A very large entry is only named.

#include "broker/saying.h"

#include "broker/answer.h"
#include "broker/hearing.h"
#include "broker/hubs.h"

#include <stdlib.h>

enum {
  MESSAGE_MAX = 16 * 1024,   // bytes of entries, unless one alone has more
  PUBLISHED_MAX = 64 * 1024, // bytes of an entry; who hears a larger one reads it from the log
  MOMENT_MS = 4,             // less than what is missing is waited for
};

static const char topic_kind[] = "hub/";

void
saying_topic (char topic[SAYING_TOPIC_SIZE], const troupe_id_t *hub)
{
  memcpy (topic, topic_kind, sizeof topic_kind - 1);
  troupe_id_to_text (hub, topic + sizeof topic_kind - 1);
}

// Events of the mesh, and hubs by their ids, which nobody can guess. Never a part of a topic: that would be all hubs.
bool
saying_allows (const broker_core_t *core, const troupe_identity_t *identity, const void *topic, size_t size)
{
  char text[SAYING_TOPIC_SIZE];
  troupe_id_t id;
  if (size == strlen (BROKER_TOPIC_MESH))
    return memcmp (topic, BROKER_TOPIC_MESH, size) == 0;
  if (size != SAYING_TOPIC_SIZE - 1 || memcmp (topic, topic_kind, sizeof topic_kind - 1) != 0)
    return false;
  memcpy (text, topic, size);
  text[size] = '\0';
  if (!troupe_id_of_text (&id, text + sizeof topic_kind - 1))
    return false;
  return identity == NULL || hearing_allows (core, identity, &id);
}

// -- Gathering -------------------------------------------------------------------------------------------------------

static void
publish (broker_core_t *core)
{
  saying_t *self = &core->saying;
  char topic[SAYING_TOPIC_SIZE];
  troupe_header_t header;
  if (self->count == 0)
    return;
  saying_topic (topic, &self->hub);
  troupe_header_init (&header, TROUPE_CMD_SAID);
  troupe_header_set_hub (&header, &self->hub);
  troupe_header_set_position (&header, self->first);
  troupe_header_set_steps (&header, self->steps, self->count);
  troupe_header_set_sizes (&header, self->sizes, self->count);
  if (self->speaker[0] != '\0')
    troupe_header_set_service (&header, troupe_text (self->speaker));
  if (self->body != NULL)
    troupe_buffer_finish (self->body, self->size);
  core->counters[BROKER_COUNT_SAID] += self->count;
  core->counters[BROKER_COUNT_SAID_MESSAGES]++;
  core->options.outlet.publish (core->options.outlet.context, topic, &header, self->body);
  troupe_buffer_unref (&self->body);
  self->count = 0;
  self->size = self->capacity = 0;
  self->next_at = core->now + MOMENT_MS;
}

static bool
make_room (saying_t *self, size_t size)
{
  if (self->size + size <= self->capacity)
    return true;
  size_t capacity = self->capacity * 2 > self->size + size ? self->capacity * 2 : self->size + size;
  troupe_err_t err = self->body == NULL ? troupe_buffer_begin (&self->body, capacity, &self->bytes)
                                        : troupe_buffer_grow (&self->body, capacity, &self->bytes);
  if (err == TROUPE_OK)
    self->capacity = capacity;
  return err == TROUPE_OK;
}

static bool
fits (const saying_t *self, const troupe_id_t *hub, const char *speaker, uint64_t position, size_t size)
{
  return troupe_id_equal (&self->hub, hub) && strcmp (self->speaker, speaker) == 0 && self->count < TROUPE_STEPS_MAX &&
         position > self->last && position - self->last <= UINT32_MAX && self->size + size <= MESSAGE_MAX;
}

// An entry: its bytes are copied.
static void
add (broker_core_t *core, const ledger_said_t *at, const char *speaker, const void *bytes, size_t size)
{
  saying_t *self = &core->saying;
  size_t kept = size <= PUBLISHED_MAX ? size : 0;
  if (self->count > 0 && !fits (self, &at->hub, speaker, at->position, kept))
    publish (core);
  if (!make_room (self, kept)) {
    core->counters[BROKER_COUNT_NO_MEMORY]++;
    return;
  }
  if (self->count == 0) {
    bool follows = troupe_id_equal (&self->hub, &at->hub) && self->next_at > core->now;
    self->due = follows ? self->next_at : core->now;
    self->hub = at->hub;
    self->first = self->last = at->position;
    snprintf (self->speaker, sizeof self->speaker, "%s", speaker);
  }
  if (kept > 0)
    memcpy ((char *)self->bytes + self->size, bytes, kept);
  self->size += kept;
  self->steps[self->count] = (uint32_t)(at->position - self->last);
  self->sizes[self->count++] = (uint32_t)kept;
  self->last = at->position;
}

static void
add_broadcast (broker_core_t *core, const call_t *call, ledger_said_t at)
{
  const uint32_t *sizes;
  uint32_t count;
  const char *bytes = hubs_messages (call, &sizes, &count);
  for (uint32_t i = 0; i < count; bytes += sizes[i++], at.position++)
    add (core, &at, "", bytes, sizes[i]);
}

void
saying_result (broker_core_t *core, const call_t *call, const ledger_result_t *result)
{
  troupe_buffer_t *value = call->outcome.value;
  for (size_t i = 0; i < result->said_count; i++)
    if (call->op == LEDGER_ACCEPT)
      add_broadcast (core, call, result->said[i]);
    else if (call->op == LEDGER_SETTLE && call->service != NULL) // else its outcome was only passed on to the store
      add (core, &result->said[i], call->service->name, troupe_buffer_data (value), troupe_buffer_size (value));
}

// -- Time ------------------------------------------------------------------------------------------------------------

void
saying_on_time (broker_core_t *core)
{
  if (core->saying.count > 0 && core->now >= core->saying.due)
    publish (core);
}

void
saying_before (broker_core_t *core, const troupe_id_t *hub)
{
  if (troupe_id_equal (&core->saying.hub, hub))
    publish (core);
}

int64_t
saying_due (const broker_core_t *core)
{
  return core->saying.count > 0 ? core->saying.due : TROUPE_LOOP_NEVER;
}

void
saying_clear (broker_core_t *core)
{
  troupe_buffer_unref (&core->saying.body);
}

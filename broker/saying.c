// SPDX-License-Identifier: Apache-2.0
//
// Entries of logs are published once they are stored, by the broker that stored them: each carries its position, so
// that a subscriber can tell which ones it has. Nobody relies on it. What is not published (its broker died, had no
// memory, or doesn't know whose reply it stored), is lost on the way or comes late, is read from the log.
//
// What is added to one log in quick succession leaves as one message of ZeroMQ's: sending, receiving and waking cost
// once for all of it, and for each subscriber. It has a part for what one speaker said. The first entry leaves at once,
// those that follow within a moment after it wait for the end of that moment; or for an offer to hear them. While the
// members of a busy hub rest (rousing.c) nobody hears them anyway, so that they wait for the end of that, or for the offers
// behind it. But not when there are other brokers, whose offers can't wait for it.
//
// A message has a bound, because libzmq holds up to some hundreds of them for subscribers that don't read. What takes
// libzmq's threads at both ends is how many messages there are, and hardly how long they are; only in a busy hub do
// they become long. A very large entry is only named.

#include "broker/saying.h"

#include "broker/answer.h"
#include "broker/hearing.h"
#include "broker/hubs.h"
#include "broker/rousing.h"

#include <stdlib.h>

enum {
  MESSAGE_MAX = 256 * 1024,  // bytes of entries: what a very busy hub says while its members rest
  PUBLISHED_MAX = 64 * 1024, // bytes of an entry; who hears a larger one reads it from the log
  MOMENT_MS = 4,             // less than what is missing is waited for
  ASKED_MS = 100,            // the store has been asked who is to hear a busy hub, and offers are about to come
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
publish_part (broker_core_t *core, const saying_t *self, saying_part_t *part, bool more)
{
  char topic[SAYING_TOPIC_SIZE];
  troupe_header_t header;
  saying_topic (topic, &self->hub);
  troupe_header_init (&header, TROUPE_CMD_SAID);
  troupe_header_set_hub (&header, &self->hub);
  troupe_header_set_position (&header, part->first);
  troupe_header_set_steps (&header, part->steps, part->count);
  troupe_header_set_sizes (&header, part->sizes, part->count);
  if (part->speaker[0] != '\0')
    troupe_header_set_service (&header, troupe_text (part->speaker));
  if (part->body != NULL)
    troupe_buffer_finish (part->body, part->size);
  core->counters[BROKER_COUNT_SAID] += part->count;
  core->options.outlet.publish (core->options.outlet.context, topic, &header, part->body, more);
  troupe_buffer_unref (&part->body);
  part->count = 0;
  part->size = part->capacity = 0;
}

static void
publish (broker_core_t *core, saying_t *self)
{
  if (self->count == 0)
    return;
  for (uint32_t i = 0; i < self->count; i++)
    publish_part (core, self, &self->parts[i], i + 1 < self->count);
  core->counters[BROKER_COUNT_SAID_MESSAGES]++;
  self->count = 0;
  self->size = 0;
  self->next_at = core->now + MOMENT_MS;
}

static saying_t *
find (broker_core_t *core, const troupe_id_t *hub)
{
  for (size_t i = 0; i < SAYINGS_MAX; i++)
    if (troupe_id_equal (&core->sayings[i].hub, hub))
      return &core->sayings[i];
  return NULL;
}

// The hub's place, perhaps that of the hub which spoke longest ago.
static saying_t *
place_of (broker_core_t *core, const troupe_id_t *hub)
{
  saying_t *self = find (core, hub);
  if (self != NULL)
    return self;
  self = &core->sayings[0];
  for (size_t i = 1; i < SAYINGS_MAX; i++)
    if (core->sayings[i].next_at < self->next_at)
      self = &core->sayings[i];
  publish (core, self);
  self->hub = *hub;
  self->next_at = core->now; // the first leaves at once; and this place is not the oldest
  return self;
}

static bool
make_room (saying_part_t *self, size_t size)
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
fits (const saying_part_t *self, const char *speaker, uint64_t position)
{
  return self->count < TROUPE_STEPS_MAX && strcmp (self->speaker, speaker) == 0 && position > self->last &&
         position - self->last <= UINT32_MAX;
}

// When what begins now is to leave.
static int64_t
due_of (const broker_core_t *core, const saying_t *self)
{
  int64_t rests_until = core->accompanied ? 0 : rousing_rests_until (core, &self->hub, ASKED_MS);
  int64_t due = rests_until > self->next_at ? rests_until : self->next_at;
  return due > core->now ? due : core->now;
}

// The part that takes an entry of this size; a message that has no room for it leaves before.
static saying_part_t *
part_of (broker_core_t *core, saying_t *self, const char *speaker, uint64_t position, size_t size)
{
  saying_part_t *part = self->count > 0 ? &self->parts[self->count - 1] : NULL;
  bool full = self->count > 0 && self->size + size > MESSAGE_MAX;
  if (part != NULL && !full && fits (part, speaker, position))
    return part;
  if (full || self->count == SAYING_PARTS_MAX)
    publish (core, self);
  part = &self->parts[self->count];
  part->first = part->last = position;
  snprintf (part->speaker, sizeof part->speaker, "%s", speaker);
  return part;
}

// An entry: its bytes are copied.
static void
add (broker_core_t *core, const ledger_said_t *at, const char *speaker, const void *bytes, size_t size)
{
  size_t kept = size <= PUBLISHED_MAX ? size : 0;
  saying_t *self = place_of (core, &at->hub);
  saying_part_t *part = part_of (core, self, speaker, at->position, kept);
  if (!make_room (part, kept)) {
    core->counters[BROKER_COUNT_NO_MEMORY]++;
    return;
  }
  if (part->count == 0) {
    self->due = self->count == 0 ? due_of (core, self) : self->due;
    self->count++;
  }
  if (kept > 0)
    memcpy ((char *)part->bytes + part->size, bytes, kept);
  part->size += kept;
  self->size += kept;
  part->steps[part->count] = (uint32_t)(at->position - part->last);
  part->sizes[part->count++] = (uint32_t)kept;
  part->last = at->position;
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

// Members may rest for longer than it seemed when the first entry came.
static void
look_at (broker_core_t *core, saying_t *self)
{
  if (self->count == 0 || core->now < self->due)
    return;
  self->due = due_of (core, self);
  if (core->now >= self->due)
    publish (core, self);
}

void
saying_on_time (broker_core_t *core)
{
  for (size_t i = 0; i < SAYINGS_MAX; i++)
    look_at (core, &core->sayings[i]);
}

void
saying_before (broker_core_t *core, const troupe_id_t *hub)
{
  saying_t *self = find (core, hub);
  if (self != NULL)
    publish (core, self);
}

int64_t
saying_due (const broker_core_t *core)
{
  int64_t due = TROUPE_LOOP_NEVER;
  for (size_t i = 0; i < SAYINGS_MAX; i++)
    if (core->sayings[i].count > 0 && (due == TROUPE_LOOP_NEVER || core->sayings[i].due < due))
      due = core->sayings[i].due;
  return due;
}

void
saying_clear (broker_core_t *core)
{
  for (size_t i = 0; i < SAYINGS_MAX; i++)
    for (size_t j = 0; j < SAYING_PARTS_MAX; j++)
      troupe_buffer_unref (&core->sayings[i].parts[j].body);
}

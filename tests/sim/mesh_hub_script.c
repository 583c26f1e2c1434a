// SPDX-License-Identifier: Apache-2.0
//
// What callers and tasks do with hubs, drawn from the seed (see mesh_hub.h): they open one or two, say things in them
// one after another, in a pipeline or to several members at once, and let members come and go meanwhile.

#include "sim/mesh_state.h"

#include <limits.h>

enum { DEPTH_MAX = 2 };

static const unsigned actors[] = {0, 1, 4, 5};
enum { ACTORS = sizeof actors / sizeof *actors };

static json_t *
set (json_t *step, const char *name, json_t *value)
{
  if (json_object_set_new (step, name, mesh_need (value)) != 0)
    abort ();
  return step;
}

// Whom it may call, as numbers of `actors` in a list: those that consult nobody who may wait for it.
static unsigned
choose_members (mesh_t *self, unsigned service, unsigned members[ACTORS])
{
  unsigned count = 0;
  for (unsigned i = 0; i < ACTORS; i++) {
    bool lower = service == MESH_SERVICES || actors[i] < service || (self->shape.rings && actors[i] != service);
    if (lower && mesh_chance (&self->clock, 800))
      members[count++] = actors[i];
  }
  return count;
}

static json_t *
list_some (mesh_t *self, const unsigned *members, unsigned count, unsigned chance)
{
  json_t *list = mesh_need (json_array ());
  for (unsigned i = 0; i < count; i++)
    if (mesh_chance (&self->clock, chance))
      json_array_append_new (list, json_integer (members[i]));
  return list;
}

static json_t *
make_messages (mesh_t *self, unsigned count)
{
  json_t *list = mesh_need (json_array ());
  while (count-- > 0)
    json_array_append_new (list, json_integer (++self->numbers));
  return list;
}

static json_t *
operation (mesh_t *self, const char *op, unsigned hub)
{
  json_t *step = mesh_need (json_pack ("{s:s, s:i, s:i}", "op", op, "hub", (int)hub, "n", (int)++self->numbers));
  return set (step, "service", json_integer (MESH_SERVICES));
}

static json_t *
open_one (mesh_t *self, unsigned hub, const unsigned *members, unsigned count)
{
  json_t *step = operation (self, "hub/open", hub);
  set (step, "members", list_some (self, members, count, 800));
  set (step, "messages", make_messages (self, (unsigned)mesh_dice (&self->clock, 3)));
  return set (step, "auto", json_boolean (!mesh_chance (&self->clock, 100)));
}

typedef struct {
  mesh_t *mesh;
  json_t *steps;
  const unsigned *members;
  unsigned count, hubs, depth, fans;
  unsigned open; // a bit for each hub
  bool sound;
} script_t;

// In which hubs it is said: mostly in one, sometimes in none or in all.
static unsigned
some_hubs (script_t *self)
{
  mesh_clock_t *clock = &self->mesh->clock;
  unsigned in = mesh_chance (clock, 150) ? 0 : mesh_chance (clock, 300) ? UINT_MAX : 1u << mesh_dice (clock, self->hubs);
  return in & self->open;
}

static void
say (script_t *self, unsigned member, unsigned fan, bool more)
{
  mesh_clock_t *clock = &self->mesh->clock;
  json_t *step = mesh_plan (self->mesh, member, self->depth + 1, self->sound);
  set (step, "said", json_integer (some_hubs (self)));
  set (step, "fan", json_integer (fan));
  set (step, "more", json_boolean (more));
  set (step, "pipe", json_boolean (fan > 0 || mesh_chance (clock, 600)));
  json_array_append_new (self->steps, step);
}

static void
change (script_t *self, unsigned hub)
{
  mesh_clock_t *clock = &self->mesh->clock;
  static const char *const ops[] = {"hub/add",  "hub/delete", "hub/broadcast", "hub/broadcast",
                                    "hub/auto", "hub/renew",  "hub/close"};
  unsigned kind = (unsigned)mesh_dice (clock, sizeof ops / sizeof *ops);
  json_t *step = operation (self->mesh, ops[kind], hub);
  if (kind < 2)
    set (step, "members", list_some (self->mesh, self->members, self->count, 400));
  if (kind == 2 || kind == 3)
    set (step, "messages", make_messages (self->mesh, 1 + (unsigned)mesh_dice (clock, 2)));
  if (kind == 4)
    set (step, "on", json_boolean (mesh_chance (clock, 700)));
  if (kind == 6)
    self->open &= ~(1u << hub);
  json_array_append_new (self->steps, step);
}

static void
add_step (script_t *self)
{
  mesh_clock_t *clock = &self->mesh->clock;
  unsigned kind = (unsigned)mesh_dice (clock, 100);
  if (kind < 55) {
    say (self, self->members[mesh_dice (clock, self->count)], 0, false);
  } else if (kind < 70) {
    self->fans++;
    for (unsigned i = 0; i < self->count; i++)
      say (self, self->members[i], self->fans, i + 1 < self->count);
  } else {
    unsigned hub = (unsigned)mesh_dice (clock, self->hubs);
    if ((self->open >> hub & 1) != 0)
      change (self, hub);
  }
}

json_t *
mesh_hub_script (mesh_t *self, unsigned service, unsigned depth, bool sound)
{
  unsigned members[ACTORS];
  bool caller = service == MESH_SERVICES;
  if (!caller && (self->shape.scripts == 0 || depth >= DEPTH_MAX || !mesh_services[service].actor ||
                  !mesh_chance (&self->clock, 150)))
    return NULL;
  script_t script = {.mesh = self, .members = members, .depth = depth, .sound = sound};
  script.count = choose_members (self, service, members);
  if (script.count == 0)
    return NULL;
  script.steps = mesh_need (json_array ());
  script.hubs = 1 + (unsigned)mesh_chance (&self->clock, 300);
  script.open = (1u << script.hubs) - 1;
  for (unsigned i = 0; i < script.hubs; i++)
    json_array_append_new (script.steps, open_one (self, i, members, script.count));
  for (unsigned i = 2 + (unsigned)mesh_dice (&self->clock, caller ? 7 : 3); i > 0; i--)
    add_step (&script);
  for (unsigned i = 0; i < script.hubs; i++)
    if ((script.open >> i & 1) != 0 && mesh_chance (&self->clock, 700))
      json_array_append_new (script.steps, operation (self, "hub/close", i));
  return script.steps;
}

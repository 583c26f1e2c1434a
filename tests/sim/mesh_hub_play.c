// SPDX-License-Identifier: Apache-2.0
//
// Scripts are played: by a task step by step with its other calls (mesh_work.c), and by a caller here, which lets some
// time pass between steps, or none. A caller that dies leaves its hubs to their lease.

#include "sim/mesh_state.h"

#include <stdlib.h>

typedef struct mesh_play mesh_play_t;
struct mesh_play {
  mesh_play_t *next;
  mesh_node_t *node;
  unsigned life, session;
  bool sound;
  json_t *steps;
  size_t step;
  troupe_id_t id, hubs[MESH_HUBS_AT_ONCE];
};

// -- Steps -----------------------------------------------------------------------------------------------------------

bool
mesh_hub_is_op (const json_t *step)
{
  return json_object_get (step, "op") != NULL;
}

static unsigned
number (const json_t *step, const char *name)
{
  return (unsigned)json_integer_value (json_object_get (step, name));
}

static json_t *
list_names (const json_t *members)
{
  json_t *list = mesh_need (json_array ());
  for (size_t i = 0; i < json_array_size (members); i++)
    json_array_append_new (list, json_string (mesh_services[json_integer_value (json_array_get (members, i))].name));
  return list;
}

static json_t *
list_messages (const json_t *numbers)
{
  json_t *list = mesh_need (json_array ());
  for (size_t i = 0; i < json_array_size (numbers); i++)
    json_array_append_new (list,
                           mesh_need (json_pack ("{s:s, s:s, s:s, s:{s:O}}", "name", "caller", "role", "user",
                                                 "content", "heard", "metadata", "n", json_array_get (numbers, i))));
  return list;
}

json_t *
mesh_hub_input (const json_t *step, const troupe_id_t hubs[MESH_HUBS_AT_ONCE])
{
  json_t *input = mesh_need (json_object ());
  bool opens = strcmp (json_string_value (json_object_get (step, "op")), "hub/open") == 0;
  char id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&hubs[number (step, "hub")], id);
  if (!opens)
    json_object_set_new (input, "hub", json_string (id));
  if (json_object_get (step, "members") != NULL)
    json_object_set_new (input, "members", list_names (json_object_get (step, "members")));
  if (json_object_get (step, "messages") != NULL)
    json_object_set_new (input, opens ? "announcement" : "messages",
                         list_messages (json_object_get (step, "messages")));
  for (size_t i = 0; i < 2; i++) {
    const char *flag = i == 0 ? "auto" : "on";
    if (json_object_get (step, flag) != NULL)
      json_object_set (input, flag, json_object_get (step, flag));
  }
  return input;
}

void
mesh_hub_fill (mesh_said_t *said, const json_t *step, const troupe_id_t hubs[MESH_HUBS_AT_ONCE], const troupe_id_t *id)
{
  unsigned in = number (step, "said"), fan = number (step, "fan");
  said->op = json_string_value (json_object_get (step, "op"));
  for (unsigned i = 0; i < MESH_HUBS_AT_ONCE; i++)
    if ((in >> i & 1) != 0 && !troupe_id_is_zero (&hubs[i]))
      said->hubs[said->hubs_count++] = hubs[i];
  if (fan == 0)
    return;
  said->more = json_is_true (json_object_get (step, "more"));
  said->fan = *id;
  said->fan.bytes[11] =
    (uint8_t)(said->fan.bytes[11] ^ (0x80 | fan)); // of the call's own, and the same in each attempt
}

// -- Callers ---------------------------------------------------------------------------------------------------------

static void
take_step (mesh_play_t *self)
{
  const json_t *step = json_array_get (self->steps, self->step++);
  mesh_said_t said = {.session = self->session, .step = step, .probe = self->sound};
  json_t *input = mesh_hub_is_op (step) ? mesh_hub_input (step, self->hubs) : json_incref ((json_t *)(uintptr_t)step);
  said.input = input;
  mesh_hub_fill (&said, step, self->hubs, &self->id);
  said.probe = said.probe && said.op == NULL;
  const mesh_wait_t *wait = mesh_call_say (self->node, &said);
  if (wait != NULL && said.op != NULL && strcmp (said.op, "hub/open") == 0)
    self->hubs[number (step, "hub")] = self->id = wait->call->id;
  json_decref (input);
}

static void
go_on (mesh_t *mesh, void *thing)
{
  mesh_play_t *self = thing;
  mesh_node_t *node = self->node;
  if (node->core == NULL || node->life != self->life || node->draining || mesh_node_frozen (node))
    return;
  do
    take_step (self);
  while (self->step < json_array_size (self->steps) && (self->sound || mesh_chance (&mesh->clock, 600)));
  mesh_node_turn (node);
  if (self->step < json_array_size (self->steps))
    mesh_clock_at (&mesh->clock, mesh->clock.now + mesh_between (&mesh->clock, MS, 900 * MS), go_on, self, NULL);
}

void
mesh_hub_play (mesh_t *self, mesh_node_t *node, bool sound)
{
  json_t *steps = mesh_hub_script (self, MESH_SERVICES, 0, sound);
  if (steps == NULL)
    return;
  mesh_play_t *play = mesh_need (calloc (1, sizeof *play));
  *play = (mesh_play_t){.next = self->plays,
                        .node = node,
                        .life = node->life,
                        .session = (unsigned)mesh_dice (&self->clock, MESH_LASTING),
                        .sound = sound,
                        .steps = steps};
  self->plays = play;
  go_on (self, play);
}

void
mesh_hub_play_free_all (mesh_t *self)
{
  for (mesh_play_t *play; (play = self->plays) != NULL;) {
    self->plays = play->next;
    json_decref (play->steps);
    free (play);
  }
}

// SPDX-License-Identifier: Apache-2.0
//
// Plans. What a call's service is to do is in its input: how long to work, what to stream, to remember and to call in
// turn, and how to end. So an attempt that runs again does the same again.
//
//   {"n": 17, "service": 1, "work": 120, "parts": 2, "memory": 1, "fail": 0, "calls": [plan ...], "leave": false,
//    "inputs": [{"$input": 0} ...], "from": [12 ...]}
//
// `n` is the call's number, which its value repeats; with `hang` it never ends by itself; with `leave` it ends without
// waiting for the last call that it made; `from` are the numbers that the values of its inputs must have. Among the
// calls may be steps of a script in hubs (mesh_hub.h).

#include "sim/mesh_state.h"

#include <stdlib.h>

enum { DEPTH_MAX = 3, CHILDREN_MAX = 2 };

json_t *
mesh_plan_put (json_t *map, const char *name, json_t *value)
{
  if (json_object_set_new (map, name, mesh_need (value)) != 0)
    abort ();
  return map;
}

// Whom a service may call: tools and models call nobody, agent/b consults agent/a, agent/c and agent/d consult both,
// and agent/a consults agent/b where rings are wanted.
static unsigned
callee (mesh_t *mesh, unsigned service)
{
  bool lower = service == 1 || service >= MESH_PLAIN;
  unsigned least = lower || (mesh->shape.rings && mesh_chance (&mesh->clock, 300)) ? 0 : 2;
  unsigned chosen = least + (unsigned)mesh_dice (&mesh->clock, MESH_PLAIN - least);
  return chosen == service ? MESH_PLAIN - 1 : chosen;
}

json_t *
mesh_plan (mesh_t *mesh, unsigned service, unsigned depth, bool sound)
{
  mesh_clock_t *clock = &mesh->clock;
  json_t *plan = mesh_need (json_object ()), *calls = mesh_need (json_array ());
  bool actor = mesh_services[service].actor;
  unsigned children = actor && depth < DEPTH_MAX && mesh_chance (clock, service == 1 ? 700 : 300)
                        ? 1 + (unsigned)mesh_dice (clock, CHILDREN_MAX)
                        : 0;
  unsigned fail = sound || !mesh_chance (clock, 80) ? 0 : 1 + (unsigned)mesh_dice (clock, 2);
  mesh_plan_put (plan, "n", json_integer (++mesh->numbers));
  mesh_plan_put (plan, "service", json_integer (service));
  mesh_plan_put (plan, "work", json_integer (mesh_between (clock, 0, mesh->shape.work_us) / MS));
  mesh_plan_put (plan, "parts", json_integer (mesh_chance (clock, 300) ? (int)mesh_dice (clock, 5) : 0));
  mesh_plan_put (plan, "memory", json_integer (actor ? (int)mesh_dice (clock, 3) : 0));
  mesh_plan_put (plan, "fail", json_integer (fail));
  json_t *script = mesh->scriptless ? NULL : mesh_hub_script (mesh, service, depth, sound);
  if (script != NULL)
    json_array_extend (calls, script);
  json_decref (script);
  for (unsigned i = 0; i < children; i++) {
    json_t *child = mesh_plan (mesh, callee (mesh, service), depth + 1, sound);
    if (mesh_chance (clock, 100)) // the same once more
      json_array_append (calls, child);
    json_array_append_new (calls, child);
  }
  mesh_plan_put (plan, "leave", json_boolean (!sound && children > 0 && mesh_chance (clock, 150)));
  return mesh_plan_put (plan, "calls", calls);
}

// SPDX-License-Identifier: Apache-2.0
//
// The whole mesh in virtual time: the cores of several brokers and nodes (callers; instances of actors and of stateless
// services, which make calls of their own), the network between them and the store behind, all driven by one seed.
// Everything goes wrong that can: connections break, are slow or cut; processes die, start again and freeze; the store
// breaks off, stalls and crashes. What must hold (mesh_check.def) is checked as it runs, and when the faults have
// stopped.
//
//   mesh_t *mesh = mesh_new (&(mesh_options_t){ .seed = 17 });
//   mesh_run (mesh);
//   if (mesh_fault (mesh)[0] != '\0') ...
//   mesh_destroy (&mesh);
//
// It aborts when there is no memory: what is simulated are peers, not the machine.
#ifndef SIM_MESH_H
#define SIM_MESH_H

#include <stdbool.h>
#include <stdint.h>

typedef struct mesh mesh_t;

// Mutations, from the table.
typedef enum {
  MESH_FLAW_NONE,
#define MESH_FLAW(constant, name, sentence) MESH_FLAW_##constant,
#include "sim/mesh_flaw.def"
#undef MESH_FLAW
  MESH_FLAWS
} mesh_flaw_t;

typedef struct {
  uint64_t seed;
  mesh_flaw_t flaw;
  bool traced; // says on stderr what happens
} mesh_options_t;

// What a run was about, for a look at whether it was of use.
typedef struct {
  unsigned seeds, calls, values, errors, cancelled, deadlines, refused, faults, attempts, nested, awaited;
  unsigned hubs, places, voids, heard;
  unsigned published, heard_published, heard_logged;
  uint64_t messages, requests;
  int64_t virtual_ms;
} mesh_tally_t;

mesh_t *mesh_new (const mesh_options_t *options);
void mesh_destroy (mesh_t **self_p);
void mesh_run (mesh_t *self);
// What was found first not to hold, with its seed, time and object; "": nothing.
const char *mesh_fault (const mesh_t *self);
const mesh_tally_t *mesh_tally (const mesh_t *self);

const char *mesh_flaw_name (mesh_flaw_t flaw);
const char *mesh_flaw_sentence (mesh_flaw_t flaw);
// MESH_FLAWS: there is none of that name.
mesh_flaw_t mesh_flaw_of_name (const char *name);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// The stage (bench_chaos_stage.h). Callers are of the crew, for one that ends by itself ends everything; the parts are
// not, since ending is what they are there for.
#include "cli/bench_chaos_stage.h"

#include <string.h>

#define STORE "unix://chaos/redis.sock"

enum { TURN_MS = 20 };

static troupe_err_t
make_board (chaos_stage_t *self, const chaos_play_t *play, troupe_error_t *error)
{
  uint64_t counts[CHAOS_CLIENTS + CHAOS_SPEAKERS];
  for (unsigned i = 0; i < CHAOS_CLIENTS; i++)
    counts[i] = (play->calls + CHAOS_CLIENTS - 1 - i) / CHAOS_CLIENTS;
  for (unsigned i = 0; i < CHAOS_SPEAKERS; i++)
    counts[CHAOS_CLIENTS + i] = (play->messages + CHAOS_SPEAKERS - 1 - i) / CHAOS_SPEAKERS;
  return chaos_board_make (&self->board, CHAOS_BOARD, counts, CHAOS_CLIENTS + CHAOS_SPEAKERS, error);
}

// `hubs` is borrowed; NULL: it opens them, or needs none.
static troupe_err_t
start_caller (chaos_stage_t *self, const chaos_play_t *play, json_t *hubs, troupe_error_t *error)
{
  unsigned index = self->callers_count++;
  json_t *parameters =
    json_pack ("{s:o, s:i, s:b, s:I, s:b, s:O*}", "brokers", chaos_brokers (index), "index", (int)index, "speaks",
               index >= CHAOS_CLIENTS, "ms", (json_int_t)play->ms, "endless", (int)play->endless, "hubs", hubs);
  return bench_crew_start (&self->field.crew, &self->callers[index], "chaos-caller", parameters, error);
}

static troupe_err_t
start_callers (chaos_stage_t *self, const chaos_play_t *play, troupe_error_t *error)
{
  troupe_err_t err = TROUPE_OK;
  while (err == TROUPE_OK && self->callers_count <= CHAOS_CLIENTS) // and the first speaker
    err = start_caller (self, play, NULL, error);
  if (err == TROUPE_OK)
    err = bench_crew_hear (&self->field.crew, self->callers, self->callers_count, BENCH_READY_MS, error);
  json_t *hubs = json_incref (json_object_get (self->callers[CHAOS_CLIENTS].said, "hubs"));
  while (err == TROUPE_OK && self->callers_count < CHAOS_CLIENTS + CHAOS_SPEAKERS)
    err = start_caller (self, play, hubs, error);
  json_decref (hubs);
  return err == TROUPE_OK
           ? bench_crew_hear (&self->field.crew, self->callers, self->callers_count, BENCH_READY_MS, error)
           : err;
}

// A speaker's hub is refused as long as its members aren't there: it waits for the workers.
static troupe_err_t
await_workers (chaos_stage_t *self, troupe_error_t *error)
{
  chaos_store_t *store = &self->store;
  int64_t brokers = 0, end = troupe_loop_now () + BENCH_READY_MS;
  troupe_err_t err = chaos_store_open (store, self->field.crew.loop, STORE, error);
  while (err == TROUPE_OK && brokers < CHAOS_BROKERS && troupe_loop_now () < end)
    err = chaos_store_number (store, &brokers, 2, (const char *[]){"ZCARD", "troupe:brokers"}, error);
  return err;
}

troupe_err_t
chaos_stage_open (chaos_stage_t *self, const chaos_play_t *play, const char *parent, troupe_error_t *error)
{
  memset (self, 0, sizeof *self);
  self->parts.store_input = -1;
  troupe_err_t err = bench_field_open (&self->field, parent, error);
  if (err == TROUPE_OK)
    err = chaos_parts_open (&self->parts, play->fsync, play->retention, play->endless, error);
  if (err == TROUPE_OK)
    err = make_board (self, play, error);
  for (unsigned i = 0; i < CHAOS_PARTS && err == TROUPE_OK; i++)
    err = chaos_parts_start (&self->parts, &self->parts.at[i], error);
  if (err == TROUPE_OK)
    err = await_workers (self, error);
  return err == TROUPE_OK ? start_callers (self, play, error) : err;
}

void
chaos_stage_close (chaos_stage_t *self)
{
  bench_crew_end (&self->field.crew, self->callers, self->callers_count);
  chaos_store_close (&self->store);
  chaos_parts_close (&self->parts);
  chaos_board_close (&self->board);
  bench_field_close (&self->field);
}

troupe_err_t
chaos_stage_go (chaos_stage_t *self, troupe_error_t *error)
{
  return bench_crew_go (&self->field.crew, self->callers, self->callers_count, error);
}

troupe_err_t
chaos_stage_turn (chaos_stage_t *self, troupe_error_t *error)
{
  troupe_err_t err = bench_crew_check (&self->field.crew, error);
  if (err == TROUPE_OK)
    err = chaos_parts_heal (&self->parts, troupe_loop_now (), error);
  if (err == TROUPE_OK && (err = troupe_loop_turn (self->field.crew.loop, TURN_MS)) != TROUPE_OK)
    troupe_error_set (error, err, "loop", NULL, "failed");
  return err;
}

bool
chaos_stage_done (const chaos_stage_t *self)
{
  for (unsigned i = 0; i < self->callers_count; i++)
    if (!self->callers[i].said)
      return false;
  return true;
}

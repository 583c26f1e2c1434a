// SPDX-License-Identifier: Apache-2.0
//
// Loading the Functions. They are stored by Redis (they survive its restart and reach its replicas), so usually
// there is nothing to do; but a Redis that was flushed, replaced, or used by another version of the broker has none
// or others.
//
// A library of a greater revision stays: in a mesh that is being updated, an old broker must not take from the new
// ones what they need. That holds because revisions of one library (troupe1) serve each other's brokers; what can't
// do that becomes another library with names of its own.
//
// Every failure restarts the store, whose growing delay keeps the attempts apart and whose log says why.

#include "broker/ledger_library.h"

#include <hiredis/hiredis.h>
#include <string.h>

static void
give_up (ledger_library_t *self, const char *what, const char *why)
{
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_STORE_UNAVAILABLE, "the library of functions",
                    "Redis 7.0 or later is needed, as a master, with FUNCTION and FCALL allowed", "%s: %s", what, why);
  troupe_store_restart (self->store, &error);
}

static void
on_loaded (void *context, const struct redisReply *reply)
{
  ledger_library_t *self = context;
  if (reply == NULL)
    return;
  if (reply->type == REDIS_REPLY_ERROR)
    give_up (self, "Redis doesn't take the library of functions", reply->str);
  else
    self->ready (self->context);
}

static void
load (ledger_library_t *self)
{
  const char *argv[] = {"FUNCTION", "LOAD", "REPLACE", ledger_library_code};
  const size_t sizes[] = {8, 4, 7, ledger_library_size};
  troupe_err_t err = troupe_store_command (self->store, 4, argv, sizes, on_loaded, self);
  if (err != TROUPE_OK)
    give_up (self, "cannot load the library of functions", troupe_err_text (err));
}

static bool
is_missing (const struct redisReply *reply)
{
  return reply->type == REDIS_REPLY_ERROR && strstr (reply->str, "Function not found") != NULL;
}

// Whether Redis's copy serves: the same, or of a greater revision.
static bool
serves (const struct redisReply *reply)
{
  if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || reply->element[0]->type != REDIS_REPLY_INTEGER ||
      reply->element[1]->type != REDIS_REPLY_STRING)
    return false;
  long long revision = reply->element[0]->integer;
  return revision > ledger_library_revision ||
         (revision == ledger_library_revision && strcmp (reply->element[1]->str, ledger_library_digest) == 0);
}

static void
on_version (void *context, const struct redisReply *reply)
{
  ledger_library_t *self = context;
  if (reply == NULL)
    return;
  if (reply->type == REDIS_REPLY_ERROR && !is_missing (reply))
    give_up (self, "Redis can't run functions now", reply->str);
  else if (serves (reply))
    self->ready (self->context);
  else
    load (self);
}

void
ledger_library_check (ledger_library_t *self)
{
  const char *argv[] = {"FCALL", "troupe1_version", "0"};
  troupe_err_t err = troupe_store_command (self->store, 3, argv, NULL, on_version, self);
  if (err != TROUPE_OK)
    give_up (self, "cannot ask for the library of functions", troupe_err_text (err));
}

// SPDX-License-Identifier: Apache-2.0
//
// Loading the Functions. They are stored by Redis (they survive its restart and reach its replicas), so usually
// there is nothing to do; but a Redis that was flushed, replaced, or used by another version of the broker has none
// or others.
//
// While a mesh is upgraded, brokers of two releases work with one library, which is the newer one's: it takes over from
// the older one's, and the older brokers leave it where it is. So a release may change a Function only so that the
// brokers of the release before it can go on with it. What can't be done like that raises OLDEST
// (functions/layout.lua), and both sides are told, whoever comes second:
//
//   the library there   this broker
//   none, or lesser     puts its own there
//   before our OLDEST   doesn't come up: others may work with it still, and ours may not read what it stored
//   the same            goes on; if the text differs (a build between two releases), puts its own there
//   greater             asks whether it serves our revision; goes on, or doesn't come up. One that was up when the
//                       library came is told when it renews its lease
//
// Every failure restarts the store, whose growing delay keeps the attempts apart and whose log says why.

#include "broker/ledger_library.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

static void
give_up (ledger_library_t *self, const char *next, const char *what, const char *why)
{
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_STORE_UNAVAILABLE, "the library of functions", next, "%s: %s", what, why);
  troupe_store_restart (self->store, &error);
}

static void
give_up_redis (ledger_library_t *self, const char *what, const char *why)
{
  give_up (self, "Redis 7.0 or later is needed, as a master, with FUNCTION and FCALL allowed", what, why);
}

static void
give_up_older (ledger_library_t *self, long long revision)
{
  char why[160];
  snprintf (why, sizeof why, "those there are of revision %lld, and this broker takes over from %lld or later", revision,
            ledger_library_oldest);
  give_up (self, "upgrade by way of a release between them (docs/how-to/upgrade.md), or give the mesh another Redis",
           "these Functions can't be replaced", why);
}

static void
on_loaded (void *context, const struct redisReply *reply)
{
  ledger_library_t *self = context;
  if (reply == NULL)
    return;
  if (reply->type == REDIS_REPLY_ERROR)
    give_up_redis (self, "Redis doesn't take the library of functions", reply->str);
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
    give_up_redis (self, "cannot load the library of functions", troupe_err_text (err));
}

static bool
is_missing (const struct redisReply *reply)
{
  return reply->type == REDIS_REPLY_ERROR && strstr (reply->str, "Function not found") != NULL;
}

static bool
is_refusal (const struct redisReply *reply)
{
  return reply->type == REDIS_REPLY_ERROR && strncmp (reply->str, "REVISION ", strlen ("REVISION ")) == 0;
}

static bool
is_version (const struct redisReply *reply)
{
  return reply->type == REDIS_REPLY_ARRAY && reply->elements >= 2 && reply->element[0]->type == REDIS_REPLY_INTEGER &&
         reply->element[1]->type == REDIS_REPLY_STRING;
}

// A library that answered: an older one is replaced if we may, a newer one has said that it serves us.
static void
compare (ledger_library_t *self, long long revision, const char *digest)
{
  bool same = revision == ledger_library_revision && strcmp (digest, ledger_library_digest) == 0;
  if (revision < ledger_library_oldest)
    give_up_older (self, revision);
  else if (revision > ledger_library_revision || same)
    self->ready (self->context);
  else
    load (self);
}

static void
on_version (void *context, const struct redisReply *reply)
{
  ledger_library_t *self = context;
  if (reply == NULL)
    return;
  if (is_refusal (reply))
    give_up (self, "upgrade this broker to the release of the others", "this broker is too old", reply->str);
  else if (is_version (reply))
    compare (self, reply->element[0]->integer, reply->element[1]->str);
  else if (reply->type == REDIS_REPLY_ERROR && !is_missing (reply))
    give_up_redis (self, "Redis can't run functions now", reply->str);
  else
    load (self);
}

void
ledger_library_check (ledger_library_t *self)
{
  char revision[24];
  snprintf (revision, sizeof revision, "%lld", ledger_library_revision);
  const char *argv[] = {"FCALL", "troupe1_version", "0", revision};
  troupe_err_t err = troupe_store_command (self->store, 4, argv, NULL, on_version, self);
  if (err != TROUPE_OK)
    give_up_redis (self, "cannot ask for the library of functions", troupe_err_text (err));
}

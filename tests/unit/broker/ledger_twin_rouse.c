// SPDX-License-Identifier: Apache-2.0
//
// The ledger keeps marks of hubs in which somebody may have something to hear, by when; the model looks at all of them
// whenever it is asked. So each that the model finds must be marked in the ledger. Times are taken out of it: what is
// in the future stays there until a test says that it has come.
#include "ledger_twin.h"

#include "sim/ledger_model_hub.h"

#include <inttypes.h>

// -- Which call is which ---------------------------------------------------------------------------------------------

void
twin_rouse_before (const ledger_request_t *request, const rig_result_t *real)
{
  model_hub_t *hub = model_hub_find (twin.model, &request->call);
  size_t at = 0;
  for (size_t i = 0; hub != NULL && i < real->calls_count; i++)
    for (size_t m = at; m < hub->members_count; m++)
      if (strcmp (hub->members[m].service, real->calls[i].service) == 0) {
        model_member_t member = hub->members[m];
        hub->members[m] = hub->members[at];
        hub->members[at++] = member;
        break;
      }
}

void
twin_rouse_after (const rig_result_t *real)
{
  for (size_t i = 0; i < twin.modelled.calls_count; i++) {
    ledger_model_call_t *call = model_find (twin.model, &twin.modelled.calls[i].call);
    for (size_t j = 0; j < real->calls_count; j++)
      if (strcmp (call->service, real->calls[j].service) == 0)
        twin.modelled.calls[i].call = call->id = real->calls[j].call;
  }
  twin.roused += real->calls_count;
}

// -- Time ------------------------------------------------------------------------------------------------------------

static void
run_script (const char *script)
{
  char slot[4];
  snprintf (slot, sizeof slot, "%02u", twin.slot);
  redisContext *client = redis_connect (&twin.rig->redis);
  redisReply *reply = redisCommand (client, "EVAL %s 1 troupe:{%s}:rouse %s", script, slot, slot);
  cr_assert (reply != NULL && reply->type != REDIS_REPLY_ERROR, "%s", reply != NULL ? reply->str : "no reply");
  freeReplyObject (reply);
  redisFree (client);
}

void
twin_pass_time (void)
{
  run_script ("for _, key in ipairs (redis.call ('KEYS', 'troupe:{' .. ARGV[1] .. '}:actor:*')) do "
              "  if redis.call ('HEXISTS', key, 'rest') == 1 then redis.call ('HSET', key, 'rest', 1) end "
              "end "
              "for _, key in ipairs (redis.call ('KEYS', 'troupe:{' .. ARGV[1] .. '}:fanning:*')) do "
              "  redis.call ('DEL', key) "
              "end "
              "for _, name in ipairs (redis.call ('ZRANGE', KEYS[1], 0, -1)) do "
              "  redis.call ('ZADD', KEYS[1], 0, name) "
              "end");
  for (size_t i = 0; i < twin.model->actors_count; i++)
    twin.model->actors[i]->rest = 0;
  for (model_group_t *group = twin.model->groups; group != NULL; group = group->next)
    group->till = 0;
}

static bool
somebody_rests (void)
{
  for (size_t i = 0; i < twin.model->actors_count; i++)
    if (twin.model->actors[i]->rest > 0)
      return true;
  return false;
}

static void
rest_long (void)
{
  run_script ("for _, key in ipairs (redis.call ('KEYS', 'troupe:{' .. ARGV[1] .. '}:actor:*')) do "
              "  local rest = tonumber (redis.call ('HGET', key, 'rest') or 0) "
              "  if rest > 1 then redis.call ('HSET', key, 'rest', '9000000000000000') end "
              "end");
}

// -- Marks -----------------------------------------------------------------------------------------------------------

// The mark has come.
static bool
is_marked (const model_hub_t *hub)
{
  char command[256], id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&hub->id, id);
  snprintf (command, sizeof command, "ZSCORE troupe:{%02u}:rouse %s|%s", twin.slot, hub->session, id);
  redisReply *reply = redis_run (&twin.rig->redis, command);
  bool marked = reply->type == REDIS_REPLY_STRING && strtod (reply->str, NULL) < 1e15;
  freeReplyObject (reply);
  return marked;
}

static bool
is_idle (const char *service)
{
  for (size_t i = 0; i < ledger_model_count (twin.model); i++) {
    const ledger_model_call_t *call = ledger_model_at (twin.model, i);
    if (call->actor && call->status == TROUPE_STATUS_NONE && strcmp (call->service, service) == 0)
      return false;
  }
  return true;
}

static bool
has_news (const model_hub_t *hub, const char *service)
{
  return is_idle (service) && model_actor (twin.model, hub->session, service)->rest == 0 &&
         model_hub_audible (twin.model, hub->session, service, NULL, 1000) > 0;
}

// One mark is enough for an actor, of any of its hubs. (One that is live in some of them only is one that nobody knew
// when it was added there: what it isn't told of the others does no harm.)
static void
check_actor (const char *service)
{
  const model_hub_t *live = NULL;
  bool marked = false;
  for (const model_hub_t *hub = twin.model->hubs; hub != NULL && !marked; hub = hub->next) {
    const model_member_t *member = model_hub_member (hub, service);
    if (member == NULL || !model_hub_concerns (hub, service))
      continue;
    if (!member->live)
      return;
    live = hub;
    marked = is_marked (hub);
  }
  cr_assert (marked || live == NULL || !has_news (live, service),
             "TROUPE_SEED=%" PRIu64 ", step %u: nobody tells %s what was said", twin.seed, twin.step, service);
}

void
twin_rouse_check (void)
{
  if (somebody_rests ())
    rest_long ();
  for (size_t i = 0; i < twin.model->actors_count; i++)
    check_actor (twin.model->actors[i]->service);
}

// SPDX-License-Identifier: Apache-2.0
//
// A broker's work of many calls while its connection to Redis breaks again and again: every request whose result was
// lost is made again. In the end each call has settled once, and each actor remembers each of its calls once.
#include "ledger_rig.h"

enum { ROOTS = 400, ACTORS = 5, RESULTS_BETWEEN_BREAKS = 60 };

typedef enum { ACCEPTING, WAITING, CALLING, READING, ANSWERING, SETTLING, DONE } stage_t;

// A call to an actor, which calls a model; every third one needs the value of the one before it.
typedef struct {
  troupe_id_t id, nested;
  unsigned actor;
  stage_t stage;
  bool lost, has_input;
} root_t;

static struct {
  redis_server_t redis;
  troupe_loop_t *loop;
  ledger_t *ledger;
  bool up;
  size_t done, results, breaks, lost;
  root_t roots[ROOTS];
} storm;

static const char *
actor_name (const root_t *root)
{
  static char name[16];
  snprintf (name, sizeof name, "agent/a%u", root->actor);
  return name;
}

static ledger_request_t
request_of (const root_t *root)
{
  static const uint32_t entry_size = 5;
  ledger_request_t settle = rig_settle ("s", root->id, 1, "valueentry");
  switch (root->stage) {
  case CALLING:
    return rig_nested ("s", root->nested, "model/m", &root->id, 1);
  case ANSWERING:
    return rig_settle ("s", root->nested, 1, "said");
  case READING:
    return rig_simple (LEDGER_INPUTS, "s", root->id, 1);
  case SETTLING:
    settle.sizes = &entry_size;
    settle.sizes_count = 1;
    return settle;
  default:
    return rig_accept ("s", root->id, actor_name (root));
  }
}

static void
submit (root_t *root)
{
  ledger_request_t request = request_of (root);
  request.token = (uint64_t)(root - storm.roots);
  if (root->stage == ACCEPTING && root->has_input) {
    request.inputs = &root[-1].id;
    request.inputs_count = 1;
  }
  root->lost = false;
  ledger_submit (storm.ledger, &request);
}

static void
go_on (root_t *root, stage_t stage)
{
  root->stage = stage;
  submit (root);
}

static void
take_turn (root_t *root)
{
  if (root->stage == WAITING)
    go_on (root, root->has_input ? READING : CALLING);
}

static root_t *
root_of (const troupe_id_t *id)
{
  for (size_t i = 0; i < ROOTS; i++)
    if (troupe_id_equal (&storm.roots[i].id, id))
      return &storm.roots[i];
  return NULL;
}

static void
succeed (root_t *root, const ledger_result_t *result)
{
  switch (root->stage) {
  case ACCEPTING:
    root->stage = WAITING;
    if (result->ready)
      take_turn (root);
    break;
  case READING:
    cr_expect_eq (result->sizes_count, 1);
    go_on (root, CALLING);
    break;
  case CALLING:
    cr_expect (result->ready);
    go_on (root, ANSWERING);
    break;
  case ANSWERING:
    go_on (root, SETTLING);
    break;
  default:
    root->stage = DONE;
    storm.done++;
  }
}

static void
on_result (void *context, const ledger_result_t *result)
{
  root_t *root = &storm.roots[result->token];
  (void)context;
  if (result->outcome == LEDGER_LOST) {
    root->lost = true;
    storm.lost++;
    return;
  }
  storm.results++;
  cr_assert (result->outcome == LEDGER_OK || result->outcome == LEDGER_KNOWN, "stage %d: outcome %d %s", root->stage,
             result->outcome, result->why != NULL ? result->why : "");
  succeed (root, result);
  for (size_t i = 0; i < result->calls_count; i++)
    take_turn (root_of (&result->calls[i].call));
}

static void
on_notice (void *context, const ledger_notice_t *notice)
{
  (void)context;
  storm.up = notice->kind == LEDGER_NOTICE_UP || (storm.up && notice->kind != LEDGER_NOTICE_DOWN);
  if (notice->kind == LEDGER_NOTICE_READY)
    take_turn (root_of (&notice->call.call));
  for (size_t i = 0; notice->kind == LEDGER_NOTICE_UP && i < ROOTS; i++)
    if (storm.roots[i].lost)
      submit (&storm.roots[i]);
}

static void
start (void)
{
  const ledger_options_t options = {.url = storm.redis.url, .broker = "a", .result = on_result, .notice = on_notice};
  cr_assert_eq (troupe_loop_new (&storm.loop), TROUPE_OK);
  cr_assert_eq (ledger_new (&storm.ledger, storm.loop, &options, NULL), TROUPE_OK);
  LOOP_UNTIL (storm.loop, storm.up);
  for (unsigned i = 0; i < ROOTS; i++) {
    storm.roots[i] =
      (root_t){.id = troupe_id_new (), .nested = troupe_id_new (), .actor = i * 7 % ACTORS, .has_input = i % 3 == 2};
    submit (&storm.roots[i]);
  }
}

Test (ledger_storm, what_is_made_again_is_done_once)
{
  redis_start (&storm.redis, NULL);
  start ();
  int64_t until = troupe_loop_now () + FIXTURE_PATIENCE;
  for (size_t next = RESULTS_BETWEEN_BREAKS; storm.done < ROOTS;) {
    cr_assert_eq (troupe_loop_turn (storm.loop, 20), TROUPE_OK);
    cr_assert_lt (troupe_loop_now (), until, "%zu of %d calls are done", storm.done, ROOTS);
    if (storm.up && storm.results >= next) {
      redis_do (&storm.redis, "CLIENT KILL TYPE normal SKIPME yes");
      next = storm.results + RESULTS_BETWEEN_BREAKS;
      storm.breaks++;
    }
  }
  cr_expect (storm.breaks > 5 && storm.lost > 0, "%zu breaks lost %zu requests", storm.breaks, storm.lost);
  for (unsigned i = 0; i < ACTORS; i++) {
    char command[80];
    snprintf (command, sizeof command, "LLEN troupe:{52}:memory:s|agent/a%u", i);
    cr_expect_eq (redis_number (&storm.redis, command), ROOTS / ACTORS);
  }
  cr_expect_eq (redis_number (&storm.redis, "EXISTS troupe:{52}:open troupe:{52}:ending"), 0);
  ledger_destroy (&storm.ledger);
  troupe_loop_destroy (&storm.loop);
  redis_stop (&storm.redis);
}

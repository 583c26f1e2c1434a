// SPDX-License-Identifier: Apache-2.0
//
// The ledger when Redis goes, comes back empty, is full, is a replica, or is a cluster.
#include "broker/ledger_library.h"
#include "ledger_rig.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static void
submit_many (rig_t *rig, int count)
{
  for (int i = 0; i < count; i++) {
    ledger_request_t accept = rig_accept ("s", troupe_id_new (), "model/m");
    accept.token = (uint64_t)i;
    ledger_submit (rig->a.ledger, &accept);
  }
}

Test (ledger_store, a_killed_redis_loses_every_request_once_in_order)
{
  enum { REQUESTS = 1000 };
  rig_t *rig = rig_start (NULL);
  kill (rig->redis.pid, SIGSTOP);
  submit_many (rig, REQUESTS);
  cr_assert_eq (troupe_loop_turn (rig->loop, 0), TROUPE_OK);
  redis_kill (&rig->redis);
  LOOP_UNTIL (rig->loop, rig->a.results_count == REQUESTS);
  cr_expect_eq (rig->a.downs, 1);
  for (int i = 0; i < REQUESTS; i++)
    cr_assert (rig->a.outcomes[i] == LEDGER_LOST && rig->a.tokens[i] == (uint64_t)i, "%d", i);

  ledger_request_t accept = rig_accept ("s", troupe_id_new (), "model/m");
  cr_expect_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_LOST, "while it is away");
  redis_launch (&rig->redis, NULL);
  LOOP_UNTIL (rig->loop, rig->a.up && rig->b.up);
  cr_expect_eq (rig->a.ups, 2);
  cr_expect_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_OK, "the empty one has the functions");
  rig_stop (rig);
}

Test (ledger_store, what_was_lost_can_be_made_again_whether_it_was_done_or_not)
{
  rig_t *rig = rig_start ((const char *[]){"--appendonly", "yes", "--appendfsync", "always", NULL});
  enum { REQUESTS = 500 };
  static ledger_request_t accepts[REQUESTS];
  for (int i = 0; i < REQUESTS; i++) {
    accepts[i] = rig_accept ("s", troupe_id_new (), "model/m");
    ledger_submit (rig->a.ledger, &accepts[i]);
  }
  LOOP_UNTIL (rig->loop, rig->a.results_count > 0); // some are done, the others are under way
  redis_kill (&rig->redis);
  LOOP_UNTIL (rig->loop, rig->a.results_count == REQUESTS && !rig->a.up);
  redis_launch (&rig->redis, (const char *[]){"--appendonly", "yes", "--appendfsync", "always", NULL});
  LOOP_UNTIL (rig->loop, rig->a.up);
  for (int i = 0; i < REQUESTS; i++) {
    bool acknowledged = rig->a.outcomes[i] == LEDGER_OK;
    ledger_outcome_t again = rig_do (rig, &rig->a, &accepts[i])->outcome;
    cr_expect (again == LEDGER_KNOWN || (!acknowledged && again == LEDGER_OK), "%d: %d", i, again);
  }
  rig_stop (rig);
}

Test (ledger_store, a_flushed_redis_gets_the_functions_again)
{
  rig_t *rig = rig_start (NULL);
  redis_do (&rig->redis, "FLUSHALL");
  redis_do (&rig->redis, "FUNCTION FLUSH");
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), "model/m");
  cr_expect_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_LOST);
  cr_expect_eq (rig->a.downs, 1);
  LOOP_UNTIL (rig->loop, rig->a.up);
  cr_expect_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_OK);
  rig_stop (rig);
}

static long long
version_in (const redis_server_t *redis)
{
  redisReply *reply = redis_run (redis, "FCALL troupe1_version 0 999"); // to a broker of any revision
  cr_assert_eq (reply->type, REDIS_REPLY_ARRAY);
  long long revision = reply->element[0]->integer;
  freeReplyObject (reply);
  return revision;
}

static void
load_other_library (const redis_server_t *redis, int revision)
{
  redisContext *client = redis_connect (redis);
  redisReply *reply = redisCommand (client, "FUNCTION LOAD REPLACE %s%d%s",
                                    "#!lua name=troupe1\n"
                                    "redis.register_function ('troupe1_meet', function () return {1, 1} end)\n"
                                    "redis.register_function ('troupe1_version', function () return {",
                                    revision, ", 'x'} end)");
  cr_assert_eq (reply->type, REDIS_REPLY_STRING, "%s", reply->str);
  freeReplyObject (reply);
  redisFree (client);
}

Test (ledger_store, a_stale_library_is_replaced_and_a_newer_one_stays)
{
  rig_t *rig = rig_start (NULL);
  const int ours = (int)ledger_library_revision;
  const int there[] = {ours - 1, ours, ours + 1};
  for (size_t i = 0; i < sizeof there / sizeof *there; i++) {
    ledger_destroy (&rig->a.ledger);
    load_other_library (&rig->redis, there[i]);
    rig_open (rig, &rig->a, "a");
    cr_expect_eq (version_in (&rig->redis), there[i] > ours ? there[i] : ours);
    ledger_request_t accept = rig_accept ("s", troupe_id_new (), "model/m");
    if (there[i] <= ours)
      cr_expect_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_OK, "%d", there[i]);
  }
  rig_stop (rig);
}

// -- Two releases at one Redis ----------------------------------------------------------------------------------------

// What stands behind "local <constant> = <number>".
static const char *
behind (const char *code, const char *constant, long long number)
{
  char text[64];
  snprintf (text, sizeof text, "\nlocal %s = %lld\n", constant, number);
  const char *found = strstr (code, text);
  cr_assert_not_null (found, "%s", text);
  return found + strlen (text);
}

// Our own library as that of another release.
static void
load_ours_as (const redis_server_t *redis, int revision, int oldest)
{
  const char *code = ledger_library_code;
  const char *rest = behind (code, "REVISION", ledger_library_revision);
  cr_assert_eq (rest, strstr (code, "local OLDEST"), "they stand together");
  int before = (int)(strstr (code, "local REVISION") - code);
  redisContext *client = redis_connect (redis);
  redisReply *reply = redisCommand (client, "FUNCTION LOAD REPLACE %b%s%d%s%d%s", code, (size_t)before, "local REVISION = ",
                                    revision, "\nlocal OLDEST = ", oldest,
                                    behind (code, "OLDEST", ledger_library_oldest) - 1);
  cr_assert_eq (reply->type, REDIS_REPLY_STRING, "%s", reply->str);
  freeReplyObject (reply);
  redisFree (client);
}

static void
turn_for_a_while (const rig_t *rig)
{
  for (int i = 0; i < 20; i++)
    cr_assert_eq (troupe_loop_turn (rig->loop, 20), TROUPE_OK);
}

Test (ledger_store, brokers_of_two_releases_work_with_the_newer_ones_functions)
{
  rig_t *rig = rig_start (NULL);
  const int ours = (int)ledger_library_revision;
  load_ours_as (&rig->redis, ours + 1, ours);
  ledger_request_t lease = {.op = LEDGER_LEASE, .lease_ms = 1000};
  cr_expect_eq (rig_do (rig, &rig->a, &lease)->outcome, LEDGER_OK, "who was there goes on");
  ledger_destroy (&rig->b.ledger);
  rig_open (rig, &rig->b, "b");
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), "model/m");
  cr_expect_eq (rig_do (rig, &rig->b, &accept)->outcome, LEDGER_OK, "and who comes");
  cr_expect_eq (version_in (&rig->redis), ours + 1);
  cr_expect_eq (rig->a.downs, 0);
  rig_stop (rig);
}

Test (ledger_store, a_broker_that_newer_functions_do_not_serve_is_told_and_stays_away)
{
  rig_t *rig = rig_start (NULL);
  const int ours = (int)ledger_library_revision;
  load_ours_as (&rig->redis, ours + 1, ours + 1);
  ledger_request_t lease = {.op = LEDGER_LEASE, .lease_ms = 1000};
  cr_expect_eq (rig_do (rig, &rig->a, &lease)->outcome, LEDGER_LOST, "with its lease");
  LOOP_UNTIL (rig->loop, !rig->a.up);
  turn_for_a_while (rig);
  cr_expect_eq (rig->a.ups, 1);
  redisReply *told = redis_run (&rig->redis, "FCALL troupe1_version 0 7");
  redisReply *asked = redis_run (&rig->redis, "FCALL troupe1_version 0");
  cr_assert_eq (told->type, REDIS_REPLY_ERROR);
  cr_expect_str_eq (told->str, asked->str, "who doesn't tell its revision has 7");
  freeReplyObject (told);
  freeReplyObject (asked);
  load_ours_as (&rig->redis, ours + 1, ours);
  LOOP_UNTIL (rig->loop, rig->a.up);
  rig_stop (rig);
}

Test (ledger_store, functions_too_old_to_take_over_from_stay_and_the_broker_stays_away)
{
  rig_t *rig = rig_start (NULL);
  const int before = (int)ledger_library_oldest - 1;
  load_ours_as (&rig->redis, before, before);
  ledger_destroy (&rig->a.ledger);
  rig_begin (rig, &rig->a, "a");
  turn_for_a_while (rig);
  cr_expect_not (rig->a.up);
  cr_expect_eq (version_in (&rig->redis), before);
  redis_do (&rig->redis, "FUNCTION FLUSH");
  LOOP_UNTIL (rig->loop, rig->a.up);
  rig_stop (rig);
}

Test (ledger_store, a_full_redis_accepts_nothing_and_settles_what_there_is)
{
  rig_t *rig = rig_start (NULL);
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), "model/m");
  rig_do (rig, &rig->a, &accept);
  redis_do (&rig->redis, "CONFIG SET maxmemory 1");
  ledger_request_t refused = rig_accept ("s", troupe_id_new (), "model/m");
  cr_expect_eq (rig_do (rig, &rig->a, &refused)->outcome, LEDGER_FAILED);
  cr_expect_not_null (strstr (rig->a.last.why, "OOM"), "%s", rig->a.last.why);
  ledger_request_t settle = rig_settle ("s", accept.call, 1, "value");
  cr_expect_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
  cr_expect_eq (rig->a.downs, 0);
  rig_stop (rig);
}

Test (ledger_store, a_redis_that_became_a_replica_is_not_up)
{
  rig_t *rig = rig_start (NULL);
  redis_do (&rig->redis, "REPLICAOF 127.0.0.1 1");
  ledger_request_t accept = rig_accept ("s", troupe_id_new (), "model/m");
  cr_expect_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_LOST);
  for (int i = 0; i < 20; i++)
    cr_assert_eq (troupe_loop_turn (rig->loop, 20), TROUPE_OK);
  cr_expect_eq (rig->a.ups, 1);
  redis_do (&rig->redis, "REPLICAOF NO ONE");
  LOOP_UNTIL (rig->loop, rig->a.up);
  cr_expect_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_OK);
  rig_stop (rig);
}

Test (ledger_store, a_lost_channel_is_noticed_and_no_notice_with_it)
{
  rig_t *rig = rig_start (NULL);
  troupe_id_t id = troupe_id_new ();
  ledger_request_t accept = rig_accept ("s", id, "model/m"), await = rig_simple (LEDGER_AWAIT, "s", id, 0);
  rig_do (rig, &rig->a, &accept);
  rig_do (rig, &rig->b, &await);
  redis_do (&rig->redis, "CLIENT KILL TYPE pubsub");
  LOOP_UNTIL (rig->loop, rig->b.ups == 2 && rig->a.ups == 2);
  ledger_request_t settle = rig_settle ("s", id, 1, "value");
  rig_do (rig, &rig->a, &settle);
  LOOP_UNTIL (rig->loop, rig->b.notices_count == 1);
  rig_stop (rig);
}

// For the cluster's bus, whose default (10000, as there is no other port) every such test on this machine would take.
static int
free_port (void)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert (bind (fd, (struct sockaddr *)&address, size) == 0);
  cr_assert (getsockname (fd, (struct sockaddr *)&address, &size) == 0);
  close (fd);
  return ntohs (address.sin_port);
}

// Redis Cluster refuses a function that touches a key of another slot; a single Redis doesn't, so this is where it
// shows.
Test (ledger_store, every_step_stays_in_its_slot)
{
  char port[8];
  snprintf (port, sizeof port, "%d", free_port ());
  rig_t *rig =
    rig_start ((const char *[]){"--cluster-enabled", "yes", "--cluster-port", port, "--bind", "127.0.0.1", NULL});
  for (int i = 0; i < 8; i++) {
    char session[16];
    snprintf (session, sizeof session, "session-%d", i);
    troupe_id_t mine = troupe_id_new (), theirs = troupe_id_new ();
    ledger_request_t accept = rig_accept (session, mine, "agent/alice");
    accept.deadline_ms = 1;
    cr_assert_eq (rig_do (rig, &rig->a, &accept)->outcome, LEDGER_OK, "%s", rig->a.last.why);
    accept.call = theirs;
    accept.deadline_ms = 0;
    cr_assert_eq (rig_do (rig, &rig->b, &accept)->outcome, LEDGER_OK);
    ledger_request_t await = rig_simple (LEDGER_AWAIT, session, mine, 0);
    cr_assert_eq (rig_do (rig, &rig->b, &await)->outcome, LEDGER_PENDING);
    ledger_request_t retry = rig_simple (LEDGER_RETRY, session, mine, 1);
    cr_assert_eq (rig_do (rig, &rig->b, &retry)->outcome, LEDGER_OK);
    ledger_request_t recall = rig_simple (LEDGER_RECALL, session, mine, 2);
    cr_assert_eq (rig_do (rig, &rig->a, &recall)->outcome, LEDGER_OK);
    ledger_request_t sweep = {.op = LEDGER_SWEEP, .slot = ledger_slot (session)};
    LOOP_UNTIL (rig->loop, rig_do (rig, &rig->a, &sweep)->calls_count == 1);
    ledger_request_t recover = {.op = LEDGER_RECOVER, .slot = ledger_slot (session)};
    cr_assert_eq (rig_do (rig, &rig->b, &recover)->calls_count, 2);
    ledger_request_t settle = rig_settle (session, mine, 2, "value and memory");
    settle.sizes = (const uint32_t[]){6};
    settle.sizes_count = 1;
    ledger_request_t nested = rig_nested (session, troupe_id_new (), "model/m", &mine, 2);
    cr_assert_eq (rig_do (rig, &rig->a, &nested)->outcome, LEDGER_OK);
    ledger_request_t needs = rig_nested (session, troupe_id_new (), "model/m", &mine, 2);
    needs.inputs = &nested.call;
    needs.inputs_count = 1;
    cr_assert_eq (rig_do (rig, &rig->a, &needs)->outcome, LEDGER_OK);
    ledger_request_t ring = rig_nested (session, troupe_id_new (), "agent/alice", &mine, 2);
    cr_assert_eq (rig_do (rig, &rig->a, &ring)->outcome, LEDGER_SETTLED);
    await = rig_simple (LEDGER_AWAIT, session, theirs, 0);
    await.waiter = mine;
    cr_assert_eq (rig_do (rig, &rig->a, &await)->outcome, LEDGER_CYCLE);
    ledger_request_t claim = rig_simple (LEDGER_CLAIM, session, mine, 2);
    claim.instance = "alice-1";
    cr_assert_eq (rig_do (rig, &rig->a, &claim)->outcome, LEDGER_OK);
    ledger_request_t inner = rig_settle (session, nested.call, 1, "value");
    cr_assert_eq (rig_do (rig, &rig->a, &inner)->outcome, LEDGER_OK);
    ledger_request_t inputs = rig_simple (LEDGER_INPUTS, session, needs.call, 1);
    cr_assert_eq (rig_do (rig, &rig->a, &inputs)->outcome, LEDGER_OK);
    cr_assert_eq (rig_do (rig, &rig->a, &settle)->outcome, LEDGER_OK);
    LOOP_UNTIL (rig->loop, rig_notices (&rig->b, LEDGER_NOTICE_SETTLED, &mine) == 1 &&
                             rig_notices (&rig->b, LEDGER_NOTICE_READY, &theirs) == 1 &&
                             rig_notices (&rig->a, LEDGER_NOTICE_SETTLED, &needs.call) == 1);
    ledger_request_t takeover = {.op = LEDGER_TAKEOVER, .slot = ledger_slot (session), .broker = "b"};
    cr_assert_geq (rig_do (rig, &rig->a, &takeover)->calls_count, 1);
  }
  ledger_request_t lease = {.op = LEDGER_LEASE, .lease_ms = 1000};
  cr_assert_eq (rig_do (rig, &rig->a, &lease)->outcome, LEDGER_OK);
  rig_stop (rig);
}

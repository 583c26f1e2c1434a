// SPDX-License-Identifier: Apache-2.0
//
// Credit: what runs at once, and how it is handed out over brokers.

#include "rig.h"

#include <string.h>

enum { CREDIT = 8 };

typedef struct {
  troupe_task_t *tasks[4 * CREDIT];
  unsigned count;
} served_t;

static void
serve (void *context, troupe_task_t *task)
{
  served_t *served = context;
  served->tasks[served->count++] = task;
}

static void
open_echo (rig_t *rig, served_t *served, unsigned brokers, unsigned credit)
{
  rig_open (rig, brokers);
  for (unsigned i = 0; i < brokers; i++)
    rig_welcome (rig, i);
  troupe_service_t service = {.name = "tool/echo", .credit = credit, .serve = serve, .context = served};
  cr_assert (eq (int, node_core_serve (rig->core, &service, NULL), TROUPE_OK));
  for (unsigned i = 0; i < brokers; i++) {
    rig_expect (rig, i, TROUPE_CMD_REGISTER);
    cr_assert (eq (ulong, rig->header.credit, credit / brokers));
  }
}

static void
report (rig_t *rig, unsigned broker, unsigned queue)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HEARTBEAT);
  troupe_header_set_service (&header, troupe_text ("tool/echo"));
  troupe_header_set_queue (&header, queue);
  rig_say (rig, broker, &header, NULL);
}

static troupe_id_t
offer (rig_t *rig, unsigned broker)
{
  troupe_id_t id = rig_id (rig);
  rig_offer (rig, broker, "tool/echo", &id, 1);
  rig_deliver (rig);
  return id;
}

static void
end_first (rig_t *rig, served_t *served)
{
  troupe_task_t *task = served->tasks[0];
  memmove (served->tasks, served->tasks + 1, --served->count * sizeof (troupe_task_t *));
  troupe_task_reply (&task, json_null ());
  rig_deliver (rig);
}

static void
end_all (rig_t *rig, served_t *served)
{
  while (served->count > 0)
    end_first (rig, served);
}

Test (sharing, what_is_beyond_the_credit_waits)
{
  rig_t rig;
  served_t served = {.count = 0};
  open_echo (&rig, &served, 1, 2);
  for (unsigned i = 0; i < 3; i++)
    offer (&rig, 0);
  troupe_id_t cancelled = offer (&rig, 0), last = offer (&rig, 0);
  cr_assert (eq (uint, served.count, 2));
  rig_offer (&rig, 0, "tool/echo", &last, 2); // adopted while it waits
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_CANCEL);
  troupe_header_set_call (&header, &cancelled);
  rig_say (&rig, 0, &header, NULL);
  // A task that is cancelled is the user's still, and takes room.
  troupe_id_t first = *troupe_task_call (served.tasks[0]);
  troupe_header_set_call (&header, &first);
  rig_say (&rig, 0, &header, NULL);
  rig_deliver (&rig);
  cr_assert (eq (uint, served.count, 2));
  end_first (&rig, &served);
  cr_assert (eq (uint, served.count, 2));
  end_first (&rig, &served);
  cr_assert (eq (uint, served.count, 2));
  end_first (&rig, &served);
  cr_assert (eq (uint, served.count, 1));
  cr_assert (troupe_id_equal (troupe_task_call (served.tasks[0]), &last));
  cr_assert (eq (uint, troupe_task_attempt (served.tasks[0]), 2));
  offer (&rig, 0); // room again
  cr_assert (eq (uint, served.count, 2));
  end_all (&rig, &served);
  rig_close (&rig);
}

Test (sharing, idle_credit_goes_where_calls_wait)
{
  rig_t rig;
  served_t served = {.count = 0};
  open_echo (&rig, &served, 2, CREDIT);
  for (unsigned i = 0; i < CREDIT / 2; i++)
    offer (&rig, 0);
  report (&rig, 0, 2);
  rig_expect_grant (&rig, 0, 6);
  rig_expect_grant (&rig, 1, 2);
  report (&rig, 0, 2); // the same two: their share is on its way
  cr_assert (rig_quiet (&rig, 0));
  offer (&rig, 0);
  offer (&rig, 0);
  report (&rig, 0, 100);
  rig_expect_grant (&rig, 0, 7); // one stays, so that broker 1 can be heard
  rig_expect_grant (&rig, 1, 1);
  offer (&rig, 0);
  report (&rig, 0, 99);
  cr_assert (rig_quiet (&rig, 0) && rig_quiet (&rig, 1));

  // Calls come to broker 1: from now on what ends at broker 0 is given on, until both have the same.
  offer (&rig, 1);
  report (&rig, 1, 50);
  cr_assert (rig_quiet (&rig, 1));
  for (unsigned share = 2; share <= CREDIT / 2; share++) {
    end_first (&rig, &served);
    rig_expect_grant (&rig, 0, CREDIT - share); // before the outcome: the broker offers no other call for it
    rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
    rig_expect_grant (&rig, 1, share);
    offer (&rig, 1);
  }
  cr_assert (eq (uint, served.count, CREDIT));
  end_all (&rig, &served);
  rig_close (&rig);
}

Test (sharing, a_report_counts_for_a_lease_and_losses_begin_anew)
{
  rig_t rig;
  served_t served = {.count = 0};
  open_echo (&rig, &served, 2, CREDIT);
  for (unsigned i = 0; i < CREDIT / 2; i++)
    offer (&rig, 0);
  for (unsigned i = 0; i < CREDIT / 2; i++)
    offer (&rig, 1);
  report (&rig, 0, 10);
  cr_assert (rig_quiet (&rig, 0)); // nothing is idle
  rig_pass (&rig, RIG_LEASE + RIG_HEARTBEAT, 3);
  rig_skip (&rig, 0);
  end_all (&rig, &served); // nothing is known to wait any more
  for (unsigned i = 0; i < CREDIT / 2; i++)
    rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  cr_assert (rig_quiet (&rig, 0));
  report (&rig, 0, 10);
  rig_expect_grant (&rig, 0, 7);
  rig_disconnect (&rig, 0);
  rig_skip (&rig, 1);
  rig_pass (&rig, 20, 2);
  rig_welcome (&rig, 0);
  rig_expect (&rig, 0, TROUPE_CMD_REGISTER);
  cr_assert (eq (ulong, rig.header.credit, 4));
  rig_expect_grant (&rig, 1, 4);
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HEARTBEAT);
  troupe_header_set_service (&header, troupe_text ("tool/other"));
  troupe_header_set_queue (&header, 1);
  rig_say (&rig, 0, &header, NULL);
  cr_assert (eq (ulong, node_core_counter (rig.core, NODE_COUNT_FRAMES_UNEXPECTED), 1));
  rig_close (&rig);
}

Test (sharing, credit_is_shared_among_the_brokers_that_are_up)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 2);
  rig_serve (&rig, &probe, "agent/alice", true, 3);
  rig_serve (&rig, &probe, "tool/echo", false, 1);
  rig_welcome (&rig, 0);
  rig_registered (&rig, 0, "agent/alice", 3);
  rig_registered (&rig, 0, "tool/echo", 1);
  rig_welcome (&rig, 1);
  rig_registered (&rig, 1, "agent/alice", 1);
  rig_registered (&rig, 1, "tool/echo", 0); // there is no more
  rig_expect_grant (&rig, 0, 2);
  rig_disconnect (&rig, 0);
  rig_expect_grant (&rig, 1, 3);
  rig_expect_grant (&rig, 1, 1);
  cr_assert (rig_quiet (&rig, 1));
  rig_close (&rig);
}

Test (sharing, offers_beyond_reason_are_declined)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 1);
  rig_serve (&rig, &probe, "tool/echo", false, 1);
  rig_welcome (&rig, 0);
  rig_registered (&rig, 0, "tool/echo", 1);
  troupe_id_t id = rig_id (&rig);
  rig_offer (&rig, 0, "tool/other", &id, 1);
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  cr_assert (eq (ulong, rig.header.status, TROUPE_STATUS_ERROR));
  for (int i = 0; i < 30; i++) {
    id = rig_id (&rig);
    rig_offer (&rig, 0, "tool/echo", &id, 1);
  }
  cr_assert (eq (ulong, node_core_counter (rig.core, NODE_COUNT_OFFERS_DECLINED), 11));
  rig_close (&rig);
}

// A caller that took one broker for lost sent the call to another one, too.
Test (sharing, a_volatile_call_of_two_brokers_holds_the_credit_of_one)
{
  rig_t rig;
  probe_t probe = {0};
  rig_open (&rig, 2);
  rig_serve (&rig, &probe, "tool/echo", false, 4);
  for (unsigned broker = 0; broker < 2; broker++)
    rig_welcome (&rig, broker);
  troupe_id_t id = rig_id (&rig);
  const unsigned attempts[][2] = {
    {0, 1}, {1, 2}, {0, 1}}; // broker, attempt: the last one is of the first broker's again
  for (size_t i = 0; i < 3; i++) {
    troupe_header_t header;
    rig_skip (&rig, 0);
    rig_skip (&rig, 1);
    troupe_header_init (&header, TROUPE_CMD_OFFER);
    troupe_header_set_service (&header, troupe_text ("tool/echo"));
    troupe_header_set_call (&header, &id);
    troupe_header_set_session (&header, troupe_text ("s"));
    troupe_header_set_attempt (&header, attempts[i][1]);
    troupe_header_set_flags (&header, TROUPE_FLAG_VOLATILE);
    rig_say (&rig, attempts[i][0], &header, json_null ());
    rig_deliver (&rig);
    if (i == 0)
      continue;
    rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
    cr_assert (eq (ulong, rig.header.attempt, 1));
    cr_assert (eq (int, (int)rig.header.status, TROUPE_STATUS_ERROR));
  }
  cr_assert (eq (uint, probe.served, 1));
  rig_skip (&rig, 1);
  troupe_task_reply (&probe.task, json_null ());
  rig_expect (&rig, 1, TROUPE_CMD_SETTLE);
  cr_assert (eq (ulong, rig.header.attempt, 2));
  rig_close (&rig);
}

// -- Less credit than brokers -----------------------------------------------------------------------------------------

static void
open_one_for_two (rig_t *rig, served_t *served)
{
  rig_open (rig, 2);
  for (unsigned i = 0; i < 2; i++)
    rig_welcome (rig, i);
  troupe_service_t service = {.name = "tool/echo", .credit = 1, .serve = serve, .context = served};
  cr_assert (eq (int, node_core_serve (rig->core, &service, NULL), TROUPE_OK));
  for (unsigned i = 0; i < 2; i++) {
    rig_expect (rig, i, TROUPE_CMD_REGISTER);
    cr_assert (eq (ulong, rig->header.credit, i == 0 ? 1 : 0));
  }
}

Test (sharing, one_credit_goes_to_the_broker_that_asks_and_by_turns)
{
  rig_t rig;
  served_t served = {.count = 0};
  open_one_for_two (&rig, &served);
  report (&rig, 1, 3);
  rig_expect_grant (&rig, 0, 0);
  rig_expect_grant (&rig, 1, 1);
  offer (&rig, 1);
  report (&rig, 0, 3);
  report (&rig, 1, 2);
  cr_assert (rig_quiet (&rig, 0) && rig_quiet (&rig, 1)); // it runs
  for (unsigned turn = 0; turn < 4; turn++) {
    unsigned from = turn % 2 == 0 ? 1 : 0, to = 1 - from;
    end_first (&rig, &served);
    rig_expect_grant (&rig, from, 0);
    rig_expect (&rig, from, TROUPE_CMD_SETTLE);
    rig_expect_grant (&rig, to, 1);
    offer (&rig, to);
    report (&rig, to, 3);
  }
  cr_assert (eq (uint, served.count, 1));
  end_all (&rig, &served);
  rig_close (&rig);
}

// The broker of a long task is lost. The other one gets no credit for it, and what waited behind it isn't kept.
Test (sharing, a_task_whose_broker_is_lost_takes_its_credit_until_it_is_offered_again_or_ends)
{
  rig_t rig;
  served_t served = {.count = 0};
  open_one_for_two (&rig, &served);
  troupe_id_t id = offer (&rig, 0);
  offer (&rig, 0);
  rig_disconnect (&rig, 0);
  rig_expect (&rig, 1, TROUPE_CMD_AWAIT); // only for what has begun, and without a grant
  cr_assert (troupe_id_equal (&rig.header.call, &id));
  cr_assert (eq (ulong, rig.header.attempt, 1));
  report (&rig, 1, 2);
  cr_assert (rig_quiet (&rig, 1));
  rig_offer (&rig, 1, "tool/echo", &id, 2);
  rig_expect_grant (&rig, 1, 1); // in use
  cr_assert (eq (uint, served.count, 1));
  end_first (&rig, &served);
  rig_expect (&rig, 1, TROUPE_CMD_SETTLE);
  cr_assert (rig_quiet (&rig, 1));
  cr_assert (eq (uint, served.count, 0));

  offer (&rig, 1);
  rig_disconnect (&rig, 1);
  rig_pass (&rig, 20, 0);
  rig_welcome (&rig, 0);
  rig_expect (&rig, 0, TROUPE_CMD_REGISTER);
  cr_assert (eq (ulong, rig.header.credit, 0));
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE); // the first one's, which nobody has confirmed
  rig_expect (&rig, 0, TROUPE_CMD_AWAIT);
  end_first (&rig, &served);
  rig_expect_grant (&rig, 0, 1);
  rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
  rig_close (&rig);
}

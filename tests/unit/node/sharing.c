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
expect_grant (rig_t *rig, unsigned broker, unsigned credit)
{
  rig_expect (rig, broker, TROUPE_CMD_GRANT);
  cr_assert (eq (ulong, rig->header.credit, credit));
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
  expect_grant (&rig, 0, 6);
  expect_grant (&rig, 1, 2);
  report (&rig, 0, 2); // the same two: their share is on its way
  cr_assert (rig_quiet (&rig, 0));
  offer (&rig, 0);
  offer (&rig, 0);
  report (&rig, 0, 100);
  expect_grant (&rig, 0, 7); // one stays, so that broker 1 can be heard
  expect_grant (&rig, 1, 1);
  offer (&rig, 0);
  report (&rig, 0, 99);
  cr_assert (rig_quiet (&rig, 0) && rig_quiet (&rig, 1));

  // Calls come to broker 1: from now on what ends at broker 0 is given on, until both have the same.
  offer (&rig, 1);
  report (&rig, 1, 50);
  cr_assert (rig_quiet (&rig, 1));
  for (unsigned share = 2; share <= CREDIT / 2; share++) {
    end_first (&rig, &served);
    expect_grant (&rig, 0, CREDIT - share); // before the outcome: the broker offers no other call for it
    rig_expect (&rig, 0, TROUPE_CMD_SETTLE);
    expect_grant (&rig, 1, share);
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
  expect_grant (&rig, 0, 7);
  rig_disconnect (&rig, 0);
  rig_skip (&rig, 1);
  rig_pass (&rig, 20, 2);
  rig_welcome (&rig, 0);
  rig_expect (&rig, 0, TROUPE_CMD_REGISTER);
  cr_assert (eq (ulong, rig.header.credit, 4));
  expect_grant (&rig, 1, 4);
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_HEARTBEAT);
  troupe_header_set_service (&header, troupe_text ("tool/other"));
  troupe_header_set_queue (&header, 1);
  rig_say (&rig, 0, &header, NULL);
  cr_assert (eq (ulong, node_core_counter (rig.core, NODE_COUNT_FRAMES_UNEXPECTED), 1));
  rig_close (&rig);
}

// SPDX-License-Identifier: Apache-2.0
//
// The table and the timers, against plain arrays.

#include "node/table.h"
#include "node/timers.h"
#include "troupe/loop.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

enum { THINGS = 500, STEPS = 20000 };

typedef struct {
  troupe_id_t id;
  bool in;
} thing_t;

Test (containers, the_table_agrees_with_an_array)
{
  static thing_t things[THINGS];
  node_table_t table;
  unsigned seed = 12345;
  size_t count = 0;
  node_table_init (&table, 99);
  for (int i = 0; i < THINGS; i++)
    memcpy (things[i].id.bytes, &i, sizeof i);
  for (int step = 0; step < STEPS; step++) {
    thing_t *thing = &things[rand_r (&seed) % THINGS];
    cr_assert (eq (ptr, node_table_find (&table, &thing->id), thing->in ? thing : NULL));
    if (thing->in)
      node_table_remove (&table, &thing->id);
    else
      cr_assert (eq (int, node_table_put (&table, &thing->id, thing), TROUPE_OK));
    thing->in = !thing->in;
    count += thing->in ? 1 : (size_t)-1;
    cr_assert (eq (sz, table.count, count));
  }
  for (int i = 0; i < THINGS; i++)
    cr_assert (eq (ptr, node_table_find (&table, &things[i].id), things[i].in ? &things[i] : NULL));
  node_table_close (&table);
}

Test (containers, removing_what_is_not_there_changes_nothing)
{
  node_table_t table;
  thing_t thing = {.id = {{1}}}, other = {.id = {{2}}};
  node_table_init (&table, 0);
  node_table_remove (&table, &thing.id);
  cr_assert_null (node_table_find (&table, &thing.id));
  cr_assert (eq (int, node_table_put (&table, &thing.id, &thing), TROUPE_OK));
  node_table_remove (&table, &other.id);
  cr_assert (eq (ptr, node_table_find (&table, &thing.id), &thing));
  node_table_close (&table);
}

typedef struct {
  node_timer_t timer;
  bool fired;
} alarm_t;

static int64_t last_fired;

static void
ring (node_timer_t *timer)
{
  alarm_t *alarm = (alarm_t *)(void *)timer;
  cr_assert (not(alarm->fired));
  cr_assert (ge (long, timer->due, last_fired));
  last_fired = timer->due;
  alarm->fired = true;
}

Test (containers, timers_fire_in_order_and_once)
{
  static alarm_t alarms[THINGS];
  node_timers_t timers = {0};
  unsigned seed = 54321;
  for (int i = 0; i < THINGS; i++) {
    alarms[i].timer.fire = ring;
    cr_assert (eq (int, node_timers_reserve (&timers), TROUPE_OK));
  }
  for (int step = 0; step < STEPS; step++) {
    alarm_t *alarm = &alarms[rand_r (&seed) % THINGS];
    if (rand_r (&seed) % 3 == 0)
      node_timers_stop (&timers, &alarm->timer);
    else
      node_timers_set (&timers, &alarm->timer, rand_r (&seed) % 1000);
  }
  for (int64_t now = 0; now < 1000; now += 7) {
    node_timers_run (&timers, now);
    cr_assert (node_timers_due (&timers) == TROUPE_LOOP_NEVER || node_timers_due (&timers) > now);
    for (int i = 0; i < THINGS; i++)
      cr_assert (alarms[i].timer.slot == 0 || alarms[i].timer.due > now);
  }
  for (int i = 0; i < THINGS; i++)
    node_timers_release (&timers, &alarms[i].timer);
  cr_assert (eq (long, node_timers_due (&timers), TROUPE_LOOP_NEVER));
  node_timers_close (&timers);
}

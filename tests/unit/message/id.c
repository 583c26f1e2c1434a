// SPDX-License-Identifier: Apache-2.0
//
// Ids: of version 7, in order, unique across threads, and as text.

#include "troupe/id.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

Test (id, is_a_uuid_of_version_7_made_now)
{
  uint64_t before = (uint64_t)time (NULL) * 1000;
  troupe_id_t id = troupe_id_new ();
  uint64_t made = 0;
  for (int i = 0; i < 6; i++)
    made = made << 8 | id.bytes[i];
  cr_assert (ge (u64, made, before));
  cr_assert (le (u64, made, before + 60 * 1000));
  cr_assert (eq (int, id.bytes[6] >> 4, 7));
  cr_assert (eq (int, id.bytes[8] >> 6, 2));
}

Test (id, each_is_greater_than_the_one_before)
{
  troupe_id_t last = troupe_id_new ();
  for (int i = 0; i < 100000; i++) { // many more than one millisecond's counter holds
    troupe_id_t next = troupe_id_new ();
    cr_assert (gt (int, memcmp (next.bytes, last.bytes, TROUPE_ID_SIZE), 0), "id %d", i);
    last = next;
  }
}

enum { THREADS = 4, IDS = 5000 };
static troupe_id_t made[THREADS][IDS];

static void *
make_ids (void *out)
{
  troupe_id_t *ids = out;
  for (int i = 0; i < IDS; i++)
    ids[i] = troupe_id_new ();
  return NULL;
}

// The random half: parent and child count on from the same moment.
Test (id, a_forked_child_makes_others)
{
  enum { COUNT = 100 };
  troupe_id_t parents[COUNT], childs[COUNT];
  int ends[2];
  troupe_id_new ();
  cr_assert (eq (int, pipe (ends), 0));
  pid_t child = fork ();
  if (child == 0) {
    for (int i = 0; i < COUNT; i++)
      childs[i] = troupe_id_new ();
    _exit (write (ends[1], childs, sizeof childs) == (ssize_t)sizeof childs ? 0 : 1);
  }
  cr_assert (gt (int, child, 0));
  for (int i = 0; i < COUNT; i++)
    parents[i] = troupe_id_new ();
  int status = 0;
  cr_assert (eq (int, waitpid (child, &status, 0), child));
  cr_assert (eq (int, status, 0));
  cr_assert (eq (int, read (ends[0], childs, sizeof childs) == (ssize_t)sizeof childs, 1));
  for (int i = 0; i < COUNT; i++)
    for (int k = 0; k < COUNT; k++)
      cr_assert (ne (int, memcmp (parents[i].bytes + 8, childs[k].bytes + 8, 8), 0), "%d and %d", i, k);
  close (ends[0]);
  close (ends[1]);
}

static int
compare (const void *a, const void *b)
{
  return memcmp (a, b, TROUPE_ID_SIZE);
}

Test (id, threads_never_make_the_same)
{
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    cr_assert (eq (int, pthread_create (&threads[i], NULL, make_ids, made[i]), 0));
  for (int i = 0; i < THREADS; i++)
    pthread_join (threads[i], NULL);
  troupe_id_t *all = made[0];
  qsort (all, THREADS * IDS, sizeof *all, compare);
  for (size_t i = 1; i < THREADS * IDS; i++)
    cr_assert (lt (int, memcmp (all[i - 1].bytes, all[i].bytes, 8), 0), "differ without their random bits");
}

Test (id, text_there_and_back)
{
  for (int i = 0; i < 1000; i++) {
    troupe_id_t id = troupe_id_new (), back;
    char text[TROUPE_ID_TEXT_SIZE];
    troupe_id_to_text (&id, text);
    cr_assert (eq (sz, strlen (text), 36));
    cr_assert (troupe_id_of_text (&back, text));
    cr_assert (troupe_id_equal (&id, &back));
  }
}

Test (id, reads_the_example_of_the_rfc)
{
  static const uint8_t bytes[] = {0x01, 0x7F, 0x22, 0xE2, 0x79, 0xB0, 0x7C, 0xC3,
                                  0x98, 0xC4, 0xDC, 0x0C, 0x0C, 0x07, 0x39, 0x8F};
  troupe_id_t id;
  cr_assert (troupe_id_of_text (&id, "017F22E2-79B0-7CC3-98C4-DC0C0C07398F"));
  cr_assert (eq (int, memcmp (id.bytes, bytes, sizeof bytes), 0));
  char text[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&id, text);
  cr_assert_str_eq (text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

Test (id, refuses_what_is_no_id)
{
  static const char *const wrong[] = {
    "",
    "017f22e2",
    "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
    "017f22e2-79b0-7cc3-98c4-dc0c0c07398ff",
    "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
    "017f22e279b0-7cc3-98c4-dc0c0c07398f0",
    "017f22e2_79b0_7cc3_98c4_dc0c0c07398f",
    "{17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    "017f22e2-79b0-7cc3-98c4-dc0c0c07398\xC3",
    "017f22e2-79b0-7cc3-98c4-",
  };
  troupe_id_t id = {{7}};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    cr_assert (not(troupe_id_of_text (&id, wrong[i])), "%s", wrong[i]);
  cr_assert (eq (int, id.bytes[0], 7), "left alone");
}

Test (id, zero)
{
  troupe_id_t zero = {{0}}, other = troupe_id_new ();
  cr_assert (troupe_id_is_zero (&zero));
  cr_assert (not(troupe_id_is_zero (&other)));
  cr_assert (not(troupe_id_equal (&zero, &other)));
}

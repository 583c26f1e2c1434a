// SPDX-License-Identifier: Apache-2.0
//
// Buffers: what they hold, and that the last reference, on whichever thread, frees once.

#include "troupe/buffer.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

Test (buffer, copies_its_bytes)
{
  char bytes[] = "curtain";
  troupe_buffer_t *buffer = NULL;
  cr_assert (eq (int, troupe_buffer_new (&buffer, bytes, sizeof bytes), TROUPE_OK));
  bytes[0] = 'X';
  cr_assert (eq (sz, troupe_buffer_size (buffer), sizeof bytes));
  cr_assert (eq (int, memcmp (troupe_buffer_data (buffer), "curtain", sizeof bytes), 0));
  troupe_buffer_unref (&buffer);
  cr_assert (eq (ptr, buffer, NULL));
}

Test (buffer, may_be_empty)
{
  troupe_buffer_t *buffer = NULL;
  cr_assert (eq (int, troupe_buffer_new (&buffer, NULL, 0), TROUPE_OK));
  cr_assert (eq (sz, troupe_buffer_size (buffer), 0));
  troupe_buffer_unref (&buffer);
}

Test (buffer, none_is_like_an_empty_one)
{
  troupe_buffer_t *none = NULL;
  cr_assert (eq (ptr, (void *)(uintptr_t)troupe_buffer_data (NULL), NULL));
  cr_assert (eq (sz, troupe_buffer_size (NULL), 0));
  cr_assert (eq (ptr, troupe_buffer_ref (NULL), NULL));
  troupe_buffer_unref (&none);
  troupe_buffer_unref (NULL);
}

Test (buffer, refuses_a_size_that_cannot_be)
{
  troupe_buffer_t *buffer = NULL;
  cr_assert (eq (int, troupe_buffer_new (&buffer, "", SIZE_MAX), TROUPE_NO_MEMORY));
  cr_assert (eq (ptr, buffer, NULL));
}

static void
count_free (void *data, void *hint)
{
  free (data);
  ++*(int *)hint;
}

Test (buffer, frees_adopted_bytes_with_the_last_reference)
{
  int freed = 0;
  char *bytes = malloc (16);
  troupe_buffer_t *first = NULL;
  cr_assert (eq (int, troupe_buffer_adopt (&first, bytes, 16, count_free, &freed), TROUPE_OK));
  cr_assert (eq (ptr, (void *)(uintptr_t)troupe_buffer_data (first), bytes));
  troupe_buffer_t *second = troupe_buffer_ref (first);
  troupe_buffer_unref (&first);
  cr_assert (eq (int, freed, 0));
  troupe_buffer_unref (&second);
  cr_assert (eq (int, freed, 1));
}

Test (buffer, is_filled_by_its_maker)
{
  void *bytes = NULL;
  troupe_buffer_t *buffer = NULL;
  cr_assert (eq (int, troupe_buffer_begin (&buffer, 4, &bytes), TROUPE_OK));
  memcpy (bytes, "curt", 4);
  cr_assert (eq (int, troupe_buffer_grow (&buffer, 1000, &bytes), TROUPE_OK));
  memcpy ((char *)bytes + 4, "ain", 4);
  troupe_buffer_finish (buffer, 8);
  cr_assert (eq (sz, troupe_buffer_size (buffer), 8));
  cr_assert (eq (int, memcmp (troupe_buffer_data (buffer), "curtain", 8), 0));
  troupe_buffer_t *same = troupe_buffer_keep (buffer);
  cr_assert (eq (ptr, same, buffer));
  troupe_buffer_unref (&same);
  troupe_buffer_unref (&buffer);
}

typedef struct {
  char bytes[8];
  int *freed;
} keeper_t;

static void
end_keeper (void *data, void *keeper)
{
  keeper_t *self = keeper;
  cr_assert (eq (ptr, data, self->bytes + 1));
  ++*self->freed;
}

Test (buffer, ends_what_keeps_its_bytes_with_the_last_reference)
{
  int freed = 0;
  void *keeper = NULL;
  troupe_buffer_t *buffer = NULL;
  cr_assert (eq (int, troupe_buffer_new_kept (&buffer, sizeof (keeper_t), end_keeper, &keeper), TROUPE_OK));
  *(keeper_t *)keeper = (keeper_t){"curtain", &freed};
  troupe_buffer_point (buffer, ((keeper_t *)keeper)->bytes + 1, 6);
  cr_assert (eq (ptr, troupe_buffer_keeper (buffer, end_keeper), keeper));
  cr_assert (eq (ptr, troupe_buffer_keeper (buffer, count_free), NULL));
  troupe_buffer_t *copy = troupe_buffer_keep (buffer);
  cr_assert (ne (ptr, copy, buffer));
  cr_assert (eq (ptr, troupe_buffer_keeper (copy, end_keeper), NULL));
  troupe_buffer_unref (&buffer);
  cr_assert (eq (int, freed, 1));
  cr_assert (eq (sz, troupe_buffer_size (copy), 6));
  cr_assert (eq (int, memcmp (troupe_buffer_data (copy), "urtain", 6), 0));
  troupe_buffer_unref (&copy);
  cr_assert (eq (ptr, troupe_buffer_keep (NULL), NULL));
}

enum { THREADS = 4, ROUNDS = 20000 };

static void *
take_and_drop (void *buffer)
{
  for (int i = 0; i < ROUNDS; i++) {
    troupe_buffer_t *mine = troupe_buffer_ref (buffer);
    troupe_buffer_unref (&mine);
  }
  troupe_buffer_t *own = buffer;
  troupe_buffer_unref (&own);
  return NULL;
}

Test (buffer, references_may_be_dropped_on_any_thread)
{
  int freed = 0;
  troupe_buffer_t *buffer = NULL;
  cr_assert (eq (int, troupe_buffer_adopt (&buffer, malloc (1), 1, count_free, &freed), TROUPE_OK));
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    cr_assert (eq (int, pthread_create (&threads[i], NULL, take_and_drop, troupe_buffer_ref (buffer)), 0));
  troupe_buffer_unref (&buffer);
  for (int i = 0; i < THREADS; i++)
    pthread_join (threads[i], NULL);
  cr_assert (eq (int, freed, 1));
}

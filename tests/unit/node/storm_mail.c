// SPDX-License-Identifier: Apache-2.0
//
// The storm's chances and its mail.

#include "storm.h"

#include <stdlib.h>
#include <string.h>

bool
storm_chance (storm_t *self, unsigned of_1000)
{
  return (unsigned)rand_r (&self->random) % 1000 < of_1000;
}

unsigned
storm_pick (storm_t *self, unsigned count)
{
  return (unsigned)rand_r (&self->random) % count;
}

// -- Mail ------------------------------------------------------------------------------------------------------------

void
storm_drop_mail (node_list_t *list)
{
  while (!node_list_empty (list)) {
    mail_t *mail = NODE_OF (list->next, mail_t, place);
    node_list_remove (&mail->place);
    troupe_buffer_unref (&mail->body);
    free (mail);
  }
}

// Perhaps not at all, perhaps twice, perhaps before what was sent earlier.
void
storm_post (storm_t *self, node_list_t *list, const void *header, size_t size, troupe_buffer_t *body)
{
  unsigned copies = storm_chance (self, self->trouble) ? 0 : storm_chance (self, self->trouble) ? 2 : 1;
  for (unsigned i = 0; i < copies; i++) {
    mail_t *mail = calloc (1, sizeof *mail);
    mail->copy = i > 0;
    node_list_init (&mail->place);
    mail->at = self->now + STEP_MS + (storm_chance (self, self->trouble) ? (int64_t)storm_pick (self, 500) : 0);
    mail->header_size = size;
    memcpy (mail->header, header, size);
    mail->body = troupe_buffer_ref (body);
    node_list_append (list, &mail->place);
  }
}

mail_t *
storm_arrived (storm_t *self, node_list_t *list)
{
  for (node_list_t *link = list->next; link != list; link = link->next) {
    mail_t *mail = NODE_OF (link, mail_t, place);
    if (mail->at > self->now)
      continue;
    node_list_remove (&mail->place);
    return mail;
  }
  return NULL;
}

// SPDX-License-Identifier: Apache-2.0
//
// What was said in one hub lately, as far as a subscription has brought it: a bounded piece of the hub's log, in order,
// perhaps with gaps. Whoever hears the hub is told how many entries there are between two positions of the log
// (TROUPE_CMD_OFFER), so that these can be taken from here when all of them are here.
//
// Messages come in any order and more than once; what is here already, or was let go, is left out. Nothing here knows
// of sockets or time.
#ifndef NODE_SAYINGS_H
#define NODE_SAYINGS_H

#include "node/heard.h"
#include "troupe/wire.h"

enum {
  SAYINGS_ENTRIES_MAX = 4096,          // seconds of a hub that is as busy as one gets
  SAYINGS_BYTES_MAX = 4 * 1024 * 1024, // of entries, beside 24 bytes for each
};

typedef struct sayings_page sayings_page_t; // what came as one message

typedef struct {
  uint64_t position;
  sayings_page_t *page;
  uint32_t at, size; // in the page; size 0: it is in the log only
} sayings_entry_t;

typedef struct {
  sayings_entry_t *entries; // a ring, by position
  size_t first, count, capacity;
  size_t bytes;
  size_t named; // entries of size 0
  uint64_t forgotten; // up to here entries were let go, or left out
} sayings_t;

// What is here of a part of the log.
typedef enum {
  SAYINGS_WHOLE,   // all of it
  SAYINGS_MISSING, // not all: more may be on its way
  SAYINGS_NEVER    // some of it will not come
} sayings_look_t;

void sayings_init (sayings_t *self);
void sayings_clear (sayings_t *self);
// Takes the entries of a SAID; the oldest ones go when there are too many. *left_out: how many entries were dropped by
// that, or not taken. bad_frame (its sizes and its body don't fit), no_memory: none is taken.
troupe_err_t sayings_take (sayings_t *self, const troupe_header_t *header, troupe_buffer_t *body, size_t *left_out);
// Of the entries behind `since` up to `position`, of which the log has `entries`.
sayings_look_t sayings_look (const sayings_t *self, uint64_t since, uint64_t position, size_t entries);
// Adds these entries in order, but for those that `service` said. As heard_add.
troupe_err_t sayings_read (const sayings_t *self, uint64_t since, uint64_t position, const char *service,
                           troupe_heard_t *heard);
// Lets all go up to this position.
void sayings_forget (sayings_t *self, uint64_t position);
// The same, and takes none of them any more. How many there were.
size_t sayings_distrust (sayings_t *self, uint64_t position);

#endif

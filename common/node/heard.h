// SPDX-License-Identifier: Apache-2.0
//
// The making of what was heard (troupe/heard.h).
#ifndef NODE_HEARD_H
#define NODE_HEARD_H

#include "troupe/buffer.h"
#include "troupe/heard.h"

troupe_err_t heard_new (troupe_heard_t **out);
// Adds a value that lies in a buffer, which is kept. bad_message (and the like): it is none. no_memory.
troupe_err_t heard_add (troupe_heard_t *self, troupe_buffer_t *body, size_t at, size_t size, troupe_error_t *error);
// Adds the items of the list that a buffer holds. As above; nothing is added then.
troupe_err_t heard_add_list (troupe_heard_t *self, troupe_buffer_t *body, troupe_error_t *error);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// How many bytes wait for each connection, and for all, because peers haven't read them. libzmq bounds only how many
// messages wait; bodies may have megabytes each. So large frames are counted when they are handed to libzmq, and
// discounted when that has done with them: they were written, or their connection is gone. Small ones aren't worth it:
// their number bounds them.
//
// For all there is a limit as well. Half of it is for whoever comes first, so that one slow peer has its own limit. The
// other half is for those who wait for little: for one message, or less than their share of that half.
//
// Thread rule: one thread's; libzmq's thread discounts.
#ifndef BROKER_UNREAD_H
#define BROKER_UNREAD_H

#include "broker/core.h"

#include "troupe/socket.h"

enum { UNREAD_LEAST = 4 * 1024 }; // bytes of a frame that is counted: ten thousand smaller ones are 40 MiB at most

typedef struct unread unread_t;

// no_memory. `limit`: bytes of one connection from which on nothing more is admitted; `total`: of all; 0: there is none.
troupe_err_t unread_new (unread_t **out, size_t limit, size_t total);
// What libzmq still holds stays counted, and harms nobody.
void unread_destroy (unread_t **self_p);

// As troupe_socket_prepare and troupe_socket_prepare_whole, for a connection of a ROUTER's; EAGAIN: the limit waits for it,
// or more. So what waits is less than that and one message. EDQUOT: it would be more than all may have, or the share of
// one.
int unread_prepare (unread_t *self, broker_connection_t to, troupe_socket_message_t *out, const void *route,
                    size_t route_size, const void *header, size_t header_size, troupe_buffer_t *body);
int unread_prepare_whole (unread_t *self, broker_connection_t to, troupe_socket_message_t *out, const void *route,
                          size_t route_size, const void *frame, size_t size);
// Forgets connections for which nothing waits, now and then, and sees for which one most does.
void unread_tidy (unread_t *self, int64_t now);
// How much waits for that one, as it was then; and for all, now.
size_t unread_most (const unread_t *self);
size_t unread_total (const unread_t *self);

#endif

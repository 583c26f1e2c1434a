// SPDX-License-Identifier: Apache-2.0
//
// How many bytes wait for each connection, and for all, because peers haven't read them. libzmq bounds only how many
// messages wait; bodies may have megabytes each. So large frames are counted when they are handed to libzmq, and
// discounted when that has done with them: they were written, or their connection is gone. Small ones aren't worth it:
// their number bounds them.
//
// For all there is a limit as well. When it is reached, somebody has to be given up for the others: whoever took nothing
// for longest, and of several the one for which most waits. So somebody who reads goes on, as long as one doesn't.
//
// Thread rule: one thread's; libzmq's thread discounts.
#ifndef BROKER_UNREAD_H
#define BROKER_UNREAD_H

#include "broker/core.h"
#include "broker/line.h"

#include "troupe/socket.h"

enum { UNREAD_LEAST = 4 * 1024 }; // bytes of a frame that is counted: ten thousand smaller ones are 40 MiB at most

typedef struct unread unread_t;

// no_memory. `limit`: bytes of one connection from which on nothing more is admitted; `total`: of all; 0: there is none.
troupe_err_t unread_new (unread_t **out, size_t limit, size_t total);
// What libzmq still holds stays counted, and harms nobody.
void unread_destroy (unread_t **self_p);

// Whether a frame of `size` bytes may wait for a connection of a ROUTER's; `line`: its own, NULL: not known. 0: it may;
// EAGAIN: the limit waits for it, or more (so what waits is less than that and one message); EDQUOT: it would be more
// than all may have, unless unread_worst is given up; ENOBUFS: the same, and giving up helps nobody, since libzmq still
// holds as much of those who were, or the frame alone is more; ENOMEM.
int unread_admit (unread_t *self, broker_connection_t to, const broker_line_t *line, size_t size);
// Who is to be given up first; 0: nothing waits for anybody.
broker_connection_t unread_worst (const unread_t *self);
// Cuts the connection's line, if something was admitted to it, and counts what waits for it no more among what all have.
void unread_give_up (unread_t *self, broker_connection_t connection);

// As troupe_socket_prepare and troupe_socket_prepare_whole, of frames that were admitted.
int unread_prepare (unread_t *self, broker_connection_t to, troupe_socket_message_t *out, const void *route,
                    size_t route_size, const void *header, size_t header_size, troupe_buffer_t *body);
int unread_prepare_whole (unread_t *self, broker_connection_t to, troupe_socket_message_t *out, const void *route,
                          size_t route_size, const void *frame, size_t size);
// Now and then: forgets connections for which nothing waits, and sees who reads, and for whom most waits.
void unread_tidy (unread_t *self, int64_t now);
// How much waits for that one, as it was then; and for all, now, with those that were given up a moment ago.
size_t unread_most (const unread_t *self);
size_t unread_total (const unread_t *self);

#endif

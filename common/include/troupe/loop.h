// SPDX-License-Identifier: Apache-2.0
//
// The event loop: one per process, on one thread, for its sockets and its timers.
//
// A component of a program (the edge of a node, of a broker, a Redis connection ...) adds what it reads from (ZeroMQ
// sockets or file descriptors) and one `prepare` function. Before every wait the loop calls each prepare function,
// which does what is due, flushes what has gathered, and returns when it wants to be called again at the latest.
// That is all there is to timers: a component keeps its own, and many commands that arise in one turn leave in
// one write.
//
// Other threads reach the loop only by troupe_loop_post.
//
//   troupe_loop_t *loop;
//   troupe_loop_new (&loop);
//   troupe_loop_add_socket (loop, socket, on_message, self);
//   troupe_loop_add_prepare (loop, prepare, self);
//   troupe_loop_run (loop);      // until troupe_loop_stop
//
// A ZeroMQ socket's function must read until EAGAIN or a bound of its own; the loop is level-triggered and comes
// back. Functions may add and remove sources, also their own.
#ifndef TROUPE_LOOP_H
#define TROUPE_LOOP_H

#include "troupe/error.h"

#include <stdint.h>

typedef struct troupe_loop troupe_loop_t;

enum { TROUPE_LOOP_NEVER = -1 };

typedef void (troupe_loop_ready_fn) (void *context, short events); // ZMQ_POLLIN, ZMQ_POLLOUT, ZMQ_POLLERR
// Does what is due at `now_ms`; returns the time (on the same clock) at which to be called at the latest, or
// TROUPE_LOOP_NEVER. A time that has passed means: don't wait.
typedef int64_t (troupe_loop_prepare_fn) (void *context, int64_t now_ms);
typedef void (troupe_loop_post_fn) (void *context);

troupe_err_t troupe_loop_new (troupe_loop_t **out);
// What was posted and not run is dropped; sources aren't closed.
void troupe_loop_destroy (troupe_loop_t **self_p);

// Milliseconds of the monotonic clock. All of Troupe's timing but timestamps is on this clock.
int64_t troupe_loop_now (void);

troupe_err_t troupe_loop_add_socket (troupe_loop_t *self, void *zmq_socket, troupe_loop_ready_fn *ready, void *context);
// The same, cheaper, for a socket that nothing but `ready` is called with from now on, and that is only received from
// (a SUB, a monitor): the loop needn't look at it before each wait.
troupe_err_t troupe_loop_add_receiver (troupe_loop_t *self, void *zmq_socket, troupe_loop_ready_fn *ready,
                                       void *context);
// To be called after something else was done with a receiver, such as a send: the loop looks at it before the next
// wait.
void troupe_loop_look_at (troupe_loop_t *self, void *zmq_socket);
void troupe_loop_remove_socket (troupe_loop_t *self, void *zmq_socket);
// Watches `fd` for `events`; for an fd that is watched already, changes the events (0: keep it, watch nothing).
troupe_err_t troupe_loop_add_fd (troupe_loop_t *self, int fd, short events, troupe_loop_ready_fn *ready, void *context);
void troupe_loop_remove_fd (troupe_loop_t *self, int fd);
troupe_err_t troupe_loop_add_prepare (troupe_loop_t *self, troupe_loop_prepare_fn *prepare, void *context);
void troupe_loop_remove_prepare (troupe_loop_t *self, troupe_loop_prepare_fn *prepare, void *context);
// Every prepare function is called again before the loop waits. For a component whose functions others call, perhaps
// from their own prepare function after its own has run: without this, what they queued would stay until the next
// event.
void troupe_loop_again (troupe_loop_t *self);

// Runs `fn (context)` on the loop's thread, in the order posted. The only function here that any thread may call.
// no_memory, overloaded (a million wait): it was not posted.
troupe_err_t troupe_loop_post (troupe_loop_t *self, troupe_loop_post_fn *fn, void *context);

// Calls `fn` on the loop when the process gets one of these signals (at most one such set per process; the signals
// are blocked and read by signalfd, so start this before any thread; children that this process starts inherit the
// block: posix_spawnattr_setsigmask). conflict: this loop has a set already. bad_argument, io, no_memory.
typedef void (troupe_loop_signal_fn) (void *context, int signal);
troupe_err_t troupe_loop_on_signals (troupe_loop_t *self, const int *signals, size_t count, troupe_loop_signal_fn *fn,
                                     void *context);

// Runs until troupe_loop_stop. A stop asked for before the run ends it at once.
troupe_err_t troupe_loop_run (troupe_loop_t *self);
// One turn: prepare, wait (at most `timeout_ms`, -1 for no bound of its own), dispatch. bad_argument: called from a
// function that the loop called.
troupe_err_t troupe_loop_turn (troupe_loop_t *self, int64_t timeout_ms);
void troupe_loop_stop (troupe_loop_t *self);
// Whether a stop was asked for that no run has ended by: whoever takes turns himself should end too.
bool troupe_loop_stopping (const troupe_loop_t *self);

#endif

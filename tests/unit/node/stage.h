// SPDX-License-Identifier: Apache-2.0
//
// A node over real sockets. The test is the broker: a ROUTER and an XPUB on ipc in a folder of its own, turned by hand
// between turns of the node's loop.
#ifndef UNIT_NODE_STAGE_H
#define UNIT_NODE_STAGE_H

#include "rig.h"

#include "troupe/run.h"
#include "troupe/socket.h"

enum { STAGE_PATIENCE_MS = 10 * 1000 };

typedef struct {
  char folder[32], endpoint[64], publish[64];
  void *zmq, *router, *xpub;
  troupe_loop_t *loop;
  troupe_node_t *node;
  probe_t probe;
  // The message that was read last.
  unsigned char route[32], bytes[TROUPE_FRAME_SIZE_MAX];
  size_t route_size;
  troupe_header_t header;
  troupe_buffer_t *body;
  bool more; // frames of what was received last are left
  // The frame that was received last, if it holds whole messages: what is left of it, and how many weren't.
  bool running;
  zmq_msg_t frame;
  troupe_run_reader_t run;
  unsigned place;
  unsigned minor; // version of the protocol that the broker speaks
} stage_t;

void stage_open (stage_t *self);
void stage_close (stage_t *self);
void stage_open_broker (stage_t *self);
void stage_close_broker (stage_t *self);
// A turn of the node's loop, of a few milliseconds at most.
void stage_turn (stage_t *self);
// Waits for the next message but heartbeats, which must be of `command`.
void stage_expect (stage_t *self, troupe_command_t command);
// Says it to whom the last message came from; by the XPUB, to who hears of events. `json` is given up; NULL: no body.
void stage_say (stage_t *self, void *socket, const troupe_header_t *header, json_t *json);
// The answer to hello, which is waited for.
void stage_welcome (stage_t *self);
// Turn until so many brokers are up, or the probe's counter has that value.
void stage_wait_up (stage_t *self, unsigned up);
void stage_wait_for (stage_t *self, const unsigned *counter, unsigned value);
// The node calls with a text; the broker settles a call. `value` is given up.
troupe_placeholder_t *stage_call (stage_t *self, const char *service, const char *input);
void stage_settle (stage_t *self, const troupe_id_t *id, json_t *value);

#endif

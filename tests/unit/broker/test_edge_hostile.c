// SPDX-License-Identifier: Apache-2.0
//
// Bytes that aren't our protocol, and peers that don't keep to it.

#include "edge_rig.h"

TestSuite (edge_hostile, .init = edge_rig_open, .fini = edge_rig_close, .timeout = 120);

Test (edge_hostile, what_is_wrong_is_refused_and_harms_nobody)
{
  edge_peer_t caller = edge_peer_join ("caller"), hostile = edge_peer_connect (edge_rig.endpoint, ZMQ_DEALER);
  zmq_send (hostile.socket, "\xff\xff", 2, ZMQ_DONTWAIT); // one frame
  edge_peer_receive (&hostile, TROUPE_CMD_REFUSED);
  cr_expect_eq (edge_peer_error (&hostile), TROUPE_BAD_FRAME);
  for (int i = 0; i < 3; i++)
    zmq_send (hostile.socket, "x", 1, ZMQ_DONTWAIT | (i < 2 ? ZMQ_SNDMORE : 0));
  edge_peer_receive (&hostile, TROUPE_CMD_REFUSED);           // two frames
  edge_peer_receive (&hostile, TROUPE_CMD_REFUSED);           // and one that lacks its body's
  zmq_send (hostile.socket, "\xC4\x05\x94", 3, ZMQ_DONTWAIT); // a run that is cut off
  edge_peer_receive (&hostile, TROUPE_CMD_REFUSED);
  cr_expect_eq (edge_peer_error (&hostile), TROUPE_BAD_FRAME);
  static const uint8_t later[] = {0x93, TROUPE_PROTOCOL_VERSION + 1, TROUPE_CMD_HELLO, 0x80};
  zmq_send (hostile.socket, later, sizeof later, ZMQ_DONTWAIT | ZMQ_SNDMORE);
  zmq_send (hostile.socket, "", 0, ZMQ_DONTWAIT);
  edge_peer_receive (&hostile, TROUPE_CMD_REFUSED);
  cr_expect_eq (edge_peer_error (&hostile), TROUPE_VERSION_MISMATCH);
  cr_expect_eq (hostile.header.of, TROUPE_CMD_HELLO);

  troupe_id_t id = troupe_id_new ();
  edge_peer_call (&caller, &id, "tool/none", "input", 5);
  edge_peer_receive (&caller, TROUPE_CMD_REFUSED);
  cr_expect_eq (edge_peer_error (&caller), TROUPE_UNKNOWN_SERVICE);
  size_t size = 17 * 1024 * 1024;
  char *large = calloc (1, size);
  edge_peer_call (&caller, &id, "tool/none", large, size);
  edge_peer_receive (&caller, TROUPE_CMD_REFUSED);
  cr_expect_eq (edge_peer_error (&caller), TROUPE_TOO_LARGE);
  free (large);
  edge_peer_call (&hostile, &id, "tool/none", "x", 1); // without hello
  edge_peer_receive (&hostile, TROUPE_CMD_RESET);
  edge_peer_leave (&caller);
  edge_peer_leave (&hostile);
}

Test (edge_hostile, a_peer_that_names_itself_is_told_not_to)
{
  edge_peer_t named = edge_peer_connect_as (edge_rig.endpoint, ZMQ_DEALER, "alice");
  edge_peer_say_hello (&named, "alice");
  edge_peer_receive (&named, TROUPE_CMD_REFUSED);
  cr_expect_eq (edge_peer_error (&named), TROUPE_BAD_FRAME);
  edge_peer_leave (&named);
}

// SPDX-License-Identifier: Apache-2.0
//
// A command that starts a mesh for itself, when that doesn't come up.

#include "blackbox/harness/place.h"
#include "blackbox/harness/process.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

TestSuite (starting, .init = place_enter, .fini = place_leave);

// All of them need a mesh, and the first one runs it for all.
Test (starting, several_at_once_share_one_mesh)
{
  enum { COUNT = 4 };
  process_t *chats[COUNT];
  place_write ("troupe.yaml", "models:\n  talker: { type: rehearsal }\nagents:\n  alice: { model: talker }\n");
  for (int i = 0; i < COUNT; i++)
    chats[i] = process_run ("troupe", "chat");
  for (int i = 0; i < COUNT; i++)
    process_send (chats[i], "Hello\n");
  for (int i = 0; i < COUNT; i++)
    process_expect (chats[i], "rehearsal");
  for (int i = 0; i < COUNT; i++) {
    process_close_input (chats[i]);
    process_expect_exit (chats[i], 0);
    cr_expect (!text_matches (process_errors (chats[i]), "conflict|unavailable"), "%s", process_errors (chats[i]));
    process_destroy (&chats[i]);
  }
  place_expect_empty ();
}

Test (starting, it_says_what_it_waits_for_and_leaves_nothing)
{
  char yaml[256];
  snprintf (yaml, sizeof yaml,
            "mesh: office\nstore: { url: 'redis://127.0.0.1:%d' }\n"
            "models:\n  talker: { type: rehearsal }\nagents:\n  alice: { model: talker }\n",
            place_free_port ());
  place_write ("troupe.yaml", yaml);
  place_write ("print.lua", "print 'said'\n");
  process_t *run = process_run ("troupe", "run", "print.lua");
  process_expect_error (run, "^starting mesh office\nwaiting for broker-1; see .troupe/office/log\n");
  process_signal (run, SIGINT);
  process_wait (run);
  process_destroy (&run);
  place_await_empty ();
}

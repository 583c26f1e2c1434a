// SPDX-License-Identifier: Apache-2.0
//
// Sessions are the store's: a broker keeps nothing of one but the calls that it holds, and hears of each that the end
// of its session cancels as of any other that somebody else ended. Of volatile calls the store knows nothing, so each
// broker is told by whoever ends the session, and cancels those that it holds (unstored.c).
//
// Ending one may take the store several steps, and so may finding out that there is none, when very many calls are open
// (then nothing has begun); the next one is asked for when the one before is done. Should this
// broker go away meanwhile, the sweeps of any broker go on with it, and whoever asked may ask again. Idle sessions are
// ended by sweeps alone (recovery.c).

#include "broker/sessions.h"

#include "broker/unstored.h"

bool
sessions_tell (broker_core_t *core, inquiry_t *self, const ledger_result_t *result)
{
  bool known = result->outcome == LEDGER_OK;
  if (!known && result->outcome != LEDGER_UNKNOWN) {
    inquiry_refuse_unanswered (core, self, result);
    return false;
  }
  self->position = known ? result->position : 0;
  self->begun = self->begun || (known && self->position == 0);
  if (known && result->more)
    return true;
  size_t unstored = unstored_end_session (core, self->session);
  bool ended = self->begun || unstored > 0; // what a sweep finished meanwhile has been ended, too
  core->counters[BROKER_COUNT_SESSIONS_ENDED] += known;
  inquiry_report (core, self, json_pack ("{s:s, s:b}", "session", self->session, "ended", ended));
  return false;
}

void
sessions_on_end (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body)
{
  char session[128 + 1];
  bool only_unstored = troupe_header_has (header, TROUPE_F (FLAGS)) && (header->flags & TROUPE_FLAG_VOLATILE) != 0;
  if (!only_unstored) {
    inquiry_on_request (core, peer, header, body);
    return;
  }
  const inquiry_t self = {.from = peer->connection, .of = TROUPE_CMD_END, .request = header->request};
  snprintf (session, sizeof session, "%.*s", (int)header->session.size, header->session.data);
  size_t ended = unstored_end_session (core, session);
  inquiry_report (core, &self, json_pack ("{s:s, s:b}", "session", session, "ended", (int)(ended > 0)));
}

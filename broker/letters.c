// SPDX-License-Identifier: Apache-2.0
//
// Dead letters are the store's. One that is sent again makes a call like any other, which has an id that whoever asked
// has chosen: so asking twice makes one call.

#include "broker/letters.h"

#include "broker/answer.h"
#include "broker/recovery.h"

static void
refuse (broker_core_t *core, const inquiry_t *self, const ledger_result_t *result)
{
  troupe_error_t error = {0};
  char id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (&self->call, id);
  if (result->outcome == LEDGER_UNKNOWN)
    troupe_error_set (&error, TROUPE_NOT_FOUND, id, "see `troupe dead list`",
                      "there is no such dead letter (any more)");
  else if (result->outcome == LEDGER_STALE)
    troupe_error_set (&error, TROUPE_UNKNOWN_CALL, id, "make the call again with what its inputs were",
                      "a result that the call needs as an input has expired");
  else if (result->outcome == LEDGER_OVERLOADED)
    troupe_error_set (&error, TROUPE_OVERLOADED, id, "try again later", "%s",
                      result->why != NULL ? result->why : "too many calls wait for this actor (limits.mailbox)");
  else
    answer_store_failed (core, result, &error);
  inquiry_refuse (core, self, &error);
}

static void
show (broker_core_t *core, const inquiry_t *self, const ledger_result_t *result)
{
  json_t *both = NULL;
  troupe_value_unpack (troupe_buffer_data (result->body), troupe_buffer_size (result->body), &both, NULL);
  json_t *shown = json_pack ("{s:O, s:O}", "letter", json_array_get (both, 0), "input", json_array_get (both, 1));
  json_decref (both);
  inquiry_report (core, self, shown);
}

// The call is this broker's to offer when its turn has come; else a notice will bring it.
static void
resent (broker_core_t *core, const inquiry_t *self, const ledger_result_t *result)
{
  char id[TROUPE_ID_TEXT_SIZE];
  core->counters[BROKER_COUNT_LETTERS_RESENT]++;
  core->counters[BROKER_COUNT_CALLS_ACCEPTED]++;
  if (result->calls_count > 0 && result->calls[0].ready)
    recovery_begin (core, &result->calls[0]);
  troupe_id_to_text (&self->again, id);
  inquiry_report (core, self, json_pack ("{s:s, s:s}", "call", id, "session", self->session));
}

bool
letters_tell (broker_core_t *core, inquiry_t *self, const ledger_result_t *result)
{
  if (result->outcome != LEDGER_OK) {
    refuse (core, self, result);
  } else if (self->of == TROUPE_CMD_LETTER) {
    show (core, self, result);
  } else if (self->of == TROUPE_CMD_RESEND) {
    resent (core, self, result);
  } else {
    core->counters[BROKER_COUNT_LETTERS_DISCARDED]++;
    inquiry_report (core, self, json_object ());
  }
  return false;
}

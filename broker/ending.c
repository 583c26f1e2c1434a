// SPDX-License-Identifier: Apache-2.0
//
// Ends that are not the instance's (cancelled, deadline, too many deaths), and what is told to whom when a call has
// settled, whoever did it.

#include "broker/ending.h"

#include "broker/answer.h"
#include "broker/asking.h"
#include "broker/awaiting.h"
#include "broker/calls.h"
#include "broker/peers.h"
#include "broker/placement.h"
#include "broker/settling.h"

// -- Outcomes --------------------------------------------------------------------------------------------------------

void
ending_clear_outcome (broker_core_t *core, call_t *call)
{
  core->outcome_bytes -= call->outcome.counted;
  troupe_buffer_unref (&call->outcome.body);
  troupe_buffer_unref (&call->outcome.value);
  free (call->outcome.sizes);
  troupe_identity_unref (&call->outcome.by);
  call->outcome = (outcome_t){0};
}

void
ending_stop_offering (broker_core_t *core, call_t *call)
{
  if (call->phase == CALL_PLACED)
    placement_leave (core, call);
  else if (call->phase == CALL_QUEUED)
    placement_withdraw (call);
  else if (call->phase == CALL_ORPHAN)
    list_remove (&call->in_phase);
  if (call->phase == CALL_ORPHAN || call->phase == CALL_RETRYING)
    call->phase = CALL_STORED;
}

void
ending_refuse_outcome (broker_core_t *core, call_t *call, const troupe_error_t *error)
{
  if (call->outcome.from != 0) {
    troupe_header_t about;
    troupe_header_init (&about, TROUPE_CMD_SETTLE);
    troupe_header_set_call (&about, &call->id);
    troupe_header_set_attempt (&about, call->outcome.said);
    core->counters[BROKER_COUNT_SETTLES_REFUSED]++;
    if (peers_find (core, call->outcome.from) != NULL)
      answer_refuse (core, call->outcome.from, TROUPE_CMD_SETTLE, &about, error);
  }
  ending_clear_outcome (core, call);
}

// -- Ends that are not the instance's --------------------------------------------------------------------------------

void
ending_begin (broker_core_t *core, call_t *call, troupe_status_t status, uint32_t attempt, const troupe_error_t *error)
{
  if (call->outcome.status != TROUPE_STATUS_NONE)
    return;
  if (call->phase == CALL_HELD && !call->asking) {
    calls_refuse_callers (core, call, error);
    return;
  }
  call->outcome.status = status;
  call->outcome.attempt = attempt;
  call->outcome.body = answer_error_body (core, error);
  call->outcome.value = troupe_buffer_ref (call->outcome.body);
  call->outcome.retryable = troupe_err_class (error->code) == TROUPE_CLASS_RETRYABLE;
  ending_stop_offering (core, call);
  asking_continue (core, call);
}

void
ending_expire (broker_core_t *core, call_t *call)
{
  troupe_error_t error = {0};
  const char *name = call->service != NULL ? call->service->name : "call";
  if (call->phase == CALL_ACCEPTING && asking_waits (call) && call->in_doubt) {
    // If it was stored, a sweep ends it. Its callers hear nothing, which means that nobody knows; who asks again is
    // told.
    calls_refuse_callers (core, call, NULL);
    return;
  }
  if (call->phase == CALL_ACCEPTING && asking_waits (call)) {
    troupe_error_set (&error, TROUPE_DEADLINE, name, "see whether Redis runs",
                      "the deadline passed while the store was away");
    calls_refuse_callers (core, call, &error);
    return;
  }
  troupe_error_set (&error, TROUPE_DEADLINE, name, "give it more time, or see what holds it up",
                    call->phase == CALL_HELD     ? "no instance of the service came until the deadline"
                    : call->phase == CALL_QUEUED ? "no instance had credit for it until the deadline"
                                                 : "the deadline passed");
  ending_begin (core, call, TROUPE_STATUS_DEADLINE, 0, &error);
}

static void
cancel_call (broker_core_t *core, call_t *call, const char *service, uint32_t under)
{
  troupe_error_t cancelled = {0};
  troupe_error_set (&cancelled, TROUPE_CANCELLED, service, NULL, "its caller cancelled it");
  call->outcome.under = call->outcome.status == TROUPE_STATUS_NONE ? under : call->outcome.under;
  ending_begin (core, call, TROUPE_STATUS_CANCELLED, 0, &cancelled);
}

// A nested call that is stored: the store knows whether the attempt that wants it cancelled is the present one. Until
// it has said so, the call itself goes on.
static troupe_err_t
cancel_nested (broker_core_t *core, const call_t *call, const troupe_header_t *header, troupe_error_t *error)
{
  const char *service = call != NULL && call->service != NULL ? call->service->name : "call";
  call_t *carrier = calls_new_detached (core, &header->call, header->session, error);
  if (carrier == NULL)
    return error->code;
  cancel_call (core, carrier, service, (uint32_t)header->parent);
  return TROUPE_OK;
}

static bool
is_stored (const call_t *call)
{
  return call == NULL || (call->phase != CALL_HELD && call->phase != CALL_ACCEPTING);
}

static troupe_err_t
cancel (broker_core_t *core, const troupe_header_t *header, troupe_error_t *error)
{
  call_t *call = calls_find (core, &header->call);
  bool nested = troupe_header_has (header, TROUPE_F (PARENT));
  bool with_session = troupe_header_has (header, TROUPE_F (SESSION));
  if (call == NULL && !with_session)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "cancel", NULL, "cancel needs the call's session");
  if (call != NULL && with_session && !troupe_text_equal (header->session, call->session))
    return settling_unknown (error);
  if (nested && with_session && is_stored (call) && (call == NULL || !call->unstored))
    return cancel_nested (core, call, header, error);
  if (nested && call != NULL && header->parent < call->parent)
    return TROUPE_OK; // another attempt makes it by now
  if (call == NULL)
    call = calls_new (core, &header->call, header->session, true, error);
  if (call == NULL)
    return error->code;
  cancel_call (core, call, call->service != NULL ? call->service->name : "call", 0);
  return TROUPE_OK;
}

void
ending_on_cancel (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body)
{
  (void)body;
  troupe_error_t error = {0};
  if (cancel (core, header, &error) != TROUPE_OK)
    answer_refuse (core, peer->connection, TROUPE_CMD_CANCEL, header, &error);
}

// -- It has settled --------------------------------------------------------------------------------------------------

void
ending_stop_instance (broker_core_t *core, const call_t *call)
{
  if (call->instance == NULL || call->phase != CALL_RUNNING)
    return;
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_CANCEL);
  troupe_header_set_call (&header, &call->id);
  troupe_header_set_attempt (&header, call->attempt);
  answer_send (core, call->instance->peer->connection, &header, NULL);
}

void
ending_finish (broker_core_t *core, call_t *call, troupe_status_t status, troupe_buffer_t *value)
{
  if (call->outcome.from != 0) { // it brought another outcome than this one
    troupe_error_t error;
    settling_stale (&error);
    ending_refuse_outcome (core, call, &error);
  }
  ending_stop_instance (core, call);
  awaiting_tell_settled (core, call, status, value);
  calls_destroy (core, call);
}

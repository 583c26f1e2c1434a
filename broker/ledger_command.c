// SPDX-License-Identifier: Apache-2.0
//
// Requests to commands. The order of the arguments is what broker/functions/ says at each function.

#include "broker/ledger_command.h"

#include "broker/ledger_accept.h"
#include "broker/ledger_arguments.h"
#include "broker/ledger_library.h"

#include <string.h>

// The body's bytes: the value, then each entry.
static const char *
add_outcome (ledger_command_t *self, const ledger_request_t *request)
{
  if (request->sizes_count > TROUPE_SIZES_MAX)
    return "more memory entries than a reply may have";
  size_t begin = ledger_parts_begin (request);
  if (begin == SIZE_MAX)
    return "the memory entries are said to be larger than the body that holds them";
  ledger_add_bytes (self, troupe_buffer_data (request->body), begin);
  ledger_add_parts (self, request, begin);
  return NULL;
}

static const char *
settle_command (ledger_command_t *self, const ledger_request_t *request, const char *broker)
{
  const char *why = ledger_begin_of_call (self, request, "troupe1_settle");
  ledger_add_text (self, broker);
  ledger_add_number (self, request->attempt);
  ledger_add_number (self, request->status);
  ledger_add_number (self, request->retention_ms);
  ledger_add_text (self, request->retryable ? "1" : "0");
  ledger_add_number (self, (int64_t)request->epoch);
  ledger_add_text (self, request->heard ? "1" : "0");
  ledger_add_number (self, request->under);
  ledger_add_text (self, request->serves != NULL ? request->serves : "");
  const char *why_not = add_outcome (self, request);
  return why != NULL ? why : why_not;
}

static const char *
recall_command (ledger_command_t *self, const ledger_request_t *request)
{
  const char *why = ledger_begin_of_call (self, request, "troupe1_recall");
  ledger_add_number (self, request->attempt);
  ledger_add_number (self, request->from);
  ledger_add_number (self, request->count);
  return why;
}

static const char *
hear_command (ledger_command_t *self, const ledger_request_t *request)
{
  const char *why = ledger_begin_of_call (self, request, "troupe1_hear");
  ledger_add_number (self, request->attempt);
  ledger_add_number (self, (int64_t)request->position);
  return why;
}

static const char *
rouse_command (ledger_command_t *self, const ledger_request_t *request, const char *broker)
{
  ledger_begin (self, "troupe1_rouse");
  const char *why = ledger_add_named_key (self, request, "hub:");
  ledger_add_text (self, broker);
  ledger_add_number (self, request->deadline_ms);
  ledger_add_number (self, (int64_t)request->position);
  return why;
}

static const char *
await_command (ledger_command_t *self, const ledger_request_t *request, const char *broker)
{
  const char *why = ledger_begin_of_call (self, request, "troupe1_await");
  ledger_add_text (self, broker);
  if (!troupe_id_is_zero (&request->waiter))
    ledger_add_id (self, &request->waiter);
  return why;
}

// How long what ends is kept.
static void
add_kept (ledger_command_t *self, const ledger_request_t *request)
{
  ledger_add_number (self, request->retention_ms);
  ledger_add_number (self, request->letters_max);
  ledger_add_number (self, request->letters_ms);
}

static const char *
retry_command (ledger_command_t *self, const ledger_request_t *request, const char *broker)
{
  const char *why = ledger_begin_of_call (self, request, "troupe1_retry");
  const ledger_death_t *death = request->death;
  ledger_add_text (self, broker);
  ledger_add_number (self, request->attempt);
  add_kept (self, request);
  if (death == NULL)
    return why;
  ledger_add_text (self, death->instance);
  ledger_add_text (self, death->host);
  ledger_add_text (self, death->how);
  ledger_add_number (self, death->deaths_max);
  return why;
}

static const char *
list_command (ledger_command_t *self, const ledger_request_t *request, const char *function, const char *kind)
{
  ledger_begin (self, function);
  const char *why = ledger_add_key (self, request->slot, kind, "");
  ledger_add_number (self, (int64_t)request->position);
  return why;
}

static const char *
close_command (ledger_command_t *self, const ledger_request_t *request)
{
  ledger_begin (self, "troupe1_close");
  const char *why = ledger_add_key (self, ledger_slot (request->session), "sessions", "");
  ledger_add_text (self, request->session);
  ledger_add_number (self, request->retention_ms);
  ledger_add_number (self, (int64_t)request->position);
  return why;
}

static const char *
resend_command (ledger_command_t *self, const ledger_request_t *request, const char *broker)
{
  const char *why = ledger_begin_of_call (self, request, "troupe1_resend");
  ledger_add_text (self, broker);
  ledger_add_id (self, &request->again);
  ledger_add_number (self, request->default_deadline_ms);
  ledger_add_number (self, request->mailbox_limit);
  ledger_add_number (self, request->retention_ms);
  return why;
}

static const char *
claim_command (ledger_command_t *self, const ledger_request_t *request)
{
  if (request->instance == NULL || request->instance[0] == '\0')
    return "a claim for no instance";
  const char *why = ledger_begin_of_call (self, request, "troupe1_claim");
  ledger_add_number (self, request->attempt);
  ledger_add_text (self, request->instance);
  return why;
}

static const char *
inputs_command (ledger_command_t *self, const ledger_request_t *request)
{
  const char *why = ledger_begin_of_call (self, request, "troupe1_inputs");
  ledger_add_number (self, request->attempt);
  return why;
}

static const char *
of_slot (ledger_command_t *self, const ledger_request_t *request, const char *function, const char *broker)
{
  ledger_begin (self, function);
  const char *why = ledger_add_key (self, request->slot, "open", "");
  ledger_add_text (self, broker);
  return why;
}

static const char *
sweep_command (ledger_command_t *self, const ledger_request_t *request, const char *broker)
{
  const char *why = of_slot (self, request, "troupe1_sweep", broker);
  ledger_add_number (self, request->idle_ms / 1000);
  ledger_add_number (self, request->retention_ms);
  return why;
}

static const char *
takeover_command (ledger_command_t *self, const ledger_request_t *request, const char *broker, const char *place)
{
  if (request->broker == NULL || strcmp (request->broker, broker) == 0)
    return "a broker can't take over its own calls";
  const char *why = of_slot (self, request, "troupe1_takeover", broker);
  ledger_add_text (self, request->broker);
  ledger_add_text (self, place);
  add_kept (self, request);
  return why;
}

static const char *
lease_command (ledger_command_t *self, const ledger_request_t *request, const char *broker)
{
  ledger_begin (self, "troupe1_lease");
  ledger_add_text (self, "troupe:brokers");
  ledger_add_text (self, broker);
  ledger_add_number (self, request->lease_ms);
  ledger_add_number (self, ledger_library_revision);
  if (request->broker == NULL)
    return NULL;
  ledger_add_text (self, request->broker);
  ledger_add_number (self, request->silent_ms);
  return NULL;
}

const char *
ledger_command_of_request (ledger_command_t *self, const ledger_request_t *request, const char *broker,
                           const char *place)
{
  const char *why = NULL;
  switch (request->op) {
  case LEDGER_ACCEPT:
    return ledger_accept_command (self, request, broker);
  case LEDGER_SETTLE:
    return settle_command (self, request, broker);
  case LEDGER_AWAIT:
    return await_command (self, request, broker);
  case LEDGER_RETRY:
    return retry_command (self, request, broker);
  case LEDGER_RECALL:
    return recall_command (self, request);
  case LEDGER_HEAR:
    return hear_command (self, request);
  case LEDGER_ROUSE:
    return rouse_command (self, request, broker);
  case LEDGER_INPUTS:
    return inputs_command (self, request);
  case LEDGER_CLAIM:
    return claim_command (self, request);
  case LEDGER_LEASE:
    return lease_command (self, request, broker);
  case LEDGER_LETTERS:
    return list_command (self, request, "troupe1_letters", "letters");
  case LEDGER_LETTER:
    return ledger_begin_of_call (self, request, "troupe1_letter");
  case LEDGER_DISCARD:
    return ledger_begin_of_call (self, request, "troupe1_discard");
  case LEDGER_RESEND:
    return resend_command (self, request, broker);
  case LEDGER_SESSIONS:
    return list_command (self, request, "troupe1_sessions", "sessions");
  case LEDGER_CLOSE:
    return close_command (self, request);
  case LEDGER_SWEEP:
    return sweep_command (self, request, broker);
  case LEDGER_TAKEOVER:
    return takeover_command (self, request, broker, place);
  case LEDGER_RECOVER:
    why = of_slot (self, request, "troupe1_recover", broker);
    ledger_add_text (self, place);
    return why;
  }
  return "no such request";
}

const char *
ledger_command_of_inbox (ledger_command_t *self, unsigned slot, const char *broker, const char *last)
{
  ledger_begin (self, "troupe1_inbox");
  const char *why = ledger_add_key (self, slot, "inbox:", broker);
  ledger_add_text (self, broker);
  ledger_add_text (self, last);
  return why;
}

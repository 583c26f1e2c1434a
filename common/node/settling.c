// SPDX-License-Identifier: Apache-2.0
//
// The end of a task: packing its outcome, and sending it until a broker has confirmed that it is stored, or has said
// that another attempt owns the call. A volatile one is not stored, so nobody confirms it: once it is sent, the task is
// over. If it is lost on the way, so is the connection, and the broker has the call run again.
//
// The outcome can't fail to be: what is too large, or can't be packed, is replaced by an error that says so, and that
// one, should memory be out, by one that was packed when the node was made. What the actor was to remember goes with
// the outcome; an error that replaces it takes none of it along, for it tells the caller that the reply didn't happen.

#include "node/calling.h"
#include "node/deriving.h"
#include "node/parts.h"
#include "troupe/log.h"
#include "troupe/value.h"

#include <stdlib.h>
#include <string.h>

enum {
  RESEND_MS = 5000, // an outcome without an answer, doubling with each time
  RESEND_MAX_SHIFT = 4,
  REFUSED_RETRY_MS = 250, // at least, after a refusal that may pass
};

static node_connection_t *
connection_for (const troupe_task_t *self)
{
  if (node_connection_up (self->at))
    return self->at;
  for (unsigned i = 0; i < self->core->connections_count; i++)
    if (node_connection_up (&self->core->connections[i]))
      return &self->core->connections[i];
  return NULL;
}

void
node_task_settle (troupe_task_t *self)
{
  troupe_header_t header;
  node_core_t *core = self->core;
  node_connection_t *to = connection_for (self);
  self->at = to;
  node_timers_stop (&core->timers, &self->timer);
  if (to == NULL)
    return; // goes out with the next welcome
  troupe_header_init (&header, TROUPE_CMD_SETTLE);
  troupe_header_set_call (&header, &self->call);
  troupe_header_set_session (&header, troupe_text (self->session));
  troupe_header_set_attempt (&header, self->attempt);
  troupe_header_set_status (&header, self->status);
  if (self->sizes_count > 0)
    troupe_header_set_sizes (&header, self->sizes, self->sizes_count);
  uint64_t flags = (self->retryable ? TROUPE_FLAG_RETRYABLE : 0) | (self->is_volatile ? TROUPE_FLAG_VOLATILE : 0) |
                   (self->heard && self->status == TROUPE_STATUS_VALUE ? TROUPE_FLAG_HEARD : 0);
  if (flags != 0)
    troupe_header_set_flags (&header, flags);
  if (self->epoch > 0)
    troupe_header_set_epoch (&header, self->epoch);
  node_connection_send (to, &header, self->outcome);
  if (self->is_volatile) {
    node_task_free (self);
    return;
  }

  if (self->sends++ > 0)
    node_core_count (core, NODE_COUNT_SETTLES_RESENT);
  unsigned shift = self->sends - 1 > RESEND_MAX_SHIFT ? RESEND_MAX_SHIFT : self->sends - 1;
  node_timers_set (&core->timers, &self->timer, core->now + ((int64_t)RESEND_MS << shift));
}

// -- The outcome -----------------------------------------------------------------------------------------------------

static void
free_bytes (void *data, void *hint)
{
  (void)hint;
  free (data);
}

// The packed value, and after it the memory entries.
static troupe_err_t
append_memory (troupe_task_t *self, troupe_buffer_t **value)
{
  size_t size = troupe_buffer_size (*value);
  if (self->memory_bytes == 0)
    return TROUPE_OK;
  char *bytes = malloc (size + self->memory_bytes);
  if (bytes == NULL)
    return TROUPE_NO_MEMORY;
  memcpy (bytes, troupe_buffer_data (*value), size);
  memcpy (bytes + size, self->memory, self->memory_bytes);
  troupe_buffer_t *joined = NULL;
  troupe_err_t err = troupe_buffer_adopt (&joined, bytes, size + self->memory_bytes, free_bytes, NULL);
  if (err != TROUPE_OK) {
    free (bytes);
    return err;
  }
  troupe_buffer_unref (value);
  *value = joined;
  return TROUPE_OK;
}

static troupe_err_t
pack_outcome (troupe_task_t *self, const json_t *json, troupe_error_t *error)
{
  troupe_buffer_t *packed = NULL;
  if (json == NULL)
    return troupe_error_set (error, TROUPE_NO_MEMORY, self->service_name, NULL, "the service gave no value");
  troupe_err_t err = troupe_value_pack (json, &packed, error);
  if (err != TROUPE_OK)
    return err;
  size_t size = troupe_buffer_size (packed) + self->memory_bytes, limit = node_size_limit (self->core);
  if (size > limit)
    err =
      troupe_error_set (error, TROUPE_TOO_LARGE, self->service_name, "reply with a URL of it, or raise limits.message",
                        "the reply and what it adds to memory have %zu bytes; the mesh takes %zu", size, limit);
  else if ((err = append_memory (self, &packed)) != TROUPE_OK)
    troupe_error_set (error, err, self->service_name, NULL, "out of memory");
  if (err == TROUPE_OK)
    self->outcome = packed;
  else
    troupe_buffer_unref (&packed);
  return err;
}

void
node_task_end_with_error (troupe_task_t *self, const troupe_error_t *error)
{
  json_t *json = troupe_error_to_json (error);
  self->sizes_count = 0;
  self->memory_bytes = 0;
  self->status = TROUPE_STATUS_ERROR;
  self->retryable = troupe_err_class (error->code) == TROUPE_CLASS_RETRYABLE;
  troupe_buffer_unref (&self->outcome);
  if (json == NULL || pack_outcome (self, json, NULL) != TROUPE_OK)
    self->outcome = troupe_buffer_ref (self->core->last_words);
  json_decref (json);
}

// Ends a task that the user gives back; `json` is borrowed.
static void
end (troupe_task_t *self, troupe_status_t status, const json_t *json)
{
  troupe_error_t error;
  node_core_t *core = self->core;
  if (core == NULL || self->cancelled) {
    node_task_free (self);
    return;
  }
  node_calling_end_children (self, "has ended");
  node_derived_close (self);
  node_parts_close (self);
  node_recall_drop_all (self);
  node_share_leave (self); // first: a share that shrinks is told before the outcome sets it free
  self->phase = NODE_TASK_ENDED;
  self->status = status;
  node_list_remove (&self->ready.place);
  if (pack_outcome (self, json, &error) != TROUPE_OK)
    node_task_end_with_error (self, &error);
  json_decref (self->input);
  self->input = NULL;
  free (self->memory);
  self->memory = NULL;
  node_task_settle (self);
  node_core_wake (core);
}

void
troupe_task_reply (troupe_task_t **self_p, json_t *value)
{
  troupe_task_t *self = *self_p;
  *self_p = NULL;
  end (self, TROUPE_STATUS_VALUE, value);
  json_decref (value);
}

void
troupe_task_fail (troupe_task_t **self_p, const troupe_error_t *error)
{
  troupe_task_t *self = *self_p;
  *self_p = NULL;
  self->retryable = troupe_err_class (error->code) == TROUPE_CLASS_RETRYABLE;
  json_t *json = troupe_error_to_json (error);
  end (self, TROUPE_STATUS_ERROR, json);
  json_decref (json);
}

// -- Refusals --------------------------------------------------------------------------------------------------------

void
node_task_settle_refused (troupe_task_t *self, const troupe_error_t *error)
{
  node_core_t *core = self->core;
  bool superseded = error->code == TROUPE_STALE || error->code == TROUPE_UNKNOWN_CALL;
  if (superseded) {
    node_task_cancel (self);
    return;
  }
  if (troupe_err_class (error->code) == TROUPE_CLASS_RETRYABLE) {
    unsigned delay = error->retry_after_ms < REFUSED_RETRY_MS ? REFUSED_RETRY_MS : error->retry_after_ms;
    node_timers_set (&core->timers, &self->timer, core->now + delay);
    return;
  }
  troupe_log_error (TROUPE_LOG_ERROR, "broker refuses an outcome", error);
  if (self->replaced) {
    node_task_cancel (self);
    return;
  }
  self->replaced = true;
  node_task_end_with_error (self, error);
  node_task_settle (self);
}

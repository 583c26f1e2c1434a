// SPDX-License-Identifier: Apache-2.0
//
// A task's life, from the offer to the user's reply, and what the user does with it meanwhile.
//
//   QUEUED --- serve () ---> RUNNING --- reply, fail ---> ENDED --- confirmed, stale ---> (freed)
//      |                        |
//      cancelled: freed         cancelled: out of the table; the user still ends it, which frees it
//
// A task that is cancelled leaves the table at once, because its call may be offered here again as another attempt
// while the user still holds the old one.

#include "node/calling.h"
#include "node/deriving.h"
#include "node/inputs.h"
#include "node/parts.h"
#include "node/serving.h"
#include "troupe/value.h"

#include <stdlib.h>
#include <string.h>

// -- Making and freeing ----------------------------------------------------------------------------------------------

// Path and texts stand behind the task, in one allocation with it: a burst of tasks is more than the C library keeps
// at hand of each size.
typedef struct {
  uint32_t ancestors;
  troupe_text_t service, session, trace; // trace: size 0: none
} extent_t;

static extent_t
extent_of (const node_service_t *service, const troupe_header_t *header)
{
  extent_t extent = {.service = troupe_text (service->name), .session = header->session};
  extent.ancestors = troupe_header_has (header, TROUPE_F (PATH)) ? header->path_count : 0;
  if (troupe_header_has (header, TROUPE_F (TRACE)))
    extent.trace = header->trace;
  return extent;
}

static size_t
size_of (const extent_t *extent)
{
  return (extent->ancestors + 1) * sizeof (troupe_id_t) + extent->service.size + extent->session.size +
         extent->trace.size + 3;
}

static char *
put_text (char **at, troupe_text_t text)
{
  char *put = *at;
  memcpy (put, text.data, text.size);
  put[text.size] = '\0';
  *at = put + text.size + 1;
  return put;
}

static void
fill (troupe_task_t *self, const troupe_header_t *header, const extent_t *extent)
{
  self->call = header->call;
  self->attempt = header->attempt;
  self->is_volatile = troupe_header_has (header, TROUPE_F (FLAGS)) && (header->flags & TROUPE_FLAG_VOLATILE);
  self->memory_size = troupe_header_has (header, TROUPE_F (MEMORY)) ? (size_t)header->memory : 0;
  self->observes = troupe_header_has (header, TROUPE_F (FLAGS)) && (header->flags & TROUPE_FLAG_OBSERVE);
  self->news = troupe_header_has (header, TROUPE_F (NEWS)) ? (size_t)header->news : 0;
  if (troupe_header_has (header, TROUPE_F (HUB) | TROUPE_F (SINCE) | TROUPE_F (POSITION) | TROUPE_F (ENTRIES)))
    self->stretch = (node_stretch_t){header->hub, header->since, header->position, (size_t)header->entries};
  self->path = self->more;
  memcpy (self->path, header->path, extent->ancestors * sizeof *self->path);
  self->path[extent->ancestors] = header->call;
  self->path_count = extent->ancestors + 1;
  char *at = (char *)(self->path + self->path_count);
  self->service_name = put_text (&at, extent->service);
  self->session = put_text (&at, extent->session);
  self->trace = extent->trace.size > 0 ? put_text (&at, extent->trace) : NULL;
}

static troupe_err_t
enter (troupe_task_t *self, node_core_t *core)
{
  troupe_err_t err = node_timers_reserve (&core->timers);
  if (err != TROUPE_OK)
    return err;
  err = node_table_put (&core->tasks, &self->call, self);
  if (err != TROUPE_OK) {
    node_timers_release (&core->timers, &self->timer);
    return err;
  }
  self->core = core;
  node_list_append (&core->all_tasks, &self->place);
  return TROUPE_OK;
}

troupe_err_t
node_task_new (troupe_task_t **out, node_service_t *service, node_core_t *core, const troupe_header_t *header,
               troupe_buffer_t *body, troupe_error_t *error)
{
  extent_t extent = extent_of (service, header);
  troupe_task_t *self = malloc (sizeof *self + size_of (&extent));
  if (self == NULL)
    return troupe_error_set (error, TROUPE_NO_MEMORY, service->name, NULL, "out of memory");
  *self = (troupe_task_t){.service = service}; // calloc would pass by the C library's caches
  self->actor = service->actor;
  self->deadline = TROUPE_LOOP_NEVER;
  self->timer.fire = node_task_fire;
  self->ready.deliver = node_task_deliver;
  node_list_init (&self->ready.place);
  node_list_init (&self->place);
  node_list_init (&self->turn);
  node_list_init (&self->children);
  node_derived_init (self, core);
  node_list_init (&self->recalls);
  node_list_init (&self->parts);
  troupe_err_t err = node_inputs_unpack (header, body, &self->input, error);
  if (err == TROUPE_OK) {
    fill (self, header, &extent);
    err = enter (self, core);
    if (err != TROUPE_OK)
      troupe_error_set (error, err, service->name, NULL, "out of memory");
  }
  if (err != TROUPE_OK) {
    node_task_free (self);
    return err;
  }
  *out = self;
  return TROUPE_OK;
}

// The instance doesn't run it any more.
static void
stop_running (troupe_task_t *self)
{
  if (self->core != NULL && self->phase != NODE_TASK_ENDED)
    node_share_leave (self);
}

static void
leave_table (troupe_task_t *self)
{
  if (self->core == NULL || self->cancelled)
    return;
  node_table_remove (&self->core->tasks, &self->call);
  node_timers_release (&self->core->timers, &self->timer);
}

static void
drop_input (troupe_task_t *self)
{
  json_decref (self->input);
  self->input = NULL;
  free (self->memory);
  self->memory = NULL;
}

void
node_task_free (troupe_task_t *self)
{
  stop_running (self);
  leave_table (self);
  node_calling_orphan (self);
  node_derived_close (self);
  node_parts_close (self);
  node_recall_drop_all (self);
  node_list_remove (&self->place);
  node_list_remove (&self->ready.place);
  drop_input (self);
  troupe_buffer_unref (&self->outcome);
  free (self->sizes);
  free (self);
}

void
node_task_detach (troupe_task_t *self)
{
  stop_running (self);
  leave_table (self);
  node_calling_orphan (self);
  node_recall_drop_all (self);
  node_list_remove (&self->place);
  node_list_remove (&self->ready.place);
  self->core = NULL;
  self->service = NULL;
  self->at = NULL;
  self->cancelled = true;
}

// -- Cancelling ------------------------------------------------------------------------------------------------------

static void
tell_cancelled (troupe_task_t *self)
{
  if (self->core == NULL || self->on_cancel == NULL || self->cancel_told)
    return;
  self->cancel_due = true;
  node_core_ready (self->core, &self->ready);
}

void
node_task_cancel (troupe_task_t *self)
{
  troupe_error_t error;
  node_calling_end_children (self, "was cancelled, or given to another instance");
  if (self->phase == NODE_TASK_ENDED)
    node_core_count (self->core, NODE_COUNT_SETTLES_DROPPED);
  if (self->phase != NODE_TASK_RUNNING) {
    node_task_free (self);
    return;
  }
  leave_table (self);
  node_parts_close (self);
  self->cancelled = true;
  self->at = NULL;
  node_share_charge (self, NULL); // to the broker it is over
  troupe_error_set (&error, TROUPE_CANCELLED, self->service_name, NULL,
                    "the call was cancelled, or given to another instance");
  node_recall_fail_all (self, &error);
  tell_cancelled (self);
}

void
node_task_fire (node_timer_t *timer)
{
  troupe_task_t *self = NODE_OF (timer, troupe_task_t, timer);
  if (self->phase == NODE_TASK_ENDED)
    node_task_settle (self);
  else
    node_task_cancel (self);
}

void
troupe_task_on_cancel (troupe_task_t *self, troupe_cancelled_fn *cancelled, void *context)
{
  self->on_cancel = cancelled;
  self->on_cancel_context = context;
  if (self->cancelled && self->core != NULL) {
    tell_cancelled (self);
    node_core_wake (self->core);
  }
}

bool
troupe_task_cancelled (const troupe_task_t *self)
{
  return self->cancelled;
}

// -- Delivering ------------------------------------------------------------------------------------------------------

// One function of the user's, which may end the task: nothing of it is touched afterwards.
void
node_task_deliver (node_core_t *core, node_ready_t *ready)
{
  troupe_task_t *self = NODE_OF (ready, troupe_task_t, ready);
  if (self->phase == NODE_TASK_QUEUED) {
    self->phase = NODE_TASK_RUNNING;
    self->service->serve (self->service->context, self);
  } else if (self->cancel_due) {
    self->cancel_due = false;
    self->cancel_told = true;
    if (node_recall_due (self))
      node_core_ready (core, ready);
    self->on_cancel (self->on_cancel_context, self);
  } else
    node_recall_deliver (self);
}

// -- What the user sees ----------------------------------------------------------------------------------------------

const troupe_id_t *
troupe_task_call (const troupe_task_t *self)
{
  return &self->call;
}

const troupe_id_t *
troupe_task_root (const troupe_task_t *self)
{
  return &self->path[0];
}

const char *
troupe_task_service (const troupe_task_t *self)
{
  return self->service_name;
}

const char *
troupe_task_session (const troupe_task_t *self)
{
  return self->session;
}

const json_t *
troupe_task_input (const troupe_task_t *self)
{
  return self->input;
}

unsigned
troupe_task_attempt (const troupe_task_t *self)
{
  return (unsigned)self->attempt;
}

int64_t
troupe_task_deadline (const troupe_task_t *self)
{
  return self->deadline;
}

bool
troupe_task_streams (const troupe_task_t *self)
{
  return self->streams;
}

size_t
troupe_task_memory_size (const troupe_task_t *self)
{
  return self->memory_size;
}

bool
troupe_task_observes (const troupe_task_t *self)
{
  return self->observes;
}

size_t
troupe_task_news (const troupe_task_t *self)
{
  return self->news;
}

static bool
grow_memory (troupe_task_t *self, size_t more)
{
  if (self->sizes == NULL && (self->sizes = malloc (TROUPE_SIZES_MAX * sizeof *self->sizes)) == NULL)
    return false;
  if (self->memory_bytes + more <= self->memory_capacity)
    return true;
  size_t capacity = self->memory_capacity < 512 ? 1024 : self->memory_capacity * 2;
  if (capacity < self->memory_bytes + more)
    capacity = self->memory_bytes + more;
  char *memory = realloc (self->memory, capacity);
  if (memory == NULL)
    return false;
  self->memory = memory;
  self->memory_capacity = capacity;
  return true;
}

troupe_err_t
troupe_task_remember (troupe_task_t *self, json_t *entry)
{
  troupe_buffer_t *packed = NULL;
  troupe_err_t err = entry == NULL ? TROUPE_NO_MEMORY : troupe_value_pack (entry, &packed, NULL);
  size_t size = troupe_buffer_size (packed);
  json_decref (entry);
  if (err == TROUPE_OK && !self->actor)
    err = TROUPE_BAD_ARGUMENT;
  else if (err == TROUPE_OK &&
           (self->sizes_count >= TROUPE_SIZES_MAX || self->memory_bytes + size > TROUPE_VALUE_SIZE_MAX))
    err = TROUPE_TOO_LARGE;
  else if (err == TROUPE_OK && !grow_memory (self, size))
    err = TROUPE_NO_MEMORY;
  if (err == TROUPE_OK) {
    memcpy (self->memory + self->memory_bytes, troupe_buffer_data (packed), size);
    self->memory_bytes += size;
    self->sizes[self->sizes_count++] = (uint32_t)size;
  }
  troupe_buffer_unref (&packed);
  return err;
}

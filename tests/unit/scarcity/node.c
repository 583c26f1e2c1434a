// SPDX-License-Identifier: Apache-2.0
//
// A node's core without memory: it calls, waits, serves, streams, recalls, hears, makes nested calls, loses a broker
// and leaves, while any one allocation fails. Once there is memory again, every call that it took has ended, and every
// task that it began.

#include "node/core.h"
#include "tests/unit/scarcity/answers.h"
#include "tests/unit/scarcity/scarce.h"
#include "troupe/log.h"
#include "troupe/value.h"

#include <criterion/criterion.h>
#include <string.h>

enum { START = 1000 * 1000, STEP = 100, CALLS_MAX = 12, BROKERS = 2, TASKS_MAX = 8 };

typedef struct {
  node_core_t *core;
  int64_t now;
  uint64_t ids;
  troupe_placeholder_t *calls[CALLS_MAX];
  unsigned call_count;
  troupe_task_t *tasks[TASKS_MAX]; // that were begun and aren't ended
  unsigned task_count, drained, reported;
  bool mute; // brokers say nothing
  json_t *input;
  unsigned generations[BROKERS];
} stage_t;

static troupe_id_t
next_id (void *context)
{
  stage_t *self = context;
  troupe_id_t id = {{0}};
  uint64_t number = ++self->ids;
  for (int i = 0; i < 8; i++)
    id.bytes[15 - i] = (uint8_t)(number >> 8 * i);
  return id;
}

static void
woken (void *context)
{
  (void)context;
}

// -- What brokers say -----------------------------------------------------------------------------------------------------

static void
say_as (stage_t *self, node_event_kind_t kind, unsigned broker, const troupe_header_t *header, json_t *body)
{
  unsigned char bytes[TROUPE_HEADER_SIZE_MAX];
  troupe_buffer_t *buffer = NULL;
  scarce_end ();
  size_t size = troupe_header_encode (header, bytes, sizeof bytes);
  cr_assert_gt (size, 0);
  if (body)
    cr_assert_eq (troupe_value_pack (body, &buffer, NULL), TROUPE_OK);
  json_decref (body);
  node_event_t event = {.kind = kind, .broker = broker, .header = bytes, .header_size = size, .body = buffer};
  scarce_begin ();
  node_core_step (self->core, &event, self->now);
  scarce_end ();
  troupe_buffer_unref (&buffer);
}

static void
say (stage_t *self, unsigned broker, const troupe_header_t *header, json_t *body)
{
  say_as (self, NODE_RECEIVED, broker, header, body);
}

static void
offer (stage_t *self, unsigned broker, const char *service, bool actor)
{
  troupe_id_t call = next_id (self), root = next_id (self);
  troupe_header_t header = answers_command (TROUPE_CMD_OFFER);
  troupe_header_set_call (&header, &call);
  troupe_header_set_service (&header, troupe_text (service));
  troupe_header_set_session (&header, troupe_text ("session-1"));
  troupe_header_set_attempt (&header, 1);
  troupe_header_set_deadline (&header, 20 * 1000);
  troupe_header_set_path (&header, &root, 1);
  troupe_header_set_flags (&header, TROUPE_FLAG_STREAM);
  if (actor) {
    troupe_header_set_memory (&header, 3);
    troupe_header_set_news (&header, 2);
  }
  say (self, broker, &header, json_pack ("{s:[s, s]}", "messages", "one", "two"));
}

typedef struct {
  stage_t *stage;
  unsigned broker;
} voice_t;

static void
say_answer (void *context, const troupe_header_t *header, json_t *body)
{
  const voice_t *self = context;
  say (self->stage, self->broker, header, body);
}

static void
answer (stage_t *self, unsigned broker, const troupe_header_t *asked)
{
  voice_t voice = {self, broker};
  answers_t answers = {say_answer, &voice, broker == 0 ? "broker-1" : "broker-2", "ipc://publish"};
  answers_give (&answers, asked);
}

// All frames that wait are read, and answered unless the brokers are mute. A frame's texts live in a copy of it.
static void
pump (stage_t *self, unsigned broker)
{
  static unsigned char bytes[TROUPE_HEADER_SIZE_MAX];
  const node_frame_t *frame;
  node_wish_t wish = node_core_wish (self->core, broker);
  if (wish.generation != self->generations[broker]) {
    self->generations[broker] = wish.generation;
    scarce_begin ();
    node_core_topics_forget (self->core, broker);
    scarce_end ();
  }
  for (node_topic_t topic; node_core_topic (self->core, broker, &topic);)
    continue;
  while ((frame = node_core_frame (self->core, broker))) {
    troupe_header_t header;
    memcpy (bytes, frame->header, frame->header_size);
    cr_assert_eq (troupe_header_decode (&header, bytes, frame->header_size, NULL), TROUPE_OK);
    node_core_frame_sent (self->core, broker);
    if (!self->mute)
      answer (self, broker, &header);
  }
}

// Some rounds of everything that a process does.
static void
run (stage_t *self, int64_t ms)
{
  for (int64_t end = self->now + ms; self->now < end; self->now += STEP) {
    scarce_begin ();
    node_core_step (self->core, &(node_event_t){NODE_TICK}, self->now);
    while (node_core_deliver (self->core, self->now, 4))
      continue;
    scarce_end ();
    for (unsigned broker = 0; broker < BROKERS; broker++) {
      troupe_header_t beat = answers_command (TROUPE_CMD_HEARTBEAT);
      if (!self->mute)
        say (self, broker, &beat, NULL);
      pump (self, broker);
    }
  }
}

// -- What the user does ---------------------------------------------------------------------------------------------------

static void
on_part (void *context, troupe_placeholder_t *placeholder, unsigned attempt, const json_t *part)
{
  (void)context, (void)placeholder, (void)attempt, (void)part;
}

static void
on_settled (void *context, troupe_placeholder_t *placeholder)
{
  (void)context;
  cr_assert_neq (troupe_placeholder_status (placeholder), TROUPE_STATUS_NONE);
}

static void
call (stage_t *self, const char *service, troupe_task_t *parent, bool with_inputs, bool is_volatile)
{
  troupe_error_t error = {0};
  troupe_call_t made = {.service = service,
                        .input = self->input,
                        .session = parent ? NULL : "s",
                        .parent = parent,
                        .deadline_ms = 15 * 1000,
                        .part = on_part,
                        .settled = on_settled,
                        .context = self,
                        .is_volatile = is_volatile};
  if (with_inputs && self->call_count > 0) {
    made.inputs = self->calls;
    made.inputs_count = 1;
  }
  scarce_begin ();
  troupe_err_t err = node_core_call (self->core, &self->calls[self->call_count], &made, self->now, &error);
  scarce_end ();
  cr_assert_eq (err == TROUPE_OK, self->calls[self->call_count] != NULL);
  // An input that was lost is unknown; a task that lost its end is cancelled.
  cr_assert (err == TROUPE_OK || scarce_struck (), "%s: %s", troupe_err_name (err), error.why);
  self->call_count += err == TROUPE_OK;
}

static void
await (stage_t *self)
{
  troupe_id_t id = next_id (self);
  troupe_await_t wanted = {.id = &id, .session = "s", .settled = on_settled, .context = self};
  scarce_begin ();
  troupe_err_t err = node_core_await (self->core, &self->calls[self->call_count], &wanted, self->now, NULL);
  scarce_end ();
  self->call_count += err == TROUPE_OK;
}

static void
forget (stage_t *self, const troupe_task_t *task)
{
  for (unsigned i = 0; i < self->task_count; i++)
    if (self->tasks[i] == task)
      self->tasks[i] = self->tasks[--self->task_count];
}

static void
on_cancelled (void *context, troupe_task_t *task)
{
  troupe_error_t error = {.code = TROUPE_CANCELLED};
  forget (context, task);
  troupe_task_fail (&task, &error);
}

static void
end (stage_t *self, troupe_task_t *task)
{
  scarce_end ();
  json_t *value = json_string ("done");
  forget (self, task);
  scarce_begin ();
  troupe_task_reply (&task, value);
}

static void
on_heard (void *context, troupe_task_t *task, json_t *messages, const troupe_error_t *error)
{
  cr_assert ((messages == NULL) == (error != NULL));
  json_decref (messages);
  end (context, task);
}

static void
on_recalled (void *context, troupe_task_t *task, json_t *entries, const troupe_error_t *error)
{
  stage_t *self = context;
  cr_assert ((entries == NULL) == (error != NULL));
  json_decref (entries);
  scarce_end ();
  json_t *entry = json_string ("remembered"), *part = json_pack ("{s:s}", "text", "so");
  scarce_begin ();
  troupe_task_remember (task, entry);
  troupe_task_part (task, part);
  if (self->call_count < CALLS_MAX) {
    call (self, "tool/nested", task, false, false);
    scarce_begin ();
  }
  if (troupe_task_hear (task, on_heard, self) != TROUPE_OK)
    end (self, task);
}

static void
on_serve (void *context, troupe_task_t *task)
{
  stage_t *self = context;
  cr_assert_lt (self->task_count, TASKS_MAX);
  self->tasks[self->task_count++] = task;
  troupe_task_on_cancel (task, on_cancelled, self);
  if (strcmp (troupe_task_service (task), "agent/alice") != 0 ||
      troupe_task_recall (task, 0, 3, on_recalled, self) != TROUPE_OK)
    end (self, task);
}

static void
on_event (void *context, const char *service, const char *instance, const json_t *event)
{
  (void)context, (void)service, (void)instance, (void)event;
}

static void
on_reported (void *context, const json_t *reports)
{
  (void)reports;
  ((stage_t *)context)->reported++;
}

static void
on_drained (void *context)
{
  ((stage_t *)context)->drained++;
}

static void
serve (stage_t *self, const char *name, bool actor, const json_t *info)
{
  troupe_service_t service = {
    .name = name, .actor = actor, .credit = 4, .info = info, .serve = on_serve, .context = self};
  troupe_error_t error = {0};
  scarce_begin ();
  troupe_err_t err = node_core_serve (self->core, &service, &error);
  if (err == TROUPE_OK)
    err = node_core_describe (self->core, name, info, &error);
  scarce_expect (err, &error);
}

static void
publish_event (stage_t *self)
{
  troupe_header_t header = answers_command (TROUPE_CMD_EVENT);
  troupe_header_set_service (&header, troupe_text ("agent/alice"));
  troupe_header_set_peer (&header, troupe_text ("alice-1"));
  say_as (self, NODE_PUBLISHED, 0, &header, json_pack ("{s:s, s:s}", "event", "joined", "broker", "broker-1"));
}

// -- The scene ------------------------------------------------------------------------------------------------------------

static void
work (stage_t *self)
{
  json_t *info = json_pack ("{s:s}", "description", "says things");
  scarce_begin ();
  node_core_on_event (self->core, on_event, self);
  scarce_end ();
  serve (self, "agent/alice", true, info);
  serve (self, "tool/echo", false, info);
  json_decref (info);
  run (self, 300);
  call (self, "tool/one", NULL, false, false);
  call (self, "agent/two", NULL, true, false);
  call (self, "tool/three", NULL, false, true);
  await (self);
  offer (self, 0, "agent/alice", true);
  offer (self, 1, "tool/echo", false);
  publish_event (self);
  run (self, 300);
  self->mute = true; // what is sent now gets no answer
  call (self, "tool/four", NULL, false, false);
  offer (self, 0, "agent/alice", true);
  run (self, 200);
  scarce_begin ();
  if (self->call_count > 0)
    troupe_placeholder_cancel (self->calls[self->call_count - 1]);
  node_core_report (self->core, 1000, on_reported, self, self->now);
  node_core_step (self->core, &(node_event_t){NODE_DISCONNECTED, .broker = 0}, self->now);
  scarce_end ();
  self->mute = false;
  run (self, 500);
}

static void
node_scene (const void *arg)
{
  static const char *const brokers[] = {"ipc://one", "ipc://two", NULL};
  stage_t self = {.now = START, .input = json_pack ("{s:s}", "a", "b")};
  node_core_options_t options = {
    .name = "test", .brokers = brokers, .new_id = next_id, .wake = woken, .context = &self, .mesh = "m"};
  troupe_error_t error = {0};
  (void)arg;
  scarce_begin ();
  troupe_err_t err = node_core_new (&self.core, &options, self.now, &error);
  scarce_expect (err, &error);
  if (err == TROUPE_OK) {
    work (&self);
    scarce_relieve ();
    run (&self, 60 * 1000);
    for (unsigned i = 0; i < self.call_count; i++)
      cr_expect_neq (troupe_placeholder_status (self.calls[i]), TROUPE_STATUS_NONE, "call %u never ended", i);
    cr_expect_eq (self.task_count, 0, "a task was never ended");
    node_core_drain (self.core, on_drained, &self);
    run (&self, 10 * 1000);
    cr_expect_eq (self.drained, 1, "it never drained");
    node_core_leave (self.core);
  }
  for (unsigned i = 0; i < self.call_count; i++)
    troupe_placeholder_destroy (&self.calls[i]);
  node_core_destroy (&self.core);
  json_decref (self.input);
}

Test (scarcity, node, .timeout = 600)
{
  troupe_log_init (&(troupe_log_options_t){.program = "scarcity", .level = TROUPE_LOG_OFF});
  scarce_play (node_scene, NULL, 60);
}

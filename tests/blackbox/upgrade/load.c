// SPDX-License-Identifier: Apache-2.0
//
// Each call that ends makes the next one of its line, from the loop: so the load stands still only while the test does.
// A failure is noted and told by the next wait, since an assertion can't leave a function that the loop called.

#include "blackbox/upgrade/load.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum {
  LINE = 1000000, // of what is remembered: the line's number times this, and the call's
  SESSION_SIZE = 32
};

static void make_one (line_t *line);

static void
note_failure (const line_t *line, const troupe_placeholder_t *placeholder)
{
  load_t *load = line->load;
  const troupe_error_t *error = troupe_placeholder_error (placeholder);
  if (load->failed++ == 0)
    snprintf (load->why, sizeof load->why, "call %u of line %u (%s%s): %s, %s: %s", line->done, line->number,
              line->service, line->is_volatile ? ", volatile" : "",
              troupe_placeholder_state (placeholder) == TROUPE_CALL_REFUSED ? "refused" : "failed",
              troupe_err_name (error->code), error->why);
}

static void
ended (void *context, troupe_placeholder_t *placeholder)
{
  line_t *line = context;
  load_t *load = line->load;
  const json_t *value = troupe_placeholder_value (placeholder);
  if (value == NULL)
    note_failure (line, placeholder);
  else
    load->again += json_integer_value (json_object_get (value, "attempt")) > 1;
  line->done++;
  load->done++;
  troupe_placeholder_destroy (&placeholder);
  if (!load->over)
    make_one (line);
}

static void
session_of (char session[SESSION_SIZE], const char *beginning, unsigned at)
{
  snprintf (session, SESSION_SIZE, "%s.%u", beginning, at / LOAD_ACTOR);
}

static void
make_one (line_t *line)
{
  char steps[256], session[SESSION_SIZE];
  int entry = (int)(line->number * LINE + line->made);
  bool actor = strncmp (line->service, "agent/", 6) == 0;
  session_of (session, line->session, line->made++);
  troupe_call_t call = {.service = line->service,
                        .session = actor ? session : NULL,
                        .deadline_ms = 2 * DEADLINE_MS,
                        .is_volatile = line->is_volatile,
                        .settled = ended,
                        .context = line};
  if (actor)
    snprintf (steps, sizeof steps, "[%s['remember', %d]]", line->steps, entry);
  else
    snprintf (steps, sizeof steps, "[%s]", line->steps);
  stage_call_with (line->node, &call, steps);
}

static line_t *
add_line (load_t *self, troupe_node_t *node, const char *service, const char *session, const char *steps)
{
  cr_assert_lt (self->count, LOAD_LINES_MAX);
  line_t *line = &self->lines[self->count];
  *line = (line_t){.load = self, .node = node, .service = service, .steps = steps, .number = self->count++};
  snprintf (line->session, sizeof line->session, "%s", session);
  return line;
}

static void
begin (line_t *line)
{
  for (int i = 0; i < LOAD_DEPTH; i++)
    make_one (line);
}

void
load_add (load_t *self, troupe_node_t *node, const char *service, const char *session, const char *steps)
{
  begin (add_line (self, node, service, session, steps));
}

void
load_add_volatile (load_t *self, troupe_node_t *node, const char *service)
{
  line_t *line = add_line (self, node, service, "", "");
  line->is_volatile = true;
  begin (line);
}

static void
expect_no_failure (const load_t *self)
{
  if (self->failed > 0)
    process_print_all ();
  cr_assert_eq (self->failed, 0, "%u of %u calls failed; the first: %s", self->failed, self->done, self->why);
}

void
load_pass (load_t *self, stage_t *stage, unsigned more)
{
  unsigned enough = self->done + more;
  STAGE_UNTIL (stage, self->done >= enough || self->failed > 0);
  expect_no_failure (self);
}

static bool
all_done (const load_t *self)
{
  for (unsigned i = 0; i < self->count; i++)
    if (self->lines[i].done < self->lines[i].made)
      return false;
  return true;
}

void
load_end (load_t *self, stage_t *stage)
{
  self->over = true;
  STAGE_UNTIL (stage, all_done (self));
  expect_no_failure (self);
}

// Of one actor. `next`: which call of each line is due.
static void
expect_memory (const load_t *self, const json_t *memory, const char *session, unsigned *next)
{
  size_t i;
  json_t *entry;
  json_array_foreach (memory, i, entry) {
    unsigned line = (unsigned)(json_integer_value (entry) / LINE), at = (unsigned)(json_integer_value (entry) % LINE);
    cr_assert_lt (line, self->count);
    cr_assert_eq (at, next[line], "%s: call %u of line %u stands where %u should", session, at, line, next[line]);
    next[line]++;
  }
}

void
load_expect_memory (const load_t *self, stage_t *stage, troupe_node_t *node, const char *service, const char *beginning)
{
  unsigned next[LOAD_LINES_MAX] = {0}, most = 0;
  char session[SESSION_SIZE];
  for (unsigned i = 0; i < self->count; i++)
    most = self->lines[i].made > most ? self->lines[i].made : most;
  for (unsigned at = 0; at < most; at += LOAD_ACTOR) {
    session_of (session, beginning, at);
    troupe_placeholder_t *call = stage_call (node, service, session, "[['recall']]");
    const json_t *value = stage_outcome (stage, call);
    cr_assert_not_null (value, "%s", troupe_placeholder_error (call)->why);
    expect_memory (self, json_array_get (json_object_get (value, "heard"), 0), session, next);
    troupe_placeholder_destroy (&call);
  }
  for (unsigned i = 0; i < self->count; i++) {
    const line_t *line = &self->lines[i];
    if (strcmp (line->service, service) == 0 && strcmp (line->session, beginning) == 0)
      cr_assert_eq (next[i], line->made, "%s: %u of line %u's %u calls are remembered", beginning, next[i], i,
                    line->made);
  }
}

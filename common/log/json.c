// SPDX-License-Identifier: Apache-2.0
//
// An event as one JSON object: time (UTC, RFC 3339), level, program, event, then its members, all texts. A member that
// doesn't fit is left out whole, so the object is valid however long its parts are, and "cut" says so.

#include "log/format.h"

#include <stdio.h>

static const char *const levels[] = {"debug", "info", "chat", "warning", "error"};

static void
member (log_line_t *line, const char *name, const char *value)
{
  size_t begin = line->size;
  log_line_puts (line, ",\"");
  log_line_name (line, name, LOG_JSON);
  log_line_puts (line, "\":\"");
  log_line_text (line, value, LOG_JSON);
  log_line_puts (line, "\"");
  if (line->full)
    line->size = begin;
}

void
log_format_json (log_line_t *line, const log_event_t *event)
{
  char head[128], stamp[32] = "";
  struct tm utc;
  if (gmtime_r (&event->time.tv_sec, &utc) != NULL)
    strftime (stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
  snprintf (head, sizeof head, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\"", stamp, event->time.tv_nsec / 1000000,
            levels[event->level]);
  log_line_puts (line, head);
  member (line, "program", event->program);
  member (line, "event", event->event);
  if (event->speaker != NULL) {
    member (line, "name", event->speaker);
    member (line, "text", event->text);
  }
  for (size_t i = 0; i < event->member_count && !line->full; i++)
    member (line, event->members[i].name, event->members[i].value);
  log_line_end (line, line->full ? ",\"cut\":\"true\"}\n" : "}\n");
}

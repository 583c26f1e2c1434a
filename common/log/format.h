// SPDX-License-Identifier: Apache-2.0
//
// Inside the module: an event, and its two forms.
#ifndef TROUPE_LOG_FORMAT_H
#define TROUPE_LOG_FORMAT_H

#include "log/line.h"
#include "troupe/log.h"

#include <time.h>

typedef struct {
  const char *name;
  const char *value;
} log_member_t;

typedef struct {
  struct timespec time;
  troupe_log_level_t level;
  const char *program;
  const char *event;
  const char *speaker; // of a CHAT event: who says `text`; else NULL
  const char *text;
  const log_member_t *members;
  size_t member_count;
  size_t for_machines; // how many members, from the first, only the JSON form has
} log_event_t;

void log_format_json (log_line_t *line, const log_event_t *event);
void log_format_pretty (log_line_t *line, const log_event_t *event, bool colour);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// An event for people: "12:34:56.789 agent/alice  INFO  registered  broker=broker-1 credit=16". What agents say gets a
// colour by who says it, the same one in every run and process: a hash of the name chooses it.

#include "log/format.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

// Of the 256-colour palette: apart from each other, and readable on black as on white.
static const unsigned speaker_colours[] = {31, 34, 64, 67, 97, 130, 133, 136, 161, 166, 169, 172};

static const struct {
  const char *name;
  const char *colour;
} levels[] = {
  [TROUPE_LOG_DEBUG] = {"DEBUG", "\033[2m"},  [TROUPE_LOG_INFO] = {"INFO ", "\033[32m"},
  [TROUPE_LOG_CHAT] = {"CHAT ", "\033[36m"},  [TROUPE_LOG_WARNING] = {"WARN ", "\033[33m"},
  [TROUPE_LOG_ERROR] = {"ERROR", "\033[31m"},
};

static const char reset[] = "\033[0m";

static uint32_t
hash (const char *name) // FNV-1a
{
  uint32_t value = 2166136261u;
  for (; *name != '\0'; name++)
    value = (value ^ (unsigned char)*name) * 16777619u;
  return value;
}

static void
head (log_line_t *line, const log_event_t *event, bool colour)
{
  char clock[16] = "", text[64];
  struct tm local;
  if (localtime_r (&event->time.tv_sec, &local) != NULL)
    strftime (clock, sizeof clock, "%H:%M:%S", &local);
  snprintf (text, sizeof text, "%s%s.%03ld%s ", colour ? "\033[2m" : "", clock, event->time.tv_nsec / 1000000,
            colour ? reset : "");
  log_line_puts (line, text);
  log_line_text (line, event->program, LOG_PLAIN);
  snprintf (text, sizeof text, "  %s%s%s ", colour ? levels[event->level].colour : "", levels[event->level].name,
            colour ? reset : "");
  log_line_puts (line, text);
}

static void
say (log_line_t *line, const log_event_t *event, bool colour)
{
  char begin[32];
  unsigned number = speaker_colours[hash (event->speaker) % (sizeof speaker_colours / sizeof *speaker_colours)];
  snprintf (begin, sizeof begin, "\033[38;5;%um", number);
  log_line_puts (line, colour ? begin : "");
  log_line_text (line, event->speaker, LOG_PLAIN);
  log_line_puts (line, ": ");
  log_line_text (line, event->text, LOG_BLOCK);
  if (colour)
    log_line_end (line, reset);
}

static bool
is_bare (const char *value)
{
  if (*value == '\0' || strlen (value) > LOG_VALUE_MAX)
    return false;
  for (; *value != '\0'; value++)
    if ((unsigned char)*value <= ' ' || strchr ("\"\\=\177", *value) != NULL)
      return false;
  return true;
}

static void
member (log_line_t *line, const log_member_t *member, const char *before)
{
  size_t begin = line->size;
  bool bare = is_bare (member->value);
  log_line_puts (line, before);
  log_line_name (line, member->name, LOG_PLAIN);
  log_line_puts (line, bare ? "=" : "=\"");
  log_line_text (line, member->value, bare ? LOG_PLAIN : LOG_QUOTED);
  log_line_puts (line, bare ? "" : "\"");
  if (line->full)
    line->size = begin;
}

void
log_format_pretty (log_line_t *line, const log_event_t *event, bool colour)
{
  head (line, event, colour);
  if (event->speaker != NULL)
    say (line, event, colour);
  else
    log_line_text (line, event->event, LOG_PLAIN);
  for (size_t i = event->for_machines; i < event->member_count && !line->full; i++)
    member (line, &event->members[i], i == event->for_machines ? "  " : " ");
  log_line_end (line, line->full ? " ...[cut]\n" : "\n");
}

// SPDX-License-Identifier: Apache-2.0
//
// The log: levels as AgentScope has them (CHAT, what agents say, stands between INFO and WARNING), for people on a
// terminal (a colour per speaker) or one JSON object a line for machines. Lines go to stderr, each by one write,
// so the lines of several processes never mix.
//
// A secret never reaches the log: values registered by troupe_log_secret are replaced by "***" wherever they occur.
//
//   troupe_log_init (&(troupe_log_options_t){ .program = "agent/alice" });
//   troupe_log (TROUPE_LOG_INFO, "registered", "broker", "broker-1", "credit", "16", NULL);
//
// One log per process; every function is thread-safe after troupe_log_init. Before it, lines are pretty, at INFO.
#ifndef TROUPE_LOG_H
#define TROUPE_LOG_H

#include "troupe/message.h"

typedef enum {
  TROUPE_LOG_DEBUG,
  TROUPE_LOG_INFO,
  TROUPE_LOG_CHAT,
  TROUPE_LOG_WARNING,
  TROUPE_LOG_ERROR,
  TROUPE_LOG_OFF
} troupe_log_level_t;

typedef enum {
  TROUPE_LOG_AUTO,   // pretty when stderr is a terminal, JSON otherwise
  TROUPE_LOG_PRETTY, // colours only on a terminal, and not when NO_COLOR is set
  TROUPE_LOG_JSON
} troupe_log_format_t;

typedef struct {
  const char *program; // stands in every line: "broker-1", "agent/alice"; borrowed for ever
  troupe_log_level_t level;
  troupe_log_format_t format;
} troupe_log_options_t;

// The environment overrides the options: TROUPE_LOG_LEVEL (debug, info, chat, warning, error, off),
// TROUPE_LOG_FORMAT (auto, pretty, json). An unknown word there is a warning in the log.
void troupe_log_init (const troupe_log_options_t *options);
bool troupe_log_level_of_name (troupe_log_level_t *out, const char *name);
bool troupe_log_format_of_name (troupe_log_format_t *out, const char *name);
bool troupe_log_enabled (troupe_log_level_t level);
// Values of at least 6 characters are hidden from now on (shorter ones would hide ordinary words). At most 1024; when
// one can't be remembered, the log says so and hides every text from then on.
void troupe_log_secret (const char *value);

// One event: what happened, in few words, then names and values as strings, NULL-terminated.
void troupe_log (troupe_log_level_t level, const char *event, ...) __attribute__ ((sentinel));
// An event with an error's record: object, code, why and next become members.
void troupe_log_error (troupe_log_level_t level, const char *event, const troupe_error_t *error);
// What an agent said.
void troupe_log_chat (const troupe_message_t *message);

#endif

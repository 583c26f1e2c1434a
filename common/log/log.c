// SPDX-License-Identifier: Apache-2.0
//
// The log's state and its way out. Lines are composed in one static buffer under a lock, so logging allocates nothing,
// costs no more than its bytes, and still works when memory is short. A line leaves by one write, which the kernel
// keeps whole on a terminal and in a file; in a pipe up to PIPE_BUF (4096) bytes.
//
// A write that fails (a full disk, a pipe that nobody reads, a terminal that was stopped) must not stop the process:
// the line is lost, it is counted, and the next line that gets through is followed by one that tells how many were
// lost. Standard error is shared with others, so it can't be made non-blocking: whether it takes something is asked
// before each write, and who doesn't read in time is not waited for again until it does.

#include "log/format.h"
#include "log/secret.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  MEMBERS_MAX = 32, // an event is a few words; more members than that are a report
  PATIENCE_MS = 100 // with who reads the log: enough for one that reads at all, and far below any lease
};

static const char *const level_names[] = {"debug", "info", "chat", "warning", "error", "off"};
static const char *const format_names[] = {"auto", "pretty", "json"};

static atomic_int least_level = TROUPE_LOG_INFO;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // over all that follows, and over the secrets
static const char *program;
static bool json;
static bool colour;
static bool torn; // the last write stopped in the middle of its line
static unsigned long lost;
static log_line_t line;

static int
word_of (const char *name, const char *const *words, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if (strcmp (words[i], name) == 0)
      return (int)i;
  return -1;
}

bool
troupe_log_level_of_name (troupe_log_level_t *out, const char *name)
{
  int found = word_of (name, level_names, sizeof level_names / sizeof *level_names);
  if (found >= 0)
    *out = (troupe_log_level_t)found;
  return found >= 0;
}

bool
troupe_log_format_of_name (troupe_log_format_t *out, const char *name)
{
  int found = word_of (name, format_names, sizeof format_names / sizeof *format_names);
  if (found >= 0)
    *out = (troupe_log_format_t)found;
  return found >= 0;
}

bool
troupe_log_enabled (troupe_log_level_t level)
{
  return level != TROUPE_LOG_OFF && (int)level >= atomic_load_explicit (&least_level, memory_order_relaxed);
}

// All of the line, or false. When a pipe takes anything, it takes PIPE_BUF bytes at once. A part that was written stays
// there: `torn` begins the next line on a new one.
static bool
write_line (void)
{
  size_t done = 0;
  struct stat about;
  bool whole = fstat (STDERR_FILENO, &about) != 0 || !(S_ISFIFO (about.st_mode) || S_ISSOCK (about.st_mode));
  while (done < line.size) {
    size_t rest = line.size - done;
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    int ready = poll (&out, 1, lost > 0 ? 0 : PATIENCE_MS);
    if (ready < 0 && errno == EINTR)
      continue;
    if (ready == 0) {
      torn = torn || done > 0;
      return false;
    }
    ssize_t size = write (STDERR_FILENO, line.bytes + done, whole || rest < PIPE_BUF ? rest : PIPE_BUF);
    if (size < 0 && errno == EINTR)
      continue;
    if (size <= 0) {
      torn = torn || done > 0;
      return false;
    }
    done += (size_t)size;
  }
  torn = false;
  return true;
}

// With the lock held.
static bool
emit (const log_event_t *event)
{
  line.size = 0;
  line.full = false;
  if (torn)
    log_line_puts (&line, "\n");
  if (json)
    log_format_json (&line, event);
  else
    log_format_pretty (&line, event, colour);
  return write_line ();
}

static void
report_lost (log_event_t event)
{
  char text[24];
  snprintf (text, sizeof text, "%lu", lost);
  const log_member_t member = {"count", text};
  event.level = TROUPE_LOG_WARNING;
  event.event = "log lines lost";
  event.speaker = event.text = NULL;
  event.members = &member;
  event.member_count = 1;
  event.for_machines = 0;
  if (emit (&event))
    lost = 0;
}

static void
log_event (log_event_t *event)
{
  clock_gettime (CLOCK_REALTIME, &event->time);
  int saved = errno;
  pthread_mutex_lock (&lock);
  event->program = program != NULL ? program : program_invocation_short_name;
  if (!emit (event))
    lost++;
  else if (lost > 0)
    report_lost (*event);
  pthread_mutex_unlock (&lock);
  errno = saved; // so that a caller may log between a failure and its report
}

void
troupe_log (troupe_log_level_t level, const char *what, ...)
{
  if (!troupe_log_enabled (level))
    return;
  log_member_t members[MEMBERS_MAX];
  log_event_t event = {.level = level, .event = what, .members = members};
  va_list list;
  va_start (list, what);
  for (const char *name; event.member_count < MEMBERS_MAX && (name = va_arg (list, const char *)) != NULL;) {
    const char *value = va_arg (list, const char *);
    members[event.member_count++] = (log_member_t){name, value != NULL ? value : ""};
    if (value == NULL)
      break;
  }
  va_end (list);
  log_event (&event);
}

void
troupe_log_error (troupe_log_level_t level, const char *what, const troupe_error_t *error)
{
  if (!troupe_log_enabled (level))
    return;
  char retry[16];
  snprintf (retry, sizeof retry, "%u", error->retry_after_ms);
  const log_member_t all[] = {{"object", error->object},
                              {"code", troupe_err_name (error->code)},
                              {"why", error->why},
                              {"next", error->next},
                              {"retry_after_ms", error->retry_after_ms > 0 ? retry : ""}};
  log_member_t members[sizeof all / sizeof *all];
  log_event_t event = {.level = level, .event = what, .members = members};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (*all[i].value != '\0')
      members[event.member_count++] = all[i];
  log_event (&event);
}

void
troupe_log_chat (const troupe_message_t *message)
{
  if (!troupe_log_enabled (TROUPE_LOG_CHAT))
    return;
  char *text = troupe_message_text (message);
  char id[TROUPE_ID_TEXT_SIZE];
  troupe_id_to_text (troupe_message_id (message), id);
  const json_t *urls = troupe_message_url (message);
  size_t url_count = json_array_size (urls);
  char more[24];
  snprintf (more, sizeof more, "%zu", url_count > 0 ? url_count - 1 : 0);
  const log_member_t members[] = {{"role", troupe_role_name (troupe_message_role (message))},
                                  {"id", id},
                                  {"url", json_string_value (json_array_get (urls, 0))},
                                  {"more_urls", more}};
  log_event_t event = {.level = TROUPE_LOG_CHAT,
                       .event = "said",
                       .speaker = troupe_message_name (message),
                       .text = text != NULL ? text : "(out of memory)",
                       .members = members,
                       .member_count = url_count > 1 ? 4 : 2 + url_count,
                       .for_machines = 2};
  log_event (&event);
  free (text);
}

void
troupe_log_secret (const char *value)
{
  pthread_mutex_lock (&lock);
  bool remembered = log_secret_add (value);
  pthread_mutex_unlock (&lock);
  if (remembered)
    return;
  troupe_log (TROUPE_LOG_ERROR, "a secret can't be hidden, so from here on all texts are", "why",
              "1024 are hidden already, or no memory is left", NULL);
  pthread_mutex_lock (&lock);
  log_secret_hide_all ();
  pthread_mutex_unlock (&lock);
}

// Reads one environment variable; false when it holds a word that isn't of the table.
static bool
override (const char *variable, const char *const *words, size_t count, int *value)
{
  const char *text = getenv (variable);
  if (text == NULL || *text == '\0')
    return true;
  int found = word_of (text, words, count);
  if (found >= 0)
    *value = found;
  return found >= 0;
}

void
troupe_log_init (const troupe_log_options_t *options)
{
  int level = (int)options->level, format = (int)options->format;
  bool level_known = override ("TROUPE_LOG_LEVEL", level_names, sizeof level_names / sizeof *level_names, &level);
  bool format_known = override ("TROUPE_LOG_FORMAT", format_names, sizeof format_names / sizeof *format_names, &format);
  const char *no_color = getenv ("NO_COLOR");
  bool terminal = isatty (STDERR_FILENO) == 1;
  pthread_mutex_lock (&lock);
  program = options->program;
  json = format == TROUPE_LOG_JSON || (format == TROUPE_LOG_AUTO && !terminal);
  colour = terminal && (no_color == NULL || *no_color == '\0');
  pthread_mutex_unlock (&lock);
  atomic_store (&least_level, level);
  if (!level_known)
    troupe_log (TROUPE_LOG_WARNING, "unknown log level", "TROUPE_LOG_LEVEL", getenv ("TROUPE_LOG_LEVEL"), "known",
                "debug, info, chat, warning, error, off", NULL);
  if (!format_known)
    troupe_log (TROUPE_LOG_WARNING, "unknown log format", "TROUPE_LOG_FORMAT", getenv ("TROUPE_LOG_FORMAT"), "known",
                "auto, pretty, json", NULL);
}

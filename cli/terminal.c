// SPDX-License-Identifier: Apache-2.0
//
// Lines (terminal.h). libedit is used key by key (EL_UNBUFFERED): each readable byte is one call that returns at
// once, so the loop goes on while the user types, and no second thread reads the terminal. Switching EL_UNBUFFERED on
// shows the prompt and makes the terminal raw, switching it off makes it as it was; what is typed while no line is
// wanted waits in the kernel.
//
// In this mode el_gets doesn't tell an empty line from a failed read, so a terminal that hung up is known by poll's
// word. Lines from elsewhere are gathered in a buffer; reading stops while nobody asks, so a fast writer is held
// back.
#include "cli/terminal.h"

#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

enum { READ_SIZE = 64 * 1024, PROMPT_MAX = 160, END_KEY = 4 };

struct terminal {
  troupe_loop_t *loop;
  terminal_line_fn *line;
  void *context;
  bool asked;
  char prompt[PROMPT_MAX];
  // A person:
  EditLine *editor; // NULL: none
  FILE *screen;
  History *history;
  char *history_path;
  bool watching;
  // Anything else:
  char *bytes;
  size_t size, capacity, scanned;
  bool skipping, ended;
  int failure; // what ended it, an errno; 0: its end
};

// -- A person --------------------------------------------------------------------------------------------------------

static char *
show_prompt (EditLine *editor)
{
  terminal_t *self;
  el_get (editor, EL_CLIENTDATA, &self);
  return self->prompt;
}

static void
remember (terminal_t *self, const char *line)
{
  HistEvent event;
  if (!self->history || !*line)
    return;
  history (self->history, &event, H_ENTER, line);
  if (self->history_path)
    history (self->history, &event, H_SAVE, self->history_path);
}

static void
set_keys (EditLine *editor)
{
  static const char *const keys[][2] = {{"^R", "em-inc-search-prev"},      {"^W", "ed-delete-prev-word"},
                                        {"\\e[3~", "ed-delete-next-char"}, {"\\e[H", "ed-move-to-beg"},
                                        {"\\e[F", "ed-move-to-end"},       {"\\e[1;5C", "em-next-word"},
                                        {"\\e[1;5D", "ed-prev-word"}};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    el_set (editor, EL_BIND, keys[i][0], keys[i][1], NULL);
}

// UTF-8 is what messages are; a machine without a locale has C.UTF-8 at least.
static void
set_locale (void)
{
  setlocale (LC_CTYPE, "");
  if (strcmp (nl_langinfo (CODESET), "UTF-8") != 0)
    setlocale (LC_CTYPE, "C.UTF-8");
}

static bool
open_editor (terminal_t *self, const char *path)
{
  HistEvent event;
  set_locale ();
  self->screen = isatty (STDOUT_FILENO) ? stdout : stderr;
  self->editor = el_init ("troupe", stdin, self->screen, stderr);
  self->history = history_init ();
  self->history_path = path ? strdup (path) : NULL;
  if (!self->editor || !self->history || (path && !self->history_path))
    return false;
  history (self->history, &event, H_SETSIZE, TERMINAL_HISTORY_MAX);
  history (self->history, &event, H_SETUNIQUE, 1);
  if (path)
    history (self->history, &event, H_LOAD, path);
  el_set (self->editor, EL_CLIENTDATA, self);
  el_set (self->editor, EL_PROMPT_ESC, show_prompt, '\1');
  el_set (self->editor, EL_EDITOR, "emacs");
  el_set (self->editor, EL_SIGNAL, 0);
  el_set (self->editor, EL_HIST, history, self->history);
  set_keys (self->editor);
  el_source (self->editor, NULL);
  return true;
}

static void
stop_editing (terminal_t *self)
{
  el_set (self->editor, EL_UNBUFFERED, 0);
  self->asked = false;
}

static void
on_key (terminal_t *self, short events)
{
  int count = 0;
  const char *typed = events & ZMQ_POLLERR ? NULL : el_gets (self->editor, &count);
  bool end = events & ZMQ_POLLERR || (typed && count == 1 && typed[0] == END_KEY);
  if (!end && (!typed || count <= 0 || (typed[count - 1] != '\n' && typed[count - 1] != '\r')))
    return;
  char *line = end ? NULL : strndup (typed, (size_t)count - 1);
  stop_editing (self);
  if (end)
    fputc ('\n', self->screen);
  if (line)
    remember (self, line);
  self->line (self->context, line, NULL);
  free (line);
}

// -- Anything else ---------------------------------------------------------------------------------------------------

static void
deliver (terminal_t *self, const char *line, const troupe_error_t *error)
{
  self->asked = false;
  self->line (self->context, line, error);
}

// The first bytes as a line; NULL: they aren't one, `error` tells why.
static char *
take_line (terminal_t *self, size_t length, troupe_error_t *error)
{
  static const char object[] = "standard input";
  bool skipped = self->skipping;
  self->skipping = false;
  if (skipped)
    troupe_error_set (error, TROUPE_TOO_LARGE, object, "files travel by URL", "a line of more than %d MiB",
                      TERMINAL_LINE_MAX / 1024 / 1024);
  else if (length > 0 && memchr (self->bytes, '\0', length))
    troupe_error_set (error, TROUPE_BAD_MESSAGE, object, "lines are texts of UTF-8", "there is a NUL in the line");
  else {
    char *line = length > 0 ? strndup (self->bytes, length) : strdup ("");
    if (line)
      return line;
    troupe_error_set (error, TROUPE_NO_MEMORY, object, NULL, "out of memory: a line is lost");
  }
  return NULL;
}

// Nothing more comes: why, if it isn't that all was read, and then that it has ended.
static void
give_end (terminal_t *self)
{
  troupe_error_t error;
  int failure = self->failure;
  self->failure = 0;
  if (failure == 0)
    deliver (self, NULL, NULL);
  else {
    troupe_error_set (&error, failure == ENOMEM ? TROUPE_NO_MEMORY : TROUPE_IO, "standard input", NULL,
                      "can't be read: %s", strerror (failure));
    deliver (self, NULL, &error);
  }
}

// Gives the first whole line of the buffer, or what is left at the end.
static bool
give_line (terminal_t *self)
{
  size_t unseen = self->size - self->scanned;
  char *feed = unseen ? memchr (self->bytes + self->scanned, '\n', unseen) : NULL;
  self->scanned = self->size;
  if (!feed && !self->ended)
    return false;
  size_t length = feed ? (size_t)(feed - self->bytes) : self->size;
  if (!feed && length == 0 && !self->skipping) {
    give_end (self);
    return true;
  }
  bool carriage_return = length > 0 && self->bytes[length - 1] == '\r';
  troupe_error_t error;
  char *line = take_line (self, carriage_return ? length - 1 : length, &error);
  size_t taken = length + (feed ? 1 : 0);
  memmove (self->bytes, self->bytes + taken, self->size - taken);
  self->size -= taken;
  self->scanned = 0;
  deliver (self, line, line ? NULL : &error);
  free (line);
  return true;
}

static bool
make_room (terminal_t *self)
{
  if (self->size + READ_SIZE > TERMINAL_LINE_MAX) {
    self->skipping = true;
    self->size = self->scanned = 0;
  }
  if (self->size + READ_SIZE <= self->capacity)
    return true;
  size_t capacity = self->capacity ? self->capacity * 2 : READ_SIZE;
  char *bytes = realloc (self->bytes, capacity);
  if (!bytes)
    return false;
  self->bytes = bytes;
  self->capacity = capacity;
  return true;
}

static void
on_bytes (terminal_t *self)
{
  bool room = make_room (self);
  ssize_t got = room ? read (STDIN_FILENO, self->bytes + self->size, READ_SIZE) : -1;
  if (room && got < 0 && (errno == EINTR || errno == EAGAIN))
    return;
  if (got < 0)
    self->failure = room ? errno : ENOMEM;
  if (got <= 0)
    self->ended = true;
  else
    self->size += (size_t)got;
}

// -- Both ------------------------------------------------------------------------------------------------------------

static void
on_ready (void *context, short events)
{
  terminal_t *self = context;
  if (self->editor)
    on_key (self, events);
  else
    on_bytes (self);
}

static void
watch (terminal_t *self, bool wanted)
{
  if (wanted != self->watching)
    troupe_loop_add_fd (self->loop, STDIN_FILENO, wanted ? ZMQ_POLLIN : 0, on_ready, self);
  self->watching = wanted;
}

static int64_t
prepare (void *context, int64_t now)
{
  terminal_t *self = context;
  bool more = self->asked && !self->editor && (self->size > 0 || self->ended) && give_line (self);
  watch (self, self->asked && !self->ended);
  return more ? now : TROUPE_LOOP_NEVER;
}

troupe_err_t
terminal_open (terminal_t **out, troupe_loop_t *loop, const char *history_path, terminal_line_fn *line, void *context,
               troupe_error_t *error)
{
  terminal_t *self = calloc (1, sizeof *self);
  bool made = self != NULL;
  if (made) {
    self->loop = loop;
    self->line = line;
    self->context = context;
    made = !isatty (STDIN_FILENO) || open_editor (self, history_path);
  }
  if (made && troupe_loop_add_prepare (loop, prepare, self) == TROUPE_OK) {
    *out = self;
    return TROUPE_OK;
  }
  terminal_close (&self);
  return troupe_error_set (error, TROUPE_NO_MEMORY, "the terminal", NULL, "can't be set up");
}

void
terminal_close (terminal_t **self_p)
{
  terminal_t *self = *self_p;
  *self_p = NULL;
  if (!self)
    return;
  troupe_loop_remove_prepare (self->loop, prepare, self);
  troupe_loop_remove_fd (self->loop, STDIN_FILENO);
  if (self->editor) {
    terminal_dismiss (self);
    el_end (self->editor);
  }
  if (self->history)
    history_end (self->history);
  free (self->history_path);
  free (self->bytes);
  free (self);
}

bool
terminal_interactive (const terminal_t *self)
{
  return self->editor != NULL;
}

void
terminal_ask (terminal_t *self, const char *prompt)
{
  bool changed = strcmp (self->prompt, prompt) != 0;
  if (changed)
    snprintf (self->prompt, sizeof self->prompt, "%s", prompt);
  if (self->editor && !self->asked)
    el_set (self->editor, EL_UNBUFFERED, 1);
  else if (self->editor && changed) {
    terminal_print_begin (self);
    terminal_print_end (self);
  }
  self->asked = true;
}

static void
clear_prompt (terminal_t *self)
{
  fputs ("\r\033[K", self->screen);
  fflush (self->screen);
}

void
terminal_dismiss (terminal_t *self)
{
  if (self->editor && self->asked) {
    stop_editing (self);
    clear_prompt (self);
  }
  self->asked = false;
}

bool
terminal_discard (terminal_t *self)
{
  if (!self->editor || !self->asked)
    return false;
  const LineInfo *line = el_line (self->editor);
  bool typed = line->lastchar != line->buffer;
  stop_editing (self);
  fputs ("^C\n", self->screen);
  el_reset (self->editor);
  terminal_ask (self, self->prompt);
  return typed;
}

void
terminal_print_begin (terminal_t *self)
{
  if (self->editor && self->asked)
    clear_prompt (self);
}

void
terminal_print_end (terminal_t *self)
{
  fflush (stdout);
  if (self->editor && self->asked)
    el_set (self->editor, EL_REFRESH);
}

// SPDX-License-Identifier: Apache-2.0
//
// Showing a conversation (speech.h). Parts may be dropped on their way, since they are not stored; so what was shown
// is kept and compared with the reply, which is complete: the rest is added, or, if they differ, the reply shown
// anew.
#include "cli/speech.h"

#include "cli/output.h"
#include "troupe/message.h"

#include <stdlib.h>
#include <string.h>

// Readable on light and dark backgrounds: the six hues without black and white.
static const char *const hues[] = {"\033[36m", "\033[33m", "\033[35m", "\033[32m", "\033[34m", "\033[31m"};

void
speech_init (speech_t *self, const char *speaker, bool interactive, bool json)
{
  *self = (speech_t){
    .interactive = interactive, .json = json, .colour = interactive && output_colour (stdout), .speaker = speaker};
}

static void
print_name (const speech_t *self, const char *name)
{
  unsigned sum = 0;
  for (const char *at = name; *at; at++)
    sum = sum * 31 + (unsigned char)*at;
  if (self->colour)
    fputs (hues[sum % (sizeof hues / sizeof *hues)], stdout);
  output_text (stdout, name);
  printf (":%s ", self->colour ? OUTPUT_PLAIN : "");
}

static void
forget (speech_t *self)
{
  free (self->streamed);
  self->streamed = NULL;
  self->size = 0;
  self->inside = false;
}

void
speech_pause (speech_t *self)
{
  if (self->inside)
    putchar ('\n');
  fflush (stdout);
  self->inside = false;
}

void
speech_part (speech_t *self, unsigned attempt, bool again, const char *text)
{
  if (!self->interactive || self->json)
    return;
  if (self->size > 0 && (again || attempt != self->attempt)) {
    speech_pause (self);
    printf ("%s(a process was lost; the reply begins again)%s\n", self->colour ? OUTPUT_DIM : "",
            self->colour ? OUTPUT_PLAIN : "");
    forget (self);
  }
  self->attempt = attempt;
  size_t more = strlen (text);
  char *grown = realloc (self->streamed, self->size + more + 1);
  if (!grown)
    return; // the reply will bring it
  memcpy (grown + self->size, text, more + 1);
  if (self->size == 0)
    print_name (self, self->speaker);
  self->streamed = grown;
  self->size += more;
  self->inside = true;
  output_text (stdout, text);
  fflush (stdout);
}

// What a message says: its text, or else its blocks as JSON. A new string.
static char *
words_of (const troupe_message_t *message)
{
  char *text = troupe_message_text (message);
  if ((text && *text) || json_is_string (troupe_message_content (message)))
    return text;
  free (text);
  return json_dumps (troupe_message_content (message), JSON_COMPACT);
}

static void
show_reply (speech_t *self, const char *text)
{
  if (!self->interactive) {
    output_text (stdout, text);
    putchar ('\n');
    return;
  }
  bool begun = self->size > 0 && strncmp (text, self->streamed, self->size) == 0;
  if (!begun) {
    speech_pause (self);
    print_name (self, self->speaker);
  }
  output_text (stdout, begun ? text + self->size : text);
  putchar ('\n');
}

void
speech_reply (speech_t *self, json_t *value)
{
  troupe_message_t *message = NULL;
  char *text = NULL;
  if (self->json)
    output_json_line (value);
  else if (troupe_message_of_json (&message, value, NULL) == TROUPE_OK)
    text = words_of (message);
  else
    text = json_dumps (value, JSON_COMPACT | JSON_ENCODE_ANY);
  if (text)
    show_reply (self, text);
  free (text);
  troupe_message_unref (&message);
  fflush (stdout);
  forget (self);
}

void
speech_failure (speech_t *self, const troupe_error_t *error)
{
  speech_pause (self);
  forget (self);
  bool colour = self->interactive && output_colour (stderr);
  fprintf (stderr, "%s✕%s ", colour ? OUTPUT_RED : "", colour ? OUTPUT_PLAIN : "");
  troupe_error_print (error, stderr);
  if (!self->json)
    return;
  json_t *line = json_pack ("{s:o}", "error", troupe_error_to_json (error));
  output_json_line (line);
  json_decref (line);
}

static void
show_question (speech_t *self, json_t *input)
{
  troupe_message_t *message = NULL;
  if (json_is_string (input)) {
    output_text (stdout, json_string_value (input));
    putchar ('\n');
  } else if (troupe_message_of_json (&message, input, NULL) == TROUPE_OK) {
    char *text = words_of (message);
    print_name (self, troupe_message_name (message));
    output_text (stdout, text ? text : "");
    putchar ('\n');
    free (text);
  }
  troupe_message_unref (&message);
}

void
speech_question (speech_t *self, json_t *input)
{
  size_t i;
  json_t *item;
  speech_pause (self);
  if (self->json) {
    json_t *line = json_pack ("{s:O}", "question", input);
    output_json_line (line);
    json_decref (line);
  } else if (json_is_array (input)) {
    json_array_foreach (input, i, item) show_question (self, item);
  } else if (json_is_null (input))
    printf ("(it is your turn)\n");
  else
    show_question (self, input);
  fflush (stdout);
}

void
speech_free (speech_t *self)
{
  forget (self);
}

// SPDX-License-Identifier: Apache-2.0
//
// The help, laid out from the tables: 80 columns, two columns for verbs and options. In `details`, lines that begin
// with a space (examples, tables) stay as they are; the others are paragraphs, filled to the width.

#include "error/utf8.h"
#include "option/option.h"

#include <string.h>

enum {
  WIDTH = 80,
  INDENT = 2,
  LEFT_MAX = 28, // a longer name of an option or verb puts its text on the next line
  LEFT_SIZE = 160
};

typedef struct {
  FILE *file;
  size_t column; // where the cursor is
  size_t margin; // where lines begin
} writer_t;

static void
pad (writer_t *self, size_t column)
{
  for (; self->column < column; self->column++)
    fputc (' ', self->file);
}

static void
word (writer_t *self, const char *text, size_t size)
{
  char copy[256]; // one word of a help text, or an URL in it
  snprintf (copy, sizeof copy, "%.*s", (int)size, text);
  size_t width = utf8_count (copy);
  bool first = self->column <= self->margin;
  if (!first && self->column + 1 + width > WIDTH) {
    fputc ('\n', self->file);
    self->column = 0;
    first = true;
  }
  pad (self, first ? self->margin : self->column + 1);
  fputs (copy, self->file);
  self->column += width;
}

// Fills `text` (up to `size` bytes) between the margin and the width.
static void
fill (writer_t *self, const char *text, size_t size)
{
  for (size_t i = 0; i < size;) {
    size_t blank = strspn (text + i, " \n");
    i += blank;
    size_t length = strcspn (text + i, " \n");
    if (i >= size || length == 0)
      return;
    word (self, text + i, length < size - i ? length : size - i);
    i += length;
  }
}

static void
end_line (writer_t *self)
{
  fputc ('\n', self->file);
  self->column = 0;
}

// The bytes of the paragraph at `text`: up to an empty line, a line that begins with a space, or the end. An empty
// line and a line that begins with a space are one of their own.
static size_t
paragraph_size (const char *text)
{
  size_t size = 0;
  if (*text == '\n' || *text == ' ')
    return strcspn (text, "\n");
  for (;;) {
    size += strcspn (text + size, "\n");
    if (text[size] == '\0' || text[size + 1] == '\0' || text[size + 1] == '\n' || text[size + 1] == ' ')
      return size;
    size++;
  }
}

static void
details (FILE *file, const char *text)
{
  writer_t self = {file, 0, 0};
  while (*text != '\0') {
    size_t size = paragraph_size (text);
    if (*text == ' ')
      fprintf (file, "%.*s", (int)size, text);
    else
      fill (&self, text, size);
    end_line (&self);
    text += size + (text[size] == '\n');
  }
}

static void
row (FILE *file, const char *left, size_t left_width, const char *text, const char *note)
{
  writer_t self = {file, 0, INDENT};
  pad (&self, INDENT);
  fputs (left, file);
  self.column += utf8_count (left);
  self.margin = INDENT + left_width + 2;
  if (self.column + 2 > self.margin)
    end_line (&self);
  pad (&self, self.margin);
  fill (&self, text, strlen (text));
  if (note != NULL)
    fill (&self, note, strlen (note));
  end_line (&self);
}

static void
left_of_option (char left[LEFT_SIZE], const troupe_option_t *option)
{
  char letter[8] = "    ";
  if (option->letter != 0)
    snprintf (letter, sizeof letter, "-%c, ", option->letter);
  snprintf (left, LEFT_SIZE, "%s--%s%s%s", letter, option->name, option->value != NULL ? " " : "",
            option->value != NULL ? option->value : "");
}

static void
widen (size_t *width, const char *left)
{
  size_t size = utf8_count (left);
  if (size > *width && size <= LEFT_MAX)
    *width = size;
}

static void
option_rows (FILE *file, const troupe_option_t *options, size_t width)
{
  for (; options != NULL && options->name != NULL; options++) {
    char left[LEFT_SIZE], note[LEFT_SIZE] = "";
    left_of_option (left, options);
    if (options->fallback != NULL && options->variable != NULL)
      snprintf (note, sizeof note, "(default: $%s, else %s)", options->variable, options->fallback);
    else if (options->fallback != NULL && *options->fallback != '\0')
      snprintf (note, sizeof note, "(default: %s)", options->fallback);
    row (file, left, width, options->help, note);
    if (options->repeats)
      row (file, "", width, "(may be given several times)", NULL);
  }
}

static void
options_of (const troupe_option_t *own, FILE *file)
{
  char left[LEFT_SIZE];
  size_t width = 0;
  for (const troupe_option_t *o = own; o != NULL && o->name != NULL; o++) {
    left_of_option (left, o);
    widen (&width, left);
  }
  for (const troupe_option_t *o = option_everywhere; o->name != NULL; o++) {
    left_of_option (left, o);
    widen (&width, left);
  }
  fputs ("\nOptions:\n", file);
  option_rows (file, own, width);
  option_rows (file, option_everywhere, width);
}

static void
verbs_of (const troupe_program_t *program, FILE *file)
{
  size_t width = strlen ("version");
  for (const troupe_verb_t *v = program->verbs; v->run != NULL; v++)
    widen (&width, v->name);
  fputs ("\nVerbs:\n", file);
  for (const troupe_verb_t *v = program->verbs; v->run != NULL; v++)
    row (file, v->name, width, v->summary, NULL);
  row (file, "help", width, "Show this text, or the help of a verb.", NULL);
  row (file, "version", width, "Show the version.", NULL);
  fprintf (file, "\n`%s help VERB` or `%s VERB --help` explains a verb and its options.\n", program->name,
           program->name);
}

void
option_help_program (const troupe_program_t *program, FILE *file)
{
  if (program->verbs->name == NULL) {
    option_help_verb (program, program->verbs, file);
    return;
  }
  fprintf (file, "%s: %s\n\nUsage: %s VERB [OPTION...] [OPERAND...]\n", program->name, program->summary, program->name);
  verbs_of (program, file);
  if (program->details != NULL) {
    fputc ('\n', file);
    details (file, program->details);
  }
}

void
option_help_verb (const troupe_program_t *program, const troupe_verb_t *verb, FILE *file)
{
  const char *operands = verb->operands != NULL ? verb->operands : "";
  if (verb->name == NULL)
    fprintf (file, "%s: %s\n\n", program->name, program->summary);
  fprintf (file, "Usage: %s%s%s [OPTION...]%s%s\n", program->name, verb->name != NULL ? " " : "",
           verb->name != NULL ? verb->name : "", *operands != '\0' ? " " : "", operands);
  if (verb->summary != NULL && *verb->summary != '\0') {
    fputc ('\n', file);
    details (file, verb->summary);
  }
  if (verb->details != NULL) {
    fputc ('\n', file);
    details (file, verb->details);
  }
  options_of (verb->options, file);
  if (verb->name == NULL && program->details != NULL) {
    fputc ('\n', file);
    details (file, program->details);
  }
}

// SPDX-License-Identifier: Apache-2.0
//
// Pages: text by hand around parts that are printed anew. A part begins with a line that holds "<!-- generated: NAME
// -->" and ends with one that holds "<!-- end -->"; both lines stay. A page is rendered whole into memory before the
// file is touched, so a failure leaves it as it was.

#include "generate/reference.h"

#include <errno.h>
#include <stdlib.h>

const char *const reference_pages[] = {
  "docs/reference/protocol.md",
  "docs/reference/errors.md",
  "docs/reference/metrics.md",
  "tests/fuzz/protocol.dict",
  "docs/reference/models/openai.md",
  "docs/reference/models/openai_chat.md",
  "docs/reference/models/azure_openai.md",
  "docs/reference/models/anthropic.md",
  "docs/reference/models/gemini.md",
  "docs/reference/models/dashscope.md",
  "docs/reference/models/ollama.md",
  "docs/reference/models/modelscope.md",
  "docs/reference/models/huggingface.md",
  "docs/reference/models/vllm.md",
  "docs/reference/models/fastchat.md",
  "docs/reference/models/llamacpp.md",
  "docs/reference/models/post_api.md",
  "docs/reference/models/rehearsal.md",
  NULL,
};

static const char begin_mark[] = "<!-- generated: ";
static const char close_mark[] = " -->";
static const char end_mark[] = "<!-- end -->";

// Where the part's name begins in a line that begins one, cut off behind it; NULL in other lines.
static char *
part_name (char *line)
{
  char *begin = strstr (line, begin_mark);
  char *close = begin != NULL ? strstr (begin + sizeof begin_mark - 1, close_mark) : NULL;
  if (close == NULL)
    return NULL;
  *close = '\0';
  return begin + sizeof begin_mark - 1;
}

// What `reference_render` keeps while it reads.
typedef struct {
  const char *path;
  FILE *in, *out;
  char *line;
  size_t capacity;
  troupe_error_t *error;
} rendering_t;

static troupe_err_t
render_part (rendering_t *self)
{
  fputs (self->line, self->out);
  char *name = part_name (self->line);
  if (!reference_print_part (name, self->out))
    return troupe_error_set (self->error, TROUPE_NOT_FOUND, self->path, "the parts' names stand in parts.c",
                             "no part is called \"%s\"", name);
  for (;;) {
    if (getline (&self->line, &self->capacity, self->in) < 0)
      return troupe_error_set (self->error, TROUPE_BAD_MESSAGE, self->path, NULL, "the last part has no %s", end_mark);
    if (strstr (self->line, end_mark) != NULL)
      break;
  }
  fputs (self->line, self->out);
  return TROUPE_OK;
}

troupe_err_t
reference_render (const char *path, FILE *out, troupe_error_t *error)
{
  rendering_t self = {.path = path, .in = fopen (path, "r"), .out = out, .error = error};
  if (self.in == NULL)
    return troupe_error_set (error, TROUPE_NOT_FOUND, path, NULL, "%s", strerror (errno));
  troupe_err_t err = TROUPE_OK;
  while (err == TROUPE_OK && getline (&self.line, &self.capacity, self.in) >= 0) {
    if (strstr (self.line, begin_mark) != NULL && strstr (self.line, close_mark) != NULL)
      err = render_part (&self);
    else
      fputs (self.line, out);
  }
  if (err == TROUPE_OK && (ferror (self.in) || ferror (out)))
    err = troupe_error_set (error, TROUPE_IO, path, NULL, "%s", strerror (errno));
  free (self.line);
  fclose (self.in);
  return err;
}

// A page rendered into a new text of the caller's.
static troupe_err_t
render_text (const char *path, char **text, size_t *size, troupe_error_t *error)
{
  FILE *out = open_memstream (text, size);
  if (out == NULL)
    return troupe_error_set (error, TROUPE_NO_MEMORY, path, NULL, "out of memory");
  troupe_err_t err = reference_render (path, out, error);
  if (fclose (out) != 0 && err == TROUPE_OK)
    err = troupe_error_set (error, TROUPE_NO_MEMORY, path, NULL, "out of memory");
  if (err != TROUPE_OK)
    free (*text);
  return err;
}

static bool
file_is (const char *path, const char *text, size_t size)
{
  FILE *file = fopen (path, "r");
  if (file == NULL)
    return false;
  bool same = true;
  for (size_t i = 0; same && i < size; i++)
    same = getc (file) == (unsigned char)text[i];
  same = same && getc (file) == EOF;
  fclose (file);
  return same;
}

troupe_err_t
reference_compare (const char *path, bool *same, troupe_error_t *error)
{
  char *text = NULL;
  size_t size = 0;
  troupe_err_t err = render_text (path, &text, &size, error);
  if (err != TROUPE_OK)
    return err;
  *same = file_is (path, text, size);
  free (text);
  return TROUPE_OK;
}

troupe_err_t
reference_write (const char *path, bool *changed, troupe_error_t *error)
{
  char *text = NULL;
  size_t size = 0;
  troupe_err_t err = render_text (path, &text, &size, error);
  if (err != TROUPE_OK)
    return err;
  *changed = !file_is (path, text, size);
  if (*changed) {
    FILE *file = fopen (path, "w");
    bool written = file != NULL && fwrite (text, 1, size, file) == size;
    if ((file != NULL && fclose (file) != 0) || !written)
      err = troupe_error_set (error, TROUPE_IO, path, NULL, "%s", strerror (errno));
  }
  free (text);
  return err;
}

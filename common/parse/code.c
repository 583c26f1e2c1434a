// SPDX-License-Identifier: Apache-2.0
//
// The parser of code: the first fenced block in the language, for what follows is mostly an example of its use. Without
// a block in the language, the first without any is taken, then the only one of another (models write py, python3, or
// nothing). What is inside a block is never touched.

#include "parse/parser.h"

#include <string.h>
#include <strings.h>

static const char *const keys[] = {"language", NULL};

typedef struct {
  const char *fence, *language, *code;
  size_t fence_size, language_size, code_size;
  bool closed;
} block_t;

// Names of one language, the first its own.
static const char *const aliases[][6] = {
  {"python", "py", "python3", "py3"},
  {"javascript", "js", "node", "mjs"},
  {"typescript", "ts"},
  {"bash", "sh", "shell", "zsh", "console"},
  {"c++", "cpp", "cxx", "cc"},
  {"c#", "csharp", "cs"},
  {"markdown", "md"},
  {"yaml", "yml"},
  {"ruby", "rb"},
  {"rust", "rs"},
  {"go", "golang"},
};

static troupe_err_t
check (troupe_parser_t *self, troupe_error_t *error)
{
  json_t *language = json_object_get (self->config, "language");
  if (language != NULL && (!json_is_string (language) || strpbrk (json_string_value (language), " \t\r\n`") != NULL))
    return parser_refuse (error, "language", "python, say", "it is no language's name");
  return TROUPE_OK;
}

static void
instruct (const troupe_parser_t *self, FILE *file)
{
  const char *language = json_string_value (json_object_get (self->config, "language"));
  fprintf (file, "Answer with one fenced block of%s%s code:\n```%s\n<your code>\n```\n", language != NULL ? " " : "",
           language != NULL ? language : "", language != NULL ? language : "");
}

static bool
is_word (const char *word, const char *text, size_t size)
{
  return word != NULL && strlen (word) == size && strncasecmp (word, text, size) == 0;
}

static bool
is_alias (const char *language, const char *text, size_t size)
{
  for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
    bool is = false, other = false;
    for (size_t k = 0; k < sizeof aliases[i] / sizeof *aliases[i]; k++) {
      is = is || is_word (aliases[i][k], language, strlen (language));
      other = other || is_word (aliases[i][k], text, size);
    }
    if (is && other)
      return true;
  }
  return false;
}

// How many of its first character a fence at a line's begin has; 0: there is none.
static size_t
fence_size (const char *line, const char *end)
{
  size_t size = 0;
  if (line < end && (*line == '`' || *line == '~'))
    while (line + size < end && line[size] == *line)
      size++;
  return size >= 3 ? size : 0;
}

static const char *
line_end (const char *at, const char *end)
{
  const char *stop = memchr (at, '\n', (size_t)(end - at));
  return stop != NULL ? stop : end;
}

static const char *
skip_spaces (const char *at, const char *end)
{
  while (at < end && (*at == ' ' || *at == '\t'))
    at++;
  return at;
}

// The block behind `at`; false: there is none. A fence is closed by one that is as long and has nothing behind it.
static bool
next_block (const char *at, const char *end, block_t *block)
{
  const char *line = skip_spaces (at, end);
  while (at < end && fence_size (line, end) == 0) {
    const char *stop = line_end (at, end);
    at = stop < end ? stop + 1 : end;
    line = skip_spaces (at, end);
  }
  if (at >= end)
    return false;
  *block = (block_t){.fence = line, .fence_size = fence_size (line, end)};
  const char *stop = line_end (line, end);
  block->language = skip_spaces (line + block->fence_size, stop);
  while (block->language + block->language_size < stop &&
         strchr (" \t\r{", block->language[block->language_size]) == NULL)
    block->language_size++;
  block->code = stop < end ? stop + 1 : end;
  for (at = block->code; at < end && !block->closed; at = stop < end ? stop + 1 : end) {
    stop = line_end (at, end);
    line = skip_spaces (at, stop);
    size_t size = fence_size (line, stop);
    const char *behind = skip_spaces (line + size, stop);
    block->closed = size >= block->fence_size && *line == *block->fence && (behind == stop || *behind == '\r');
    block->code_size = (size_t)((block->closed ? at : stop) - block->code);
  }
  return true;
}

// How well a block's language fits: 3 it is it, 2 another name of it, 1 none, 0 another.
static int
language_fit (const char *language, const block_t *block)
{
  if (language == NULL || is_word (language, block->language, block->language_size))
    return 3;
  if (block->language_size == 0)
    return 1;
  return is_alias (language, block->language, block->language_size) ? 2 : 0;
}

static troupe_err_t
note (reading_t *reading, const block_t *best, int fit, size_t count)
{
  troupe_err_t err = TROUPE_OK;
  if (fit < 3)
    err = mending_note (reading, MENDING_LANGUAGE, best->fence);
  if (err == TROUPE_OK && !best->closed)
    err = mending_note (reading, MENDING_OPEN_FENCE, best->code + best->code_size);
  if (err == TROUPE_OK && count > 1)
    err = mending_note (reading, MENDING_OTHER_BLOCKS, best->code + best->code_size);
  return err;
}

static troupe_err_t
read_code (const troupe_parser_t *self, reading_t *reading)
{
  const char *language = json_string_value (json_object_get (self->config, "language"));
  const char *end = reading->text + reading->size, *at = reading->text;
  block_t block, best = {0};
  int fit = -1;
  size_t count = 0;
  for (; next_block (at, end, &block); count++) {
    int own = language_fit (language, &block);
    if (own > fit) {
      best = block;
      fit = own;
    }
    at = line_end (block.code + block.code_size, end);
  }
  if (count == 0) {
    parser_wrong (reading, "there is no fenced block of code in the reply");
    return TROUPE_BAD_MESSAGE;
  }
  if (fit == 0 && count > 1) {
    parser_wrong (reading, "none of the %zu fenced blocks is marked as %s", count, language);
    return TROUPE_BAD_MESSAGE;
  }
  troupe_err_t err = note (reading, &best, fit, count);
  size_t size = best.code_size;
  size -= size > 0 && best.code[size - 1] == '\n' ? 1 : 0;
  reading->parsed->fields =
    json_pack ("{s:s%, s:s%}", "language", best.language, best.language_size, "code", best.code, size);
  return reading->parsed->fields != NULL ? err : TROUPE_NO_MEMORY;
}

const parser_verbs_t parser_CODE_verbs = {keys, "\"code\"", "false", check, instruct, read_code};

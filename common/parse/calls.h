// SPDX-License-Identifier: Apache-2.0
//
// Reading tool calls: what the shapes share.
#ifndef TROUPE_PARSE_CALLS_H
#define TROUPE_PARSE_CALLS_H

#include "parse/parser.h"

typedef enum { SHAPE_AUTO, SHAPE_OPENAI, SHAPE_REACT, SHAPE_TOOL_CALL, SHAPE_MODELSCOPE, SHAPE_JSON, SHAPES } shape_t;

typedef struct {
  const troupe_parser_t *parser;
  reading_t *reading;
  json_t *calls;     // a list of {"id", "name", "arguments"}
  json_t *thought;   // a text; NULL: none but what stands before the calls
  const char *label; // where a label stands whose call is JSON; NULL: none
  const char *first; // where the first call begins; NULL: none
  const char *end;   // behind what the model may say; after it are results that it made up
  const char *final; // where a marked final answer begins; NULL: none is marked
  shape_t shape;     // of the calls
  bool broken;       // something was marked as a call and is none; it is said what
} calls_t;

// Each adds the calls of its shapes. TROUPE_OK also when there are none.
troupe_err_t calls_read_tags (calls_t *self);
troupe_err_t calls_read_lines (calls_t *self);
troupe_err_t calls_read_json (calls_t *self);

// Adds a call. Takes over `arguments` (an object, or NULL: no memory). `at`: where it stands.
troupe_err_t calls_add (calls_t *self, const char *id, const char *name, json_t *arguments, const char *at);
// Adds the calls in the JSON of [text, text + size). `marked`: there must be some.
troupe_err_t calls_add_json (calls_t *self, const char *text, size_t size, bool marked);
// Arguments that were written as a text: its JSON object, or the text as the only argument of the tool. A new
// reference.
troupe_err_t calls_arguments (calls_t *self, const char *name, const char *text, size_t size, json_t **arguments);
// A name as a text of its own, cut where it is longer than any.
enum { CALLS_NAME_MAX = 128 };
void calls_name (char *out, const char *word, const char *end);
// The tool of that name, borrowed; NULL: there is none.
json_t *calls_tool (const troupe_parser_t *parser, const char *name, size_t *n);

#endif

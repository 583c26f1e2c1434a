// SPDX-License-Identifier: Apache-2.0
//
// Parsers: what a model replied as fields that a program can use, and the sentence in the prompt that asks for it.
//
// A parser is made of a configuration in JSON, so that C, Lua and YAML all say the same. It gives the format
// instruction that goes into the prompt, and reads the reply, mending what models get wrong (repair.h). What goes to
// memory, to the message's content and to its metadata is chosen by keys. The idea is AgentScope's (section 3.4 of its
// paper: a model's reply is made fit by rules first, and asked for again only when these don't help).
//
//   json_t *config = json_pack ("{s:s, s:{s:s, s:s}, s:s}", "type", "json_object",
//                               "required", "thought", "string", "speak", "string", "to_content", "speak");
//   troupe_parser_t *parser;
//   troupe_parsed_t *parsed;
//   troupe_parser_new (&parser, config, &error);
//   ... prompt + troupe_parser_instruction (parser) ...
//   err = troupe_parser_parse (parser, reply, &parsed, &error);
//   if (err == TROUPE_OK)
//     puts (troupe_parsed_content (parsed));            // what "speak" says
//   else if (err == TROUPE_BAD_MESSAGE)
//     ask_again (troupe_parsed_feedback (parsed));      // what was wrong, where, and what is expected
//   troupe_parsed_destroy (&parsed);
//
// Configuration, by "type":
//   json_object  required: {"key": TYPE, ...} or ["key", ...]; optional: the same, for keys that may be missing;
//                schema: a JSON Schema (schema.h) for the whole object; example: an object or text to show in the
//                instruction
//   list         items: TYPE of each item (default "any"); min, max: how many; schema: of the whole list. Field: items
//   code         language: "python"; default: any. The first block of the language counts. Fields: language, code
//   tagged       tags: [{"name": "thought", "begin": "<thought>", "end": "</thought>", "hint": "what you think",
//                "json": false, "optional": false}, ...], at most 32; begin and end default to <name> and </name>.
//                Fields: each tag's name
//   regex        pattern: a PCRE2 pattern with named groups; required: groups that must match (default: all of them);
//                ignore_case, multiline: booleans; instruction is a must, for a pattern tells a model little. Fields:
//                the groups that matched
//   tool_calls   shape: which one the instruction asks for: "auto" (default), "openai", "react", "tool_call",
//                "modelscope" or "json" (all of them are read, always); tools: [{"name", "description", "parameters":
//                JSON Schema}, ...]: when given, a call of another name, or with arguments that don't fit, is an error;
//                require_call: a reply without a call is an error (default false). Fields: calls: [{"id", "name",
//                "arguments"}], thought: what came before them, if anything, and final: the answer, in a reply without
//                calls
// TYPE is a name of JSON Schema's ("string", "integer", "number", "boolean", "object", "array", "null") or "any", a
// list of them, or {"type": TYPE, "hint": "what you say"}, whose hint the instruction shows. For all types of parsers:
//   to_memory, to_content, to_metadata: true (all fields), false (none), "key" (that field alone), ["key",
//                ...] (an object of these). Default: true, true, false; of code: true, "code", false; of tool_calls:
//                true, "final", ["calls"]. Keys that did not come are left out
//   instruction  replaces the format instruction
//
// Thread rule: a parser never changes; threads may share it. A result belongs to one thread.
#ifndef TROUPE_PARSE_H
#define TROUPE_PARSE_H

#include "troupe/tally.h"

#include <jansson.h>

enum {
  TROUPE_PARSER_REPLY_MAX = 4 * 1024 * 1024, // bytes of a reply, as of repair.h
  TROUPE_PARSER_KEYS_MAX = 128,              // keys, tags or tools of a parser: more is not read by a model either
  TROUPE_PARSER_CALLS_MAX = 64               // tool calls of one reply
};

typedef struct troupe_parser troupe_parser_t;
typedef struct troupe_parsed troupe_parsed_t;

// Makes a parser. TROUPE_BAD_CONFIG: the configuration is wrong; the error says which key and what would be right.
troupe_err_t troupe_parser_new (troupe_parser_t **out, const json_t *config, troupe_error_t *error);
void troupe_parser_destroy (troupe_parser_t **self_p);
// The type, as in the configuration.
const char *troupe_parser_type (const troupe_parser_t *self);
// What the prompt must say so that the model answers in this form. Lives as long as the parser.
const char *troupe_parser_instruction (const troupe_parser_t *self);

// Reads a reply. TROUPE_OK: *out has the fields. TROUPE_BAD_MESSAGE: the reply is not of the form, or repeats a
// placeholder of the instruction (<string>) where a value belongs; *out is set as well and has the feedback for the
// model and the repairs that were tried; `error` is the same for people. Any other error (no memory, too large): *out
// is NULL. The caller destroys *out in every case.
troupe_err_t troupe_parser_parse (const troupe_parser_t *self, const char *reply, troupe_parsed_t **out,
                                  troupe_error_t *error);
// A result of fields that were not read but made (a fault handler's): checked for nothing, with the parser's choice of
// keys. Takes a reference to `fields`, an object.
troupe_err_t troupe_parser_accept (const troupe_parser_t *self, json_t *fields, troupe_parsed_t **out,
                                   troupe_error_t *error);
void troupe_parsed_destroy (troupe_parsed_t **self_p);

// All fields, an object (a list is the field "items"). Borrowed. NULL after a failure.
json_t *troupe_parsed_fields (const troupe_parsed_t *self);
// What is said and what is remembered: one field that is a text as it is, anything else as JSON; a list by itself,
// without its "items". NULL: to_content (to_memory) is false, names keys that did not come, or after a failure.
const char *troupe_parsed_content (const troupe_parsed_t *self);
const char *troupe_parsed_memory (const troupe_parsed_t *self);
// The metadata: an object of the chosen fields; NULL when there are none.
json_t *troupe_parsed_metadata (const troupe_parsed_t *self);
// After a failure: what was wrong, where, what is expected, and which repairs were tried. NULL after success.
const char *troupe_parsed_feedback (const troupe_parsed_t *self);
// What was repaired (or tried): a list of {"kind", "offset", "text"}. Borrowed, never NULL.
json_t *troupe_parsed_repairs (const troupe_parsed_t *self);
// Everything as one new object {"fields", "content", "memory", "metadata", "repairs", "feedback"}, with null for what
// there isn't: for other languages. NULL: out of memory.
json_t *troupe_parsed_to_json (const troupe_parsed_t *self);

// Asking again: what to do with each reply until one is right. A plain state machine: the caller talks to the model.
//
//   troupe_asking_new (&asking, parser, &(troupe_asking_options_t){ .retries_max = 3 }, &error);
//   for (;;) {
//     troupe_asking_step_t step;
//     if (troupe_asking_reply (asking, call_model (messages), &step, &error) != TROUPE_OK) ...
//     if (step == TROUPE_ASKING_ACCEPT) { use (troupe_asking_result (asking)); break; }
//     if (step == TROUPE_ASKING_GIVE_UP) { report (&error); break; }
//     append (messages, troupe_asking_message (asking));   // TROUPE_ASKING_AGAIN: say this, as the user
//   }
typedef struct troupe_asking troupe_asking_t;

typedef enum { TROUPE_ASKING_ACCEPT, TROUPE_ASKING_AGAIN, TROUPE_ASKING_GIVE_UP } troupe_asking_step_t;

// Called with the last reply when no retry is left. TROUPE_OK: *fields is a new object that counts as the result; any
// other code: give up (`error` may be filled; else the one of the last reply counts).
typedef troupe_err_t (troupe_fault_handler_fn) (void *arg, const char *reply, json_t **fields, troupe_error_t *error);

typedef struct {
  unsigned retries_max; // how often the model may be asked again; 0: never. At most TROUPE_ASKING_RETRIES_MAX
  troupe_fault_handler_fn *fault_handler; // may be NULL
  void *arg;
  troupe_tally_t *tally; // counts what happens, borrowed; may be NULL
  const char *model;     // for whom it counts, borrowed; required with a tally
} troupe_asking_options_t;

enum { TROUPE_ASKING_RETRIES_MAX = 16 }; // a model that fails so often won't learn it; each costs a call

// The parser must outlive it. TROUPE_BAD_ARGUMENT: too many retries.
troupe_err_t troupe_asking_new (troupe_asking_t **out, const troupe_parser_t *parser,
                                const troupe_asking_options_t *options, troupe_error_t *error);
void troupe_asking_destroy (troupe_asking_t **self_p);
// The model's next reply. With GIVE_UP, `error` lists every attempt and what was wrong with it. Returns another code
// than TROUPE_OK only when no step could be decided (no memory, a reply too large, or already accepted or given up).
troupe_err_t troupe_asking_reply (troupe_asking_t *self, const char *reply, troupe_asking_step_t *step,
                                  troupe_error_t *error);
// The next replies are this model's, for which they count; for when another one was asked instead. Borrowed until they
// are.
void troupe_asking_set_model (troupe_asking_t *self, const char *model);
// After AGAIN: what to tell the model. Lives until the next reply.
const char *troupe_asking_message (const troupe_asking_t *self);
// After ACCEPT: the result. Borrowed.
const troupe_parsed_t *troupe_asking_result (const troupe_asking_t *self);
// How many replies came, and what was wrong with each: a new list of {"attempt", "feedback", "repairs"}.
unsigned troupe_asking_attempts (const troupe_asking_t *self);
json_t *troupe_asking_log (const troupe_asking_t *self);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Repair and parsers for scripts (lua/parse.lua has what scripts see). A parser is userdata; what comes out of one are
// plain tables.
//
// A table of keys comes in an order that differs from run to run, and the same question must read the same in every
// attempt. So keys go by name, but for the thought, which is first: what is said is to follow from it.

#include "script/engine.h"

#include "error/reading.h"
#include "error/utf8.h"
#include "troupe/parse.h"
#include "troupe/repair.h"

#include <stdlib.h>
#include <string.h>

#define THOUGHT "thought"

static const char parser_key;

// What was parsed (given up) as a table on the stack; `slot`, of message_push_empty, owns it whatever is raised.
static void
push_parsed (lua_State *L, troupe_parsed_t *parsed, json_t **slot)
{
  *slot = troupe_parsed_to_json (parsed);
  troupe_parsed_destroy (&parsed);
  if (!*slot)
    luaL_error (L, "not enough memory");
  value_push (L, *slot);
}

// repair (text, want): value and changes, or nil and why not
static int
repair (lua_State *L)
{
  static const char *const kinds[] = {"any", "object", "list", NULL};
  troupe_repair_t *repair;
  troupe_error_t error;
  size_t size;
  const char *text = luaL_checklstring (L, 1, &size);
  troupe_repair_want_t want = (troupe_repair_want_t)luaL_checkoption (L, 2, "any", kinds);
  json_t **value = message_push_empty (L), **notes = message_push_empty (L); // which own them, whatever is raised
  if (troupe_repair_new (&repair, text, size, want, &error) != TROUPE_OK) {
    lua_pushnil (L);
    lua_pushstring (L, error.why);
    return 2;
  }
  *value = json_incref (troupe_repair_value (repair));
  *notes = troupe_repair_notes_json (repair);
  troupe_repair_destroy (&repair);
  value_push (L, *value);
  value_push (L, *notes);
  return 2;
}

// -- Parsers ----------------------------------------------------------------------------------------------------------

static troupe_parser_t *
parser_at (lua_State *L, int index)
{
  troupe_parser_t **self = lua_touserdata (L, index);
  bool equal = false;
  if (self && !lua_islightuserdata (L, index) && lua_getmetatable (L, index)) {
    lua_rawgetp (L, LUA_REGISTRYINDEX, &parser_key);
    equal = lua_rawequal (L, -1, -2);
    lua_pop (L, 2);
  }
  luaL_argexpected (L, equal, index, "parser");
  return *self;
}

static int
collect (lua_State *L)
{
  troupe_parser_destroy (lua_touserdata (L, 1));
  return 0;
}

// The object with its keys by name, the thought first; a new reference, NULL: out of memory.
static json_t *
by_name (const json_t *object)
{
  json_t *sorted = NULL, *out = json_object ();
  char *text = json_dumps (object, JSON_SORT_KEYS | JSON_COMPACT);
  if (text)
    sorted = reading_text (text, 0, NULL);
  json_t *thought = json_object_get (sorted, THOUGHT);
  if (!out || !sorted || (thought && json_object_set (out, THOUGHT, thought)) || json_object_update (out, sorted)) {
    json_decref (out);
    out = NULL;
  }
  free (text);
  json_decref (sorted);
  return out;
}

static bool
sort_keys (json_t *config)
{
  static const char *const maps[] = {"required", "optional"};
  for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
    const json_t *keys = json_object_get (config, maps[i]);
    if (json_is_object (keys) && json_object_set_new (config, maps[i], by_name (keys)))
      return false;
  }
  return true;
}

// parser (config)
static int
parser_make (lua_State *L)
{
  value_of_t conversion = {.refer = false};
  troupe_error_t error;
  troupe_parser_t **self = lua_newuserdatauv (L, sizeof (troupe_parser_t *), 0);
  *self = NULL;
  lua_rawgetp (L, LUA_REGISTRYINDEX, &parser_key);
  lua_setmetatable (L, -2);
  json_t *config = value_of (L, 1, &conversion);
  if (!config)
    return failure_text (L, "a parser's settings: %s", conversion.why);
  troupe_err_t code = sort_keys (config) ? troupe_parser_new (self, config, &error)
                                         : troupe_error_set (&error, TROUPE_NO_MEMORY, "parser", NULL, "out of memory");
  json_decref (config);
  if (code != TROUPE_OK)
    return failure_text (L, "a parser's settings: %s: %s", error.object, error.why);
  return 1;
}

static int
instruction (lua_State *L)
{
  lua_pushstring (L, troupe_parser_instruction (parser_at (L, 1)));
  return 1;
}

// parse (parser, text, model): the whole record (parse.h), and what was wrong in short. Counted for the model,
// if one is named.
static int
read_text (lua_State *L)
{
  const troupe_parser_t *parser = parser_at (L, 1);
  size_t size;
  const char *text = luaL_checklstring (L, 2, &size);
  troupe_error_t error;
  troupe_parsed_t *parsed;
  luaL_argcheck (L, !memchr (text, '\0', size), 2, "a text without NUL expected");
  const char *model = luaL_optstring (L, 3, NULL);
  json_t **slot = message_push_empty (L);
  troupe_err_t code = troupe_parser_parse (parser, text, &parsed, &error);
  if (!parsed)
    return failure_raise (L, &error, NULL);
  if (model) {
    const json_t *repairs = troupe_parsed_repairs (parsed);
    bool mended = json_array_size (repairs) > 0;
    troupe_tally_count (engine_of (L)->tally, model,
                        code != TROUPE_OK ? TROUPE_TALLY_WRONG
                        : mended          ? TROUPE_TALLY_MENDED
                                          : TROUPE_TALLY_UNCHANGED,
                        repairs);
  }
  push_parsed (L, parsed, slot);
  if (code == TROUPE_OK)
    return 1;
  lua_pushstring (L, error.why);
  return 2;
}

// accept (parser, fields): the record of fields that a fault handler made
static int
accept (lua_State *L)
{
  const troupe_parser_t *parser = parser_at (L, 1);
  value_of_t conversion = {.refer = false};
  troupe_error_t error;
  troupe_parsed_t *parsed;
  json_t **slot = message_push_empty (L);
  json_t *fields = value_of (L, 2, &conversion);
  if (!fields)
    return failure_text (L, "the fault handler's fields: %s", conversion.why);
  troupe_err_t code = troupe_parser_accept (parser, fields, &parsed, &error);
  json_decref (fields);
  if (code != TROUPE_OK)
    return failure_raise (L, &error, NULL);
  push_parsed (L, parsed, slot);
  return 1;
}

// -- For agents -------------------------------------------------------------------------------------------------------

// message (table): a message as it stands there, with its id
static int
message_as (lua_State *L)
{
  value_of_t conversion = {.refer = false};
  json_t **slot = message_push_empty (L);
  *slot = value_of (L, 1, &conversion);
  return *slot ? 1 : failure_text (L, "a reply's fields: %s", conversion.why);
}

// remember_as (text): what the agent remembers as the content of the reply that this turn makes
static int
remember_as (lua_State *L)
{
  size_t size;
  const char *text = luaL_checklstring (L, 1, &size);
  const strand_t *strand = strand_current (L, "remember_as");
  luaL_argcheck (L, strand->turn != NULL, 1, "there is no turn");
  json_t *content = json_stringn (text, size);
  if (!content)
    return luaL_error (L, utf8_valid (text, size) ? "out of memory" : "what is remembered isn't UTF-8");
  troupe_turn_remember_reply_as (strand->turn, content);
  return 0;
}

// give_up (service, why): raises it, as an error for good
static int
give_up (lua_State *L)
{
  troupe_error_t error;
  const char *service = luaL_optstring (L, 1, NULL);
  troupe_error_set (&error, TROUPE_SERVICE_FAILED, "reply", "ask another model, or for a simpler form", "%s",
                    luaL_checkstring (L, 2));
  return failure_raise (L, &error, service);
}

// count (model, event): of a reply that a function read, and of what was done about one
static int
count (lua_State *L)
{
  static const char *const events[] = {"unchanged", "mended", "wrong", "retry",
                                       "handled",   "failed", NULL}; // as in tally.h
  const char *model = luaL_checkstring (L, 1);
  int event = luaL_checkoption (L, 2, NULL, events);
  troupe_tally_count (engine_of (L)->tally, model, (troupe_tally_event_t)event, NULL);
  return 0;
}

// counts (): all that was counted, by model
static int
counts (lua_State *L)
{
  value_push (L, troupe_tally_json (engine_of (L)->tally));
  return 1;
}

void
parse_open (lua_State *L)
{
  if (troupe_tally_new (&engine_of (L)->tally, NULL) != TROUPE_OK)
    luaL_error (L, "not enough memory");
  static const luaL_Reg natives[] = {{"repair", repair},
                                     {"parser", parser_make},
                                     {"instruction", instruction},
                                     {"parse", read_text},
                                     {"accept", accept},
                                     {"message", message_as},
                                     {"count", count},
                                     {"counts", counts},
                                     {"remember_as", remember_as},
                                     {"give_up", give_up},
                                     {NULL, NULL}};
  lua_newtable (L);
  lua_pushcfunction (L, collect);
  lua_setfield (L, -2, "__gc");
  lua_rawsetp (L, LUA_REGISTRYINDEX, &parser_key);
  luaL_setfuncs (L, natives, 0);
}

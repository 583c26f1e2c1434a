// SPDX-License-Identifier: Apache-2.0
//
// What an agent that is written in Lua streams of its reply, before it returns the whole of it: pieces of its own
// (self.stream), and what its model streams to it (self.model with stream = true). Whoever reads along gets both as
// parts of the turn, in the order in which they came.
//
// A model that starts over (its attempt was lost) is told to readers by "again": its text stands from there on instead
// of all before it, as with every agent.

#include "script/engine.h"

static int
no_turn (lua_State *L)
{
  return failure_text (L, "only a reply is streamed, while the agent makes it");
}

// self.stream (text), or self:stream (text): whether somebody reads along.
static int
stream (lua_State *L)
{
  const strand_t *strand = engine_of (L)->current;
  int at = lua_istable (L, 1) ? 2 : 1;
  if (!strand || !strand->turn || strand->news)
    return no_turn (L);
  size_t size;
  const char *text = luaL_checklstring (L, at, &size);
  troupe_task_t *task = troupe_turn_task (strand->turn);
  json_t *part = json_pack ("{s:o}", "text", json_stringn (text, size)); // refuses what isn't UTF-8
  if (!part)
    return failure_text (L, "a text of UTF-8 expected");
  troupe_err_t code = troupe_task_part (task, part);
  if (code == TROUPE_BAD_MESSAGE || code == TROUPE_TOO_LARGE)
    return failure_text (L, "it can't be streamed: %s", troupe_err_text (code));
  lua_pushboolean (L, troupe_task_streams (task)); // one that is lost for want of memory: the reply counts
  return 1;
}

static const strand_t *
strand_of (const handle_t *handle)
{
  const strand_t *strand = handle->engine->strands;
  while (strand && (!strand->turn || troupe_turn_task (strand->turn) != handle->reader))
    strand = strand->next;
  return strand;
}

void
stream_pass_on (void *context, troupe_placeholder_t *placeholder, unsigned attempt, const json_t *part)
{
  handle_t *handle = context;
  json_t *text = json_object_get (part, "text");
  (void)placeholder;
  if (!json_is_string (text) || !strand_of (handle))
    return;
  bool again = (handle->attempt && attempt != handle->attempt) || json_is_true (json_object_get (part, "again"));
  handle->attempt = attempt;
  json_t *own = again ? json_pack ("{s:O, s:b}", "text", text, "again", 1) : json_pack ("{s:O}", "text", text);
  if (own)
    troupe_task_part (handle->reader, own);
}

// streamed (placeholder): whether a part of it was passed on.
static int
streamed (lua_State *L)
{
  const handle_t *handle = placeholder_test (L, 1);
  lua_pushboolean (L, handle && handle->attempt);
  return 1;
}

void
stream_open (lua_State *L)
{
  lua_pushcfunction (L, stream);
  lua_setfield (L, LUA_REGISTRYINDEX, "troupe.stream");
  lua_pushcfunction (L, streamed);
  lua_setfield (L, -2, "streamed");
}

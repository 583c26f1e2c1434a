-- SPDX-License-Identifier: Apache-2.0

-- -- Keys -----------------------------------------------------------------------------------------------------------

local function prefix_of (key)
  return key:sub (1, PREFIX_SIZE)
end

-- "troupe:{07}:call:s|id" -> "s|id"
local function name_of (key)
  return key:sub (PREFIX_SIZE + 6)
end

local function id_of (name)
  return name:sub (-ID_SIZE)
end

local function session_of (name)
  return name:sub (1, -ID_SIZE - 2)
end

-- A sequence in the order of texts.
local function padded (sequence)
  return string.format ('%016d', sequence)
end

-- The name of another call (or hub) of the same session.
local function sibling (name, id)
  return name:sub (1, -ID_SIZE - 1) .. id
end

-- The key of a kind for an actor: of the service, in the session of the call `name`.
local function actor_key (prefix, kind, name, service)
  return prefix .. kind .. session_of (name) .. '|' .. service
end

-- "id1id2..." -> { id1, id2, ... }
local function ids_of (joined)
  local ids = {}
  for at = 1, joined and #joined or 0, ID_SIZE do ids[#ids + 1] = joined:sub (at, at + ID_SIZE - 1) end
  return ids
end

local CALLS = { -- (a table, because a chunk has at most 200 locals)
  ONCE = 512, -- TROUPE_FLAG_ONCE
}

-- Whether it may run at most once.
function CALLS.is_once (it)
  return bit.band (it.flags or 0, CALLS.ONCE) ~= 0
end

-- -- Reading --------------------------------------------------------------------------------------------------------

function CALLS.load_rare (it)
  local v = call ('HMGET', it.key, 'parent', 'under', 'order', 'keep', 'base', 'retryable', 'inputs', 'missing', 'refs',
                  'nested', 'awaits', 'waiters', 'hubs', 'entries', 'scope', 'clock', 'behind', 'rank', 'era',
                  'wants')
  it.parent, it.under = v[1], tonumber (v[2] or 0)
  it.order, it.keep = tonumber (v[3] or it.sequence), tonumber (v[4] or 0)
  it.base, it.retryable = tonumber (v[5] or 0), v[6] == '1'
  it.inputs, it.missing = v[7], v[8] == '1'
  it.refs = tonumber (v[9] or 0)
  it.nested, it.awaits, it.waiters = v[10], v[11], v[12]
  it.hubs, it.entries, it.scope, it.clock, it.behind, it.rank = v[13], v[14], v[15], v[16], v[17], v[18]
  it.era, it.wants = tonumber (v[19] or nil), v[20]
end

-- One that a library before revision 9 stored: `call` and `end` as they would be now; nil when there is none.
function CALLS.load_older (key)
  local v = call ('HMGET', key, 'attempt', 'deadline', 'owner', 'service', 'actor', 'flags', 'default', 'sequence',
                  'status', 'winner')
  if not v[4] then return nil end
  return cmsgpack.pack (tonumber (v[1]), tonumber (v[2]), v[3], v[4], v[5] == '1', tonumber (v[6]), tonumber (v[7]),
                        tonumber (v[8])), v[9] and cmsgpack.pack (v[9], tonumber (v[10]))
end

-- What decides about a call, without what is large; nil when there is none.
local function load (prefix, name)
  local key, ended = prefix .. 'call:' .. name, nil
  local v = call ('HMGET', key, 'call', 'now', 'end', 'more')
  if not v[1] then v[1], ended = CALLS.load_older (key) end
  if not v[1] then return nil end
  local attempt, deadline, owner, service, actor, flags, default, sequence = cmsgpack.unpack (v[1])
  local it = { key = key, name = name, service = service, actor = actor, attempt = attempt, deadline = deadline,
               default = default, owner = owner, status = nil, winner = 0, sequence = sequence, flags = flags,
               order = sequence, base = 0, under = 0, keep = 0, refs = 0 }
  if v[2] then it.attempt, it.deadline, it.owner = cmsgpack.unpack (v[2]) end
  if v[3] or ended then it.status, it.winner = cmsgpack.unpack (v[3] or ended) end
  if v[4] then CALLS.load_rare (it) end
  return it
end

-- The actor that serves the call.
local function load_actor (prefix, name, service)
  local key = actor_key (prefix, 'actor:', name, service)
  local v = call ('HMGET', key, 'running', 'owner', 'epoch', 'memory', 'hubs', 'kept')
  local running = v[1] ~= '' and v[1] or nil
  return { key = key, running = running, owner = v[2] or '', epoch = tonumber (v[3] or 0),
           memory = tonumber (v[4] or 0), hubs = v[5] and v[5] ~= '0', kept = v[6] }
end

local NO_ACTOR = { owner = '', epoch = 0, memory = 0 }

local function actor_of (prefix, it)
  return it.actor and load_actor (prefix, it.name, it.service) or NO_ACTOR
end

-- -- Writing --------------------------------------------------------------------------------------------------------

-- Stores a new call, with more fields.
function CALLS.store (it, ...)
  call ('HSET', it.key, 'call', cmsgpack.pack (it.attempt, it.deadline, it.owner, it.service, it.actor, it.flags,
                                               it.default, it.sequence), ...)
end

-- Its attempt, its deadline or its owner has changed.
function CALLS.store_now (it)
  call ('HSET', it.key, 'now', cmsgpack.pack (it.attempt, it.deadline, it.owner))
end

-- Sets rare fields.
local function mark (it, ...)
  call ('HSET', it.key, 'more', '1', ...)
end

-- Files it under its deadline. The last digits keep calls apart that have the same, so that reading on behind a score
-- misses none; calls that have no deadline come first, so that one that gets one moves on and not back.
local function file (prefix, name, deadline, sequence)
  local score = sequence % tonumber (FIRST_DEADLINE)
  if deadline > 0 then score = deadline * DEADLINE_UNIT + sequence % DEADLINE_UNIT end
  call ('ZADD', prefix .. 'open', text (score), name)
end

local function add_waiter (it, broker)
  local waiters = it.waiters or ''
  if ('\0' .. waiters .. '\0'):find ('\0' .. broker .. '\0', 1, true) then return end
  it.waiters = waiters == '' and broker or waiters .. '\0' .. broker
  mark (it, 'waiters', it.waiters)
end

-- -- Answers --------------------------------------------------------------------------------------------------------

-- Answers are lists: { outcome, attempt, memory, deadline, ready, status, body, more, owner, epoch, inputs, news, hubs,
-- stretch, said, item ... }; items are calls (`describe`), memory entries, messages, values or brokers. hubs: names of
-- those for which a broker is to ask `rouse`, separated by spaces; or false. stretch: see `news_of`; or ''. said: what
-- this step added to logs, "<hub><position>..."; or false.
local INPUTS_AT, HUBS_AT, SAID_AT, FIRST_ITEM = 11, 13, 15, 16

-- (prefix, it): how many messages its actor has to hear first, and where in a log; see hubs.lua
local news_of

local function answer (outcome, attempt)
  return { outcome, attempt or 0, 0, 0, 0, 0, false, 0, '', 0, 0, 0, false, '', false }
end

local function remaining (it, time)
  if it.deadline == 0 then return 0 end
  return math.max (it.deadline - time, 1)
end

local function inputs_count (it)
  return it.inputs and #it.inputs / ID_SIZE or 0
end

-- `body`: what is stored, or nil: that is read.
local function settled (it, body)
  body = body or call ('HGET', it.key, 'body') or ''
  return { 'settled', it.winner, 0, 0, 0, tonumber (it.status), body, 0, '', 0, 0, 0, false, '', false }
end

-- How an unsettled call stands. `ready`: this broker is to offer it, if its turn has come.
local function standing (outcome, it, actor, ready, time)
  local news, stretch = 0, ''
  if it.clock then news, stretch = news_of (prefix_of (it.key), it) end
  return { outcome, it.attempt, actor.memory, remaining (it, time), ready and it.attempt > 0 and 1 or 0, 0, false, 0,
           actor.owner, actor.epoch, inputs_count (it), news, false, stretch, false }
end

local function describe (prefix, it, time, with_body)
  local actor = actor_of (prefix, it)
  local more = call ('HMGET', it.key, 'path', 'trace', with_body and 'body' or 'none')
  local news, stretch = 0, ''
  if it.clock then news, stretch = news_of (prefix, it) end
  return { session_of (it.name), id_of (it.name), it.service, it.actor and 1 or 0, it.attempt > 0 and 1 or 0,
           it.attempt, it.flags, remaining (it, time), actor.memory, actor.owner, actor.epoch, inputs_count (it),
           news, stretch, more[1] or '', more[2] or '', more[3] }
end

-- An error as it travels: see error.h.
local function packed_error (code, object, why, next)
  return cmsgpack.pack ({ code = code, object = object, why = why, next = next or '' })
end

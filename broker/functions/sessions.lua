-- SPDX-License-Identifier: Apache-2.0

-- -- Sessions: what is kept of them ---------------------------------------------------------------------------------

-- A session is there as long as one of its calls has not settled, or one of its actors or hubs is stored; it begins by
-- itself and ends when somebody says so, or has been idle for long (closing.lua). One without actors and hubs leaves
-- nothing behind.
--
-- Calls are many, and ends of sessions are few. So no call is counted: which are open is looked up in `open`, some at a
-- time, when a session is to end, or is asked for, by the names there. Only sessions with actors or hubs are in
-- `sessions`, by when they were used last:
--
--   KEPT + s   the last of its calls that settled did by then, so the one that has been idle for longest comes first;
--              or one is still open: that is looked for before it is ended as idle, and then it counts as used again
--   USED       one has settled since the last sweep, which says when. So a call that settles reads no clock, and writes
--              nothing if another one did before it, or the session isn't here
--   ENDING     it is being ended, and accepts no call until it has
--
-- An ending one is in `closing` as well, so that a call that is accepted learns with what it asks anyway whether any
-- session is. There, too, are those that are to be ended if a look at all calls finds none of theirs:
--
--   "<place> <generation>"   from where on in `open` its calls are to be looked for; as BEGINNING
--   NONE_OPEN                it has none
--   LOOKED_FOR ...           they are being looked for; a call that is accepted takes that away
--
-- Before revision 9 calls were counted, by as many times 2^34 in the score, and an ending one was 2^60 less. Such a
-- score is taken for USED, or is made ENDING, by the next sweep.
local SESSIONS = {
  KEPT = 2 ^ 33, -- seconds until the year 2242
  USED = 2 ^ 34,
  ENDING = 2 ^ 60, -- more than was ever counted
  BEGINNING = '0 0', NONE_OPEN = 'none', LOOKED_FOR = '?',
  WHY = 'its session is being ended', -- for a moment
}

-- In seconds.
function SESSIONS.now ()
  return tonumber (call ('TIME')[1])
end

-- Whether it accepts no call, or hub; `name`: of that. Else it is no idle one.
function SESSIONS.is_closing (prefix, name)
  local closing = call ('HGET', prefix .. 'closing', session_of (name))
  if not closing or closing:sub (1, 1) ~= SESSIONS.LOOKED_FOR then return closing end
  call ('HDEL', prefix .. 'closing', session_of (name))
  return false
end

function SESSIONS.is_ending (score)
  return math.abs (score) >= SESSIONS.ENDING / 2
end

-- One of its calls has settled.
function SESSIONS.use (prefix, name)
  call ('ZADD', prefix .. 'sessions', 'XX', 'GT', '17179869184', session_of (name)) -- USED
end

-- The service of an actor, or the id of a hub, is stored in it from now on.
function SESSIONS.keep (prefix, name, part)
  local session = session_of (name)
  if call ('SADD', prefix .. 'parts:' .. session, part) == 0 then return end
  call ('ZADD', prefix .. 'sessions', 'NX', text (SESSIONS.KEPT + SESSIONS.now ()), session)
end

-- The actor of a call, which is not known to be in it yet.
function SESSIONS.keep_actor (prefix, it, actor)
  SESSIONS.keep (prefix, it.name, it.service)
  call ('HSET', actor.key, 'kept', '1')
end

function SESSIONS.forget_hub (prefix, name)
  call ('SREM', prefix .. 'parts:' .. session_of (name), id_of (name))
end

-- SPDX-License-Identifier: Apache-2.0

-- -- Sessions: which ones there are ---------------------------------------------------------------------------------

-- A session is there as long as one of its calls has not settled, or one of its actors or hubs is stored; it begins by
-- itself and ends when somebody says so, or has been idle for long (closing.lua). All that is known of it is one
-- number, its score in `sessions`, so that counting its calls costs each call one step when it is accepted and one when
-- it settles:
--
--   OPEN * (calls that have not settled) + KEPT (it has actors or hubs) + (when the last of its calls settled, s)
--
-- So the idle ones are those from KEPT on, the one that has been idle for longest first, and no idle one has an open
-- call. ENDING less than that: it is being ended, and accepts no call until it has. A session without actors and hubs
-- leaves nothing behind.
local SESSIONS = {
  OPEN = 2 ^ 34, KEPT = 2 ^ 33, -- seconds until the year 2242; a million open calls stay exact, and more nearly so
  ENDING = 2 ^ 60, -- more than any score
  WHY = 'its session is being ended', -- for a moment
}

-- In seconds.
function SESSIONS.now ()
  return tonumber (call ('TIME')[1])
end

function SESSIONS.is_ending (score)
  return score <= -SESSIONS.ENDING / 2
end

-- One more of its calls is open; `name`: of any call or hub in it. False: it is being ended, and nothing has changed.
function SESSIONS.enter (prefix, name)
  local key, session = prefix .. 'sessions', session_of (name)
  if not SESSIONS.is_ending (tonumber (call ('ZINCRBY', key, text (SESSIONS.OPEN), session))) then return true end
  call ('ZINCRBY', key, text (-SESSIONS.OPEN), session)
  return false
end

-- One of them has settled. (A call that was accepted before sessions were counted brings the number below zero.)
function SESSIONS.leave (prefix, name)
  local key, session = prefix .. 'sessions', session_of (name)
  local score = tonumber (call ('ZINCRBY', key, text (-SESSIONS.OPEN), session))
  if score >= SESSIONS.OPEN or SESSIONS.is_ending (score) then return end
  if score == 0 or (score < SESSIONS.KEPT and call ('EXISTS', prefix .. 'parts:' .. session) == 0) then
    call ('ZREM', key, session)
  elseif score < SESSIONS.KEPT then
    call ('ZADD', key, text (SESSIONS.KEPT + SESSIONS.now ()), session)
  else
    local late = SESSIONS.now () - (score - SESSIONS.KEPT)
    if late ~= 0 then call ('ZINCRBY', key, text (late), session) end
  end
end

-- The service of an actor, or the id of a hub, is stored in it from now on.
function SESSIONS.keep (prefix, name, part)
  local key, session = prefix .. 'sessions', session_of (name)
  if call ('SADD', prefix .. 'parts:' .. session, part) == 0 then return end
  local score = tonumber (call ('ZSCORE', key, session) or 0)
  if not SESSIONS.is_ending (score) and score % SESSIONS.OPEN < SESSIONS.KEPT then
    call ('ZINCRBY', key, text (SESSIONS.KEPT + SESSIONS.now ()), session)
  end
end

-- The actor of a call, which is not known to be in it yet.
function SESSIONS.keep_actor (prefix, it, actor)
  SESSIONS.keep (prefix, it.name, it.service)
  call ('HSET', actor.key, 'kept', '1')
end

function SESSIONS.forget_hub (prefix, name)
  call ('SREM', prefix .. 'parts:' .. session_of (name), id_of (name))
end

-- SPDX-License-Identifier: Apache-2.0

-- -- Closing: a session ends ----------------------------------------------------------------------------------------

-- First it accepts no call any more; then what has not settled is cancelled, and so nothing runs that could change what
-- is stored; then its hubs and its actors go, with what they remember; and then the session is gone. A call to it
-- begins one anew, under the same name. What has settled stays for its retention, and dead letters stay as they are.
--
-- A step does a batch of that; whoever asked asks again, and otherwise sweeps go on. Which calls are a session's is
-- found out by looking through all that are open in the slot, some of them a step.

SESSIONS.HUB_COSTS, SESSIONS.LOOKS_COST = 10, 20 -- actors; so many open calls are looked at for an actor
SESSIONS.PAGE, SESSIONS.PAGES = 5 * BATCH, 4 -- open calls that are looked at in one go, and so often a step: some 2 ms

-- As a pattern of Redis that only this text matches.
function SESSIONS.literally (name)
  return (name:gsub ('[%*%?%[%]\\]', '\\%0'))
end

function SESSIONS.cancel (prefix, name, retention)
  local it = load (prefix, name)
  if not it or it.status then return false end
  local value = packed_error ('cancelled', it.service, 'its session was ended')
  end_along (prefix, it, { status = CANCELLED, value = value, winner = '0', retention = retention })
  if it.nested or it.refs > 0 then follow (prefix, it.name, retention, BATCH) end
  return true
end

-- Cancels an actor's calls: those that wait first, so that none of them begins. Returns what is left of the budget; 0
-- or less: there may be more.
function SESSIONS.quiet (prefix, session, service, retention, budget)
  local name = session .. '|' .. HUB.NOBODY
  local mailbox = actor_key (prefix, 'mailbox:', name, service)
  local members = call ('ZREVRANGE', mailbox, 0, budget - 1)
  for _, member in ipairs (members) do
    if not SESSIONS.cancel (prefix, sibling (name, id_of_member (member)), retention) then
      call ('ZREM', mailbox, member)
    end
  end
  if #members == budget then return 0 end
  local running = load_actor (prefix, name, service).running
  if running then SESSIONS.cancel (prefix, sibling (name, running), retention) end
  return budget - #members - 1
end

-- Hands the next open calls, of one session or (nil) of all, to `take (name, session)` until that returns true; then
-- returns the same place in `open`, and true; else the place to go on from, '0' at the end. All that are open all the
-- time from '0' to '0' are found, unless Redis is started again meanwhile.
function SESSIONS.next_open (prefix, session, place, take)
  local pattern = session and SESSIONS.literally (session) .. '|*' or '*'
  local found = call ('ZSCAN', prefix .. 'open', place, 'MATCH', pattern, 'COUNT', SESSIONS.PAGE)
  for i = 1, #found[2], 2 do
    local own = session_of (found[2][i])
    if (own == session or not session) and take (found[2][i], own) then return place, true end
  end
  return found[1], false
end

-- The same for so many pages.
function SESSIONS.look_on (prefix, session, place, pages, take)
  local stopped
  repeat
    place, stopped = SESSIONS.next_open (prefix, session, place, take)
    pages = pages - 1
  until stopped or place == '0' or pages == 0
  return place, stopped
end

-- Cancels its calls to services that are no actors. Returns whether there may be more: `closing` says from where on,
-- and in which generation, for a Redis that was started again has other places.
function SESSIONS.cancel_others (prefix, session, from, retention, budget)
  local generation = call ('HGET', prefix .. 'store', 'generation') or ''
  local place, as_of = from:match ('^(%d+) (%d+)$')
  local stopped
  place = as_of == generation and place or '0'
  place, stopped = SESSIONS.look_on (prefix, session, place, SESSIONS.PAGES, function (name)
    if budget <= 0 then return true end
    budget = budget - 1
    if not SESSIONS.cancel (prefix, name, retention) then call ('ZREM', prefix .. 'open', name) end
  end)
  if not stopped and place == '0' then return false end
  call ('HSET', prefix .. 'closing', session, place .. ' ' .. generation)
  return true
end

function SESSIONS.drop_part (prefix, session, part)
  local name = session .. '|' .. HUB.NOBODY
  if not part:find ('/', 1, true) then return forget_hub (prefix, sibling (name, part)) end
  call ('UNLINK', actor_key (prefix, 'actor:', name, part), actor_key (prefix, 'mailbox:', name, part),
        actor_key (prefix, 'memory:', name, part), actor_key (prefix, 'hubs:', name, part))
end

-- Returns whether it has ended, and what is left of the budget.
function SESSIONS.go_on (prefix, session, retention, budget)
  local key, parts, name = prefix .. 'sessions', prefix .. 'parts:' .. session, session .. '|' .. HUB.NOBODY
  while budget > 0 do
    local part = call ('SPOP', parts)
    if not part then break end
    local actor = part:find ('/', 1, true)
    budget = actor and SESSIONS.quiet (prefix, session, part, retention, budget) or budget - SESSIONS.HUB_COSTS
    if actor and budget <= 0 then
      call ('SADD', parts, part)
      return false, 0
    end
    SESSIONS.drop_part (prefix, session, part)
  end
  if budget <= 0 then return false, 0 end
  local from = call ('HGET', prefix .. 'closing', session) or SESSIONS.BEGINNING
  if from ~= SESSIONS.NONE_OPEN then
    if SESSIONS.cancel_others (prefix, session, from, retention, budget) then return false, 0 end
    budget = budget - math.floor (call ('ZCARD', prefix .. 'open') / SESSIONS.LOOKS_COST)
  end
  call ('UNLINK', prefix .. 'fans:' .. name, prefix .. 'fanning:' .. name)
  call ('ZREM', key, session)
  call ('HDEL', prefix .. 'closing', session)
  return true, budget - 1
end

-- `from`: BEGINNING or NONE_OPEN.
function SESSIONS.begin_ending (prefix, session, from)
  call ('ZADD', prefix .. 'sessions', text (SESSIONS.ENDING), session)
  call ('HSET', prefix .. 'closing', session, from)
end

-- -- Idle ones ------------------------------------------------------------------------------------------------------

-- Notes when those were used that have been since the last sweep. Returns whether there are more.
function SESSIONS.note_used (prefix, key, time)
  local used = call ('ZRANGEBYSCORE', key, text (SESSIONS.USED), text (SESSIONS.ENDING / 2), 'LIMIT', 0, BATCH)
  for _, session in ipairs (used) do
    if call ('EXISTS', prefix .. 'parts:' .. session) == 1 then
      call ('ZADD', key, text (SESSIONS.KEPT + time), session)
    else
      call ('ZREM', key, session)
    end
  end
  return #used == BATCH
end

-- Which of those that seem to be idle have open calls is looked for in one go for a batch of them, which may take many
-- sweeps. They are marked in `closing` for that, and a call that is accepted meanwhile takes the mark away
-- (SESSIONS.is_closing). How far the look is, is kept in Lua's memory: if Redis is started again, another one begins,
-- with marks of its own.
SESSIONS.looks = {} -- by prefix: { mark, place, count, idle = { session = true } }

function SESSIONS.begin_look (prefix, late)
  local time = call ('TIME')
  local look = { mark = SESSIONS.LOOKED_FOR .. time[1] .. '.' .. time[2], place = '0', count = #late, idle = {} }
  for _, session in ipairs (late) do
    look.idle[session] = true
    call ('HSET', prefix .. 'closing', session, look.mark)
  end
  SESSIONS.looks[prefix] = look
end

-- Takes the session out of the look. Returns whether it had its mark.
function SESSIONS.unmark (prefix, look, session)
  look.idle[session] = nil
  if call ('HGET', prefix .. 'closing', session) ~= look.mark then return false end
  return call ('HDEL', prefix .. 'closing', session) == 1
end

-- Goes on looking for those that have been idle since `till`, and begins to end them. Returns whether there may be
-- more. (Not so if some of the calls are still to be looked at: there is time.)
function SESSIONS.end_idle (prefix, key, time, till)
  if not SESSIONS.looks[prefix] then
    local late = call ('ZRANGEBYSCORE', key, text (SESSIONS.KEPT), text (till), 'LIMIT', 0, BATCH)
    if #late == 0 then return false end
    SESSIONS.begin_look (prefix, late)
  end
  local look = SESSIONS.looks[prefix]
  look.place = SESSIONS.look_on (prefix, nil, look.place, SESSIONS.PAGES, function (_, session)
    if look.idle[session] and SESSIONS.unmark (prefix, look, session) then
      call ('ZADD', key, text (SESSIONS.KEPT + time), session)
    end
  end)
  if look.place ~= '0' then return false end
  SESSIONS.looks[prefix] = nil
  for session in pairs (look.idle) do
    local score = tonumber (call ('ZSCORE', key, session) or 0)
    if SESSIONS.unmark (prefix, look, session) and score >= SESSIONS.KEPT and score <= till then
      SESSIONS.begin_ending (prefix, session, SESSIONS.NONE_OPEN)
    end
  end
  return look.count == BATCH
end

-- Goes on with those that are being ended, and begins with those that have been idle for so many seconds (0: with
-- none). Returns how many have ended, and whether there are more.
function SESSIONS.sweep (prefix, idle, retention)
  local key, budget, closed, time = prefix .. 'sessions', BATCH, 0, SESSIONS.now ()
  SESSIONS.forget_listings (time)
  if call ('EXISTS', key) == 0 then return 0, false end
  for _, session in ipairs (call ('ZRANGEBYSCORE', key, '-inf', text (-SESSIONS.ENDING / 2), 'LIMIT', 0, BATCH)) do
    SESSIONS.begin_ending (prefix, session, SESSIONS.BEGINNING)
  end
  local more = SESSIONS.note_used (prefix, key, time)
  if idle > 0 then more = SESSIONS.end_idle (prefix, key, time, SESSIONS.KEPT + time - idle) or more end
  for _, session in ipairs (call ('ZRANGEBYSCORE', key, text (SESSIONS.ENDING), '+inf', 'LIMIT', 0, BATCH)) do
    local ended, left = SESSIONS.go_on (prefix, session, retention, budget)
    closed, budget = closed + (ended and 1 or 0), left
    if budget <= 0 then return closed, true end
  end
  return closed, more
end

-- -- close ----------------------------------------------------------------------------------------------------------
-- session, retention, where to go on looking for it (0: at the beginning). Its key is `sessions`. The answer says
-- whether there is `more` to be done, and under `deadline` where to go on as long as it is only looked for; `unknown`:
-- there is no such session (any more).

function SESSIONS.close (keys, args)
  local prefix, session, closing = prefix_of (keys[1]), args[1], answer ('ok')
  local score = tonumber (call ('ZSCORE', keys[1], session) or nil)
  if not score then
    local pages = args[3] and SESSIONS.PAGES or math.huge -- a broker before revision 9 can't go on
    local place, found = SESSIONS.look_on (prefix, session, args[3] or '0', pages, always)
    if not found and place == '0' then return answer ('unknown') end
    if not found then
      closing[4], closing[8] = tonumber (place), 1
      return closing
    end
  end
  if not score or score < SESSIONS.ENDING then SESSIONS.begin_ending (prefix, session, SESSIONS.BEGINNING) end
  closing[8] = SESSIONS.go_on (prefix, session, args[2], BATCH) and 0 or 1
  return closing
end

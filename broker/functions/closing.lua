-- SPDX-License-Identifier: Apache-2.0

-- -- Closing: a session ends ----------------------------------------------------------------------------------------

-- First it accepts no call any more; then what has not settled is cancelled, and so nothing runs that could change what
-- is stored; then its hubs and its actors go, with what they remember; and then the session is gone. A call to it
-- begins one anew, under the same name. What has settled stays for its retention, and dead letters stay as they are.
--
-- A step does a batch of that; whoever asked asks again, and otherwise sweeps go on.

SESSIONS.HUB_COSTS = 10 -- actors
SESSIONS.PAGE, SESSIONS.PAGES = 10 * BATCH, 20 -- open calls that are looked at in one go, and so often a step: 20 ms

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
-- time from '0' to '0' are found. That takes a microsecond for each call of the slot.
function SESSIONS.next_open (prefix, session, place, take)
  local pattern = session and SESSIONS.literally (session) .. '|*' or '*'
  local found = call ('ZSCAN', prefix .. 'open', place, 'MATCH', pattern, 'COUNT', SESSIONS.PAGE)
  for i = 1, #found[2], 2 do
    local own = session_of (found[2][i])
    if (own == session or not session) and take (found[2][i], own) then return place, true end
  end
  return found[1], false
end

function SESSIONS.has_open (prefix, session)
  local place, has = '0', false
  repeat place, has = SESSIONS.next_open (prefix, session, place, always) until place == '0' or has
  return has
end

-- How many calls of each session are open.
function SESSIONS.count_open (prefix)
  local place, open = '0', {}
  local function count (_, session) open[session] = (open[session] or 0) + 1 end
  repeat place = SESSIONS.next_open (prefix, nil, place, count) until place == '0'
  return open
end

-- Cancels its calls to services that are no actors. Returns whether there may be more: `closing` says from where on.
function SESSIONS.cancel_others (prefix, session, retention, budget)
  local place, stopped, pages = call ('HGET', prefix .. 'closing', session) or '0', false, 0
  local function cancel (name)
    if budget <= 0 then return true end
    budget = budget - 1
    if not SESSIONS.cancel (prefix, name, retention) then call ('ZREM', prefix .. 'open', name) end
  end
  repeat
    place, stopped = SESSIONS.next_open (prefix, session, place, cancel)
    pages = pages + 1
    if stopped or (place ~= '0' and pages == SESSIONS.PAGES) then
      call ('HSET', prefix .. 'closing', session, place)
      return true
    end
  until place == '0'
  return false
end

function SESSIONS.drop_part (prefix, session, part)
  local name = session .. '|' .. HUB.NOBODY
  if not part:find ('/', 1, true) then return forget_hub (prefix, sibling (name, part)) end
  call ('UNLINK', actor_key (prefix, 'actor:', name, part), actor_key (prefix, 'mailbox:', name, part),
        actor_key (prefix, 'memory:', name, part), actor_key (prefix, 'hubs:', name, part))
end

-- `open`: whether it may have open calls. Returns whether it has ended, and what is left of the budget.
function SESSIONS.go_on (prefix, session, retention, budget, open)
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
  if open and SESSIONS.cancel_others (prefix, session, retention, budget) then return false, 0 end
  call ('UNLINK', prefix .. 'fans:' .. name, prefix .. 'fanning:' .. name)
  call ('ZREM', key, session)
  call ('HDEL', prefix .. 'closing', session)
  return true, budget - 1
end

function SESSIONS.begin_ending (prefix, session)
  call ('ZADD', prefix .. 'sessions', text (SESSIONS.ENDING), session)
  call ('HSETNX', prefix .. 'closing', session, '0')
end

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

-- Begins to end those that have been idle since then, but for those with open calls.
function SESSIONS.end_idle (prefix, key, time, late, open)
  for _, session in ipairs (late) do
    if open[session] then
      call ('ZADD', key, text (SESSIONS.KEPT + time), session)
    else
      SESSIONS.begin_ending (prefix, session)
    end
  end
end

-- Goes on with those that are being ended, and begins with those that have been idle for so many seconds (0: with
-- none). Returns how many have ended, and whether there are more.
function SESSIONS.sweep (prefix, idle, retention)
  local key, budget, closed, time = prefix .. 'sessions', BATCH, 0, SESSIONS.now ()
  if call ('EXISTS', key) == 0 then return 0, false end
  for _, session in ipairs (call ('ZRANGEBYSCORE', key, '-inf', text (-SESSIONS.ENDING / 2), 'LIMIT', 0, BATCH)) do
    SESSIONS.begin_ending (prefix, session)
  end
  local more, till = SESSIONS.note_used (prefix, key, time), SESSIONS.KEPT + time - idle
  local late = idle > 0 and call ('ZRANGEBYSCORE', key, text (SESSIONS.KEPT), text (till), 'LIMIT', 0, BATCH) or {}
  if #late == 0 and call ('EXISTS', prefix .. 'closing') == 0 then return 0, more end
  local many = call ('ZCARD', prefix .. 'open') > SESSIONS.PAGE * SESSIONS.PAGES
  local open = many and {} or SESSIONS.count_open (prefix)
  if not many then SESSIONS.end_idle (prefix, key, time, late, open) end -- else there is time
  for _, session in ipairs (call ('ZRANGEBYSCORE', key, text (SESSIONS.ENDING), '+inf', 'LIMIT', 0, BATCH)) do
    local ended, left = SESSIONS.go_on (prefix, session, retention, budget, many or open[session])
    closed, budget = closed + (ended and 1 or 0), left
    if budget <= 0 then return closed, true end
  end
  return closed, more or (#late == BATCH and not many)
end

-- -- close ----------------------------------------------------------------------------------------------------------
-- session, retention. Its key is `sessions`. The answer says whether there is `more` to be done; `unknown`: there is no
-- such session (any more).

function SESSIONS.close (keys, args)
  local prefix, session = prefix_of (keys[1]), args[1]
  local known = call ('ZSCORE', keys[1], session) or SESSIONS.has_open (prefix, session)
  if not known then return answer ('unknown') end
  SESSIONS.begin_ending (prefix, session)
  local closing = answer ('ok')
  closing[8] = SESSIONS.go_on (prefix, session, args[2], BATCH, true) and 0 or 1
  return closing
end

-- -- sessions -------------------------------------------------------------------------------------------------------
-- how many to pass by. Its key is `sessions`. The items are sessions: first those that are there, then the others with
-- open calls; the answer says under `deadline` how many were passed when there are more.

-- `score`: false, it isn't in `sessions`.
function SESSIONS.describe (prefix, session, score, open, time)
  local kept = score and score >= SESSIONS.KEPT and score < SESSIONS.USED
  return cmsgpack.pack ({ session = session, open = open, parts = call ('SCARD', prefix .. 'parts:' .. session),
                          ending = score and SESSIONS.is_ending (score), idle = kept and open == 0 and
                          math.max (time - (score - SESSIONS.KEPT), 0) or 0 })
end

function SESSIONS.list (keys, args)
  local prefix, key, from, time = prefix_of (keys[1]), keys[1], tonumber (args[1]), SESSIONS.now ()
  local count, open, names, listed = call ('ZCARD', key), SESSIONS.count_open (prefix), {}, answer ('ok')
  for session in pairs (open) do names[#names + 1] = session end
  table.sort (names)
  local found = call ('ZRANGE', key, from, from + BATCH - 1, 'WITHSCORES')
  for i = 1, #found, 2 do
    listed[#listed + 1] = SESSIONS.describe (prefix, found[i], tonumber (found[i + 1]), open[found[i]] or 0, time)
  end
  local till = from < count and math.min (from + BATCH, count) or from + BATCH
  for i = math.max (from, count) - count + 1, math.min (till - count, #names) do
    if not call ('ZSCORE', key, names[i]) then
      listed[#listed + 1] = SESSIONS.describe (prefix, names[i], false, open[names[i]], time)
    end
  end
  listed[4] = till < count + #names and till or 0
  return listed
end

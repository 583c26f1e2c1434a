-- SPDX-License-Identifier: Apache-2.0

-- -- Closing: a session ends ----------------------------------------------------------------------------------------

-- First it accepts no call any more; then what has not settled is cancelled, and so nothing runs that could change what
-- is stored; then its hubs and its actors go, with what they remember; and then the session is gone. A call to it
-- begins one anew, under the same name. What has settled stays for its retention, and dead letters stay as they are.
--
-- A step does a batch of that; whoever asked asks again, and otherwise sweeps go on.

SESSIONS.HUB_COSTS = 10 -- actors

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

-- Its calls to services that are no actors. Returns whether there may be more.
function SESSIONS.cancel_others (prefix, session, retention, budget)
  local cursor, pattern = '0', SESSIONS.literally (session) .. '|*'
  repeat
    local found = call ('ZSCAN', prefix .. 'open', cursor, 'MATCH', pattern, 'COUNT', 10 * BATCH)
    cursor = found[1]
    for i = 1, #found[2], 2 do
      if session_of (found[2][i]) == session then
        if budget <= 0 then return true end
        budget = budget - 1
        if not SESSIONS.cancel (prefix, found[2][i], retention) then call ('ZREM', prefix .. 'open', found[2][i]) end
      end
    end
  until cursor == '0'
  return false
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
  local open = tonumber (call ('ZSCORE', key, session)) + SESSIONS.ENDING >= SESSIONS.OPEN
  if open and SESSIONS.cancel_others (prefix, session, retention, budget) then return false, 0 end
  call ('UNLINK', prefix .. 'fans:' .. name, prefix .. 'fanning:' .. name)
  call ('ZREM', key, session)
  return true, budget - 1
end

function SESSIONS.begin_ending (prefix, session)
  call ('ZINCRBY', prefix .. 'sessions', text (-SESSIONS.ENDING), session)
end

-- Goes on with those that are being ended, and begins with those that have been idle for so many seconds (0: with
-- none). Returns how many have ended, and whether there are more.
function SESSIONS.sweep (prefix, idle, retention)
  local key, budget, closed = prefix .. 'sessions', BATCH, 0
  local names = call ('ZRANGEBYSCORE', key, '-inf', text (-SESSIONS.ENDING / 2), 'LIMIT', 0, BATCH)
  local till = SESSIONS.KEPT + SESSIONS.now () - idle
  local late = idle > 0 and call ('ZRANGEBYSCORE', key, text (SESSIONS.KEPT), text (till), 'LIMIT', 0, BATCH) or {}
  for _, session in ipairs (late) do
    SESSIONS.begin_ending (prefix, session)
    names[#names + 1] = session
  end
  for _, session in ipairs (names) do
    local ended, left = SESSIONS.go_on (prefix, session, retention, budget)
    closed, budget = closed + (ended and 1 or 0), left
    if budget <= 0 then return closed, true end
  end
  return closed, #late == BATCH
end

-- -- close ----------------------------------------------------------------------------------------------------------
-- session, retention. Its key is `sessions`. The answer says whether there is `more` to be done; `unknown`: there is no
-- such session (any more).

function SESSIONS.close (keys, args)
  local prefix, session = prefix_of (keys[1]), args[1]
  local score = tonumber (call ('ZSCORE', keys[1], session) or nil)
  if not score then return answer ('unknown') end
  if not SESSIONS.is_ending (score) then SESSIONS.begin_ending (prefix, session) end
  local closing = answer ('ok')
  closing[8] = SESSIONS.go_on (prefix, session, args[2], BATCH) and 0 or 1
  return closing
end

-- -- sessions -------------------------------------------------------------------------------------------------------
-- how many to pass by. Its key is `sessions`. The items are sessions; the answer says under `deadline` how many were
-- passed when there are more.

function SESSIONS.describe (prefix, session, score, time)
  local ending = SESSIONS.is_ending (score)
  score = ending and score + SESSIONS.ENDING or score
  local open, rest = math.max (math.floor (score / SESSIONS.OPEN), 0), score % SESSIONS.OPEN
  local kept = rest >= SESSIONS.KEPT
  return cmsgpack.pack ({ session = session, open = open, parts = call ('SCARD', prefix .. 'parts:' .. session),
                          ending = ending, idle = open == 0 and kept and not ending and
                          math.max (time - (rest - SESSIONS.KEPT), 0) or 0 })
end

function SESSIONS.list (keys, args)
  local prefix, from, time = prefix_of (keys[1]), tonumber (args[1]), SESSIONS.now ()
  local listed = answer ('ok')
  local found = call ('ZRANGE', keys[1], from, from + BATCH - 1, 'WITHSCORES')
  for i = 1, #found, 2 do listed[#listed + 1] = SESSIONS.describe (prefix, found[i], tonumber (found[i + 1]), time) end
  listed[4] = #found == 2 * BATCH and from + BATCH or 0
  return listed
end

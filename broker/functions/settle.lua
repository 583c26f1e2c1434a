-- SPDX-License-Identifier: Apache-2.0

-- -- settle ---------------------------------------------------------------------------------------------------------
-- broker, attempt (0: any), status, retention, retryable (1, 0), epoch (0: any; of what is no actor: see ledger.h),
-- heard (1, 0), attempt of the parent that cancels it (0: somebody else ends it), whom the settler may speak for
-- (patterns, one a line; '': all), value, memory entries ...

local FIRST_ENTRY = 11

-- Made again: the confirmation of the first may have been lost, and the next call with it. The same attempt with
-- another value is not the same again (an attempt that was given up for dead may still speak): there is one
-- outcome.
local function settle_again (prefix, it, args)
  local broker, attempt, status, value = args[1], tonumber (args[2]), args[3], args[10]
  if it.winner ~= attempt or it.status ~= status or call ('HGET', it.key, 'body') ~= value then return settled (it) end
  local again = answer ('ok', it.winner)
  local actor = actor_of (prefix, it)
  local next_call = actor.running and load (prefix, sibling (it.name, actor.running))
  if next_call and next_call.owner == broker and not next_call.status then
    again[FIRST_ITEM] = describe (prefix, next_call, now (), false)
  end
  return again
end

-- What the actor remembers of the call. Its count stands with the actor, which is read and written anyway.
local function remember (prefix, it, actor, args)
  actor.memory = call ('RPUSH', actor_key (prefix, 'memory:', it.name, it.service), unpack (args, FIRST_ENTRY))
  actor.grown = true
end

-- The turn goes on; the call whose turn it is goes to the broker that offers it. Returns it if that is this one.
local function pass_turn (prefix, it, actor, broker)
  local next_call = leave_actor (prefix, it, actor)
  if next_call and next_call.owner == broker then return describe (prefix, next_call, now (), false) end
  tell_ready (prefix, next_call)
  return nil
end

-- Whether the attempt of the parent that wants it cancelled is over: attempts share the ids of what they call.
local function cancelled_too_late (prefix, it, under)
  local parent = under > 0 and it.parent and load (prefix, sibling (it.name, it.parent))
  return parent and not parent.status and parent.attempt ~= under
end

-- Whether one of the patterns fits.
local function speaks_for (patterns, service)
  for pattern in patterns:gmatch ('[^\n]+') do -- `*` stands for any characters
    local plain = pattern:gsub ('[%^%$%(%)%%%.%[%]%+%-%?]', '%%%0'):gsub ('%*', '.*')
    if service:find ('^' .. plain .. '$') then return true end
  end
  return false
end

local function settle (keys, args)
  local prefix, name, broker, attempt = prefix_of (keys[1]), name_of (keys[1]), args[1], tonumber (args[2])
  local it = load (prefix, name)
  if not it then return answer ('unknown') end
  if args[9] ~= '' and not speaks_for (args[9], it.service) then return answer ('stale', it.attempt) end
  if it.status then return settle_again (prefix, it, args) end
  if attempt ~= 0 and attempt ~= it.attempt then return answer ('stale', it.attempt) end
  -- After the store's history has changed, only its own broker knows whether a later attempt was lost with it.
  local strange = attempt ~= 0 and broker ~= '' and it.owner ~= broker
  if strange and GENERATION.is_over (prefix, it) then return answer ('stale', it.attempt) end
  if cancelled_too_late (prefix, it, tonumber (args[8])) then return answer ('stale', it.attempt) end
  local actor, epoch = actor_of (prefix, it), tonumber (args[6])
  local moved = it.actor and epoch ~= actor.epoch or not it.actor and epoch < GENERATION.era (it)
  if epoch ~= 0 and moved then return answer ('stale', it.attempt) end
  if args[FIRST_ENTRY] and not (it.actor and it.attempt > 0) then
    return redis.error_reply ('ERR memory entries for ' .. it.service .. ', which is no actor, or has not run')
  end
  local brief = ROUSE.is_observe (it) and tonumber (args[4]) > tonumber (ROUSE.KEPT)
  local retention = brief and ROUSE.KEPT or args[4]
  store_outcome (prefix, it, { status = args[3], value = args[10], winner = args[2], retention = retention,
                               retryable = args[5] == '1' })
  local heard = it.clock and it.attempt > 0 and (args[7] == '1' or news_of (prefix, it) == 0)
  if heard then pass_cuts (prefix, it) end
  if ROUSE.is_observe (it) then ROUSE.rest (prefix, it, actor, heard) end
  local done = answer ('ok', it.attempt)
  if args[FIRST_ENTRY] then remember (prefix, it, actor, args) end
  if it.actor then done[FIRST_ITEM] = pass_turn (prefix, it, actor, broker) end
  tell_settled (prefix, it, broker)
  if it.nested or it.refs > 0 then follow (prefix, name, args[4], BATCH) end
  return done
end

-- -- await ----------------------------------------------------------------------------------------------------------
-- broker, id of the call that waits ('' for none)

-- The waiting call now waits for `it`. Returns the text of the ring that this would close, and then it doesn't.
local function await_within (prefix, it, id)
  local waiter = load (prefix, sibling (it.name, id))
  if not waiter or waiter.status then return nil end
  if waiter.name == it.name then return it.service .. ' waits for itself' end
  local why = ring (prefix, waiter, it)
  if why then return why end
  if it.parent ~= id then
    if not waiter.awaits then mark (waiter, 'awaits', '1') end
    call ('SADD', prefix .. 'awaits:' .. waiter.name, id_of (it.name))
  end
  return nil
end

local function await (keys, args)
  local prefix, name = prefix_of (keys[1]), name_of (keys[1])
  local it = load (prefix, name)
  if not it then
    local unknown = answer ('unknown')
    unknown[8] = GENERATION.may_have_lost (prefix, id_of (name)) and 1 or 0
    return unknown
  end
  if it.status then return settled (it) end
  local why = (args[2] or '') ~= '' and await_within (prefix, it, args[2])
  if why then
    local cycle = answer ('cycle')
    cycle[7] = why
    return cycle
  end
  add_waiter (it, args[1])
  return standing ('pending', it, actor_of (prefix, it), false, now ())
end

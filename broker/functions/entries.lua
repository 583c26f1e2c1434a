-- SPDX-License-Identifier: Apache-2.0

-- -- Entries: what becomes of a log ----------------------------------------------------------------------------------

-- Something is left to do for the hub: the next sweep does it.
local function look_again (prefix, name)
  call ('ZADD', prefix .. 'hubs', '0', name)
end

-- The actor has nothing to do with the hub any more.
local function drop_reader (prefix, name, service)
  call ('ZREM', prefix .. 'readers:' .. name, service)
  call ('HDEL', prefix .. 'members:' .. name, service)
  local live = call ('SREM', prefix .. 'live:' .. name, service) == 1
  if call ('SREM', actor_key (prefix, 'hubs:', name, service), id_of (name)) == 1 then
    call ('HINCRBY', actor_key (prefix, 'actor:', name, service), 'hubs', -1)
  end
  if live then ROUSE.hand_on (prefix, name, service) end
end

-- Whether nothing that it has still to hear is in the log, or will be.
local function has_heard_all (prefix, name, service)
  for _, stretch in ipairs (stretches_of (prefix, name, service, HUB.LAST)) do
    if count_news (prefix, stretch, service) > 0 or each_pending (prefix, stretch, service, false, always) then
      return false
    end
  end
  return true
end

-- Drops it if it has left, or the hub is closed, and it has heard all that it was to hear. `times` as in `members`.
local function let_go (prefix, hub, service, times)
  local gone = not hub.open or not is_member (times)
  if gone and has_heard_all (prefix, hub.name, service) then drop_reader (prefix, hub.name, service) end
end

local function forget_hub (prefix, name)
  for _, kind in ipairs (HUB.KINDS) do call ('DEL', prefix .. kind .. name) end
  call ('ZREM', prefix .. 'hubs', name)
  call ('ZREM', prefix .. 'rouse', name)
  SESSIONS.forget_hub (prefix, name)
end

-- Its time is over: what readers have not heard by now, they never will.
local function give_up (prefix, name)
  for _, service in ipairs (call ('ZRANGE', prefix .. 'readers:' .. name, 0, -1)) do
    for _, stretch in ipairs (stretches_of (prefix, name, service, HUB.LAST)) do
      HUB.missed = HUB.missed + count_news (prefix, stretch, service)
    end
    drop_reader (prefix, name, service)
  end
  forget_hub (prefix, name)
end

-- A closed hub's keys go when all have heard all; and when some don't come to, some time after the last entry.
local function tidy (prefix, hub)
  local name, key = hub.name, prefix .. 'hub:' .. hub.name
  if hub.open or call ('EXISTS', prefix .. 'pending:' .. name, prefix .. 'waits:' .. name) > 0 then return end
  if call ('EXISTS', prefix .. 'readers:' .. name) == 0 then return forget_hub (prefix, name) end
  local ends, time = tonumber (call ('HGET', key, 'ends')), now ()
  if ends and ends <= time then return give_up (prefix, name) end
  if not ends then
    ends = time + tonumber (hub.retention)
    call ('HSET', key, 'ends', text (ends))
    for _, kind in ipairs (HUB.KINDS) do
      call ('PEXPIRE', prefix .. kind .. name, text (ends - time + HUB.DAY))
    end
  end
  call ('ZADD', prefix .. 'hubs', 'NX', text (ends), name)
end

-- Goes on looking for members of a closed hub that can be let go.
local function go_on_leaving (prefix, hub)
  local key = prefix .. 'hub:' .. hub.name
  local at = call ('HGET', key, 'leaving')
  if not at then return false end
  local found = call ('HSCAN', prefix .. 'members:' .. hub.name, at, 'COUNT', BATCH)
  for i = 1, #found[2], 2 do let_go (prefix, hub, found[2][i], found[2][i + 1]) end
  if found[1] == '0' then call ('HDEL', key, 'leaving') else call ('HSET', key, 'leaving', found[1]) end
  return found[1] ~= '0'
end

local function leave_all (prefix, hub)
  call ('HSET', prefix .. 'hub:' .. hub.name, 'leaving', '0')
  if go_on_leaving (prefix, hub) then look_again (prefix, hub.name) end
  tidy (prefix, hub)
end

-- Its entries still fill, and are heard. `opener`: the call that opened it, if that goes on.
local function close_hub (prefix, hub, opener)
  hub.open = false
  call ('HSET', prefix .. 'hub:' .. hub.name, 'open', '')
  call ('ZREM', prefix .. 'hubs', hub.name)
  if call ('EXISTS', prefix .. 'waits:' .. hub.name) == 1 then look_again (prefix, hub.name) end
  if opener and opener.hubs then
    opener.hubs = opener.hubs:gsub (id_of (hub.name):gsub ('%-', '%%-'), '')
    mark (opener, 'hubs', opener.hubs)
  end
  leave_all (prefix, hub)
  ROUSE.said (prefix, hub.name, 0)
end

-- Calls that waited for the entry go on, or wait for another one. Those beyond the budget are left to sweeps.
local function wake (prefix, name, position, budget)
  local waits = prefix .. 'waits:' .. name
  local ids = call ('ZRANGEBYSCORE', waits, text (position), text (position), 'LIMIT', 0, budget + 1)
  for i = 1, math.min (#ids, budget) do
    call ('ZREM', waits, ids[i])
    local it = load (prefix, sibling (name, ids[i]))
    if it and not it.status then
      local hub, at = awaited_entry (prefix, it)
      it.behind = hub
      if hub then
        call ('HSET', it.key, 'behind', hub)
        call ('ZADD', prefix .. 'waits:' .. sibling (name, hub), text (at), ids[i])
      else
        call ('HDEL', it.key, 'behind')
        tell_ready (prefix, take_turn (prefix, it))
      end
    end
  end
  if #ids > budget then look_again (prefix, name) end
  return budget - #ids
end

-- An entry is void: of those who have left, some may have waited for nothing else.
function HUB.let_go_of_those_who_left (prefix, hub, position)
  local services = call ('ZRANGEBYSCORE', prefix .. 'readers:' .. hub.name, '-inf', '(' .. text (position))
  local times = #services > 0 and call ('HMGET', prefix .. 'members:' .. hub.name, unpack (services)) or {}
  for i, service in ipairs (services) do
    if not is_member (times[i]) then let_go (prefix, hub, service, times[i]) end
  end
end

-- The entries of a settled call are filled with its value, or void.
local function resolve (prefix, it, outcome)
  for _, id in ipairs (ids_of (it.entries)) do
    local name = sibling (it.name, id)
    if call ('ZREM', prefix .. 'pending:' .. name, id_of (it.name) .. it.service) == 1 then
      if outcome.status == VALUE then
        call ('ZADD', prefix .. 'log:' .. name, text (it.sequence), row_of (it.sequence, it.service))
        call ('HSET', prefix .. 'said:' .. name, padded (it.sequence), outcome.value)
        call ('HINCRBY', prefix .. 'hub:' .. name, 'bytes', #outcome.value)
        ROUSE.note_said (name, it.sequence)
      end
      wake (prefix, name, it.sequence, HUB.WAKES)
      ROUSE.said (prefix, name, 1)
      local hub = load_hub (prefix, name)
      if hub and outcome.status ~= VALUE then HUB.let_go_of_those_who_left (prefix, hub, it.sequence) end
      if hub and not hub.open and call ('EXISTS', prefix .. 'pending:' .. name) == 0 then leave_all (prefix, hub) end
    end
  end
end

-- What follows for hubs from the settling of a call: its entries, its turn that doesn't come, the hubs that it opened.
local function leave_hubs (prefix, it, outcome)
  if it.behind then call ('ZREM', prefix .. 'waits:' .. sibling (it.name, it.behind), id_of (it.name)) end
  if it.entries then resolve (prefix, it, outcome) end
  for _, id in ipairs (ids_of (it.hubs)) do
    local hub = load_hub (prefix, sibling (it.name, id))
    if hub and hub.open then close_hub (prefix, hub, nil) end
  end
  if it.hubs then call ('DEL', prefix .. 'fans:' .. it.name, prefix .. 'fanning:' .. it.name) end
end

-- Removes what every reader has passed, when that is `least` entries or more.
local function trim (prefix, name, least)
  local log, first = prefix .. 'log:' .. name, call ('ZRANGE', prefix .. 'readers:' .. name, 0, 0, 'WITHSCORES')
  local passed = first[2] or '+inf'
  if call ('ZCOUNT', log, '-inf', passed) < least then return end
  local rows, positions = call ('ZRANGEBYSCORE', log, '-inf', passed, 'LIMIT', 0, 10 * BATCH), {}
  if #rows == 0 then return end
  local bytes = 0
  for i, row in ipairs (rows) do
    positions[i] = row:sub (1, RANK_SIZE)
    bytes = bytes + call ('HSTRLEN', prefix .. 'said:' .. name, positions[i])
  end
  call ('HINCRBY', prefix .. 'hub:' .. name, 'bytes', -bytes)
  call ('HDEL', prefix .. 'said:' .. name, unpack (positions))
  call ('ZREM', log, unpack (rows))
end

-- Why the log has no room for so many more entries, of so many bytes; nil when it has. (What fills an entry later is
-- taken whatever its size is: so the bytes are bounded by what is accepted when there are too many.)
local function is_full (prefix, name, more, bytes)
  local why = nil
  for try = 1, 2 do
    local pending = call ('ZCARD', prefix .. 'pending:' .. name)
    local size = tonumber (call ('HGET', prefix .. 'hub:' .. name, 'bytes') or 0) + pending * HUB.ENTRY_BYTES + bytes
    if call ('ZCARD', prefix .. 'log:' .. name) + pending + more > HUB.LOG then
      why = 'its last ' .. HUB.LOG .. ' entries'
    elseif size > HUB.LOG_BYTES then
      why = 'its last ' .. HUB.LOG_BYTES / 1024 / 1024 .. ' MiB'
    else
      return nil
    end
    if try == 1 then trim (prefix, name, 1) end
  end
  return 'the log of the hub ' .. id_of (name) .. ' is full: a member has not heard ' .. why
end

-- The actor has heard all up to the cuts of its call.
local function pass_cuts (prefix, it)
  for id, cut in pairs (cuts_of (it.clock)) do
    local name = sibling (it.name, id)
    local cursor = call ('ZSCORE', prefix .. 'readers:' .. name, it.service)
    local hub = cursor and tonumber (cursor) < cut and load_hub (prefix, name)
    if hub then
      call ('ZADD', prefix .. 'readers:' .. name, text (cut), it.service)
      let_go (prefix, hub, it.service, call ('HGET', prefix .. 'members:' .. name, it.service) or '')
      trim (prefix, name, HUB.TRIM)
      tidy (prefix, hub)
    end
  end
end

-- Calls that wait for entries which are there, because so many waited that one step couldn't wake all.
local function wake_left (prefix, name)
  local waits, pending, budget, from = prefix .. 'waits:' .. name, prefix .. 'pending:' .. name, HUB.WAKES, '-inf'
  for _ = 1, HUB.WAKES do
    local found = call ('ZRANGEBYSCORE', waits, from, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if not found[2] then return end
    if call ('ZCOUNT', pending, found[2], found[2]) == 0 then
      budget = wake (prefix, name, tonumber (found[2]), math.min (budget, HUB.WAKES))
      if budget <= 0 then return end
    end
    from = '(' .. found[2]
  end
end

-- What is due for hubs of the slot: work that was left, leases that ran out. Returns whether there is more.
local function go_on_hubs (prefix, time)
  local names = call ('ZRANGEBYSCORE', prefix .. 'hubs', '-inf', text (time), 'LIMIT', 0, 10)
  for _, name in ipairs (names) do
    call ('ZREM', prefix .. 'hubs', name)
    local hub = load_hub (prefix, name)
    if hub then
      wake_left (prefix, name)
      if hub.open and hub.lease > 0 and hub.lease <= time then
        close_hub (prefix, hub, nil)
      elseif hub.open and hub.lease > 0 and not call ('ZSCORE', prefix .. 'hubs', name) then
        call ('ZADD', prefix .. 'hubs', text (hub.lease), name)
      elseif not hub.open then
        if go_on_leaving (prefix, hub) then look_again (prefix, name) end
        tidy (prefix, hub)
      end
    end
  end
  return #names == 10
end

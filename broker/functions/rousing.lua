-- SPDX-License-Identifier: Apache-2.0

-- -- Rousing: members hear what is said without being called --------------------------------------------------------

-- A member that wants to hear at once (it is in `live`), or that holds up the trimming of the log, is *roused*: it gets
-- an observe call, which says nothing to it but to hear. That is a call like any other, so order, attempts and what is
-- stored with its outcome hold for it as they are. It waits for nothing: it goes to an actor that has nothing to do,
-- and up to the first entry of each hub that isn't filled yet.
--
-- What is said marks its hub in `rouse`, and the answer names the hub; a broker then asks for `rouse`, which makes the
-- calls. A mark that nobody asked about is found by a sweep. A member that is busy is looked at when it has no more to
-- do. One whose observe call failed rests for a while, longer each time.

local ROUSE = { -- (a table, because a chunk has at most 200 locals)
  OBSERVE = 64, -- TROUPE_FLAG_OBSERVE
  NULL = '\192', -- what an observe call brings, packed
  LAG = HUB.LOG / 2, -- entries behind which a member is roused that is not live
  LAG_STEP = 64, -- so many entries apart that is looked at
  KEPT = '60000', -- ms that the outcome of an observe call is kept at most, for a broker that asks again
  REST = 1000, REST_MAX = 60000, -- ms after the first failure of an observe call; doubled with each that follows
  UNSURE = 5000, -- ms after which a step that was to follow is looked for
  REPORTED = 10, -- hubs an answer
}

local marked = nil -- by this step: ids of hubs, as names
local spoken = nil -- by this step: what it added to logs, as an answer has it

-- It is marked already: the answer says so once more.
function ROUSE.remark (name)
  marked = marked or {}
  marked[name] = true
end

-- `due`: when, or 0: now.
function ROUSE.mark (prefix, name, due)
  call ('ZADD', prefix .. 'rouse', 'LT', text (due), name)
  if due == 0 then ROUSE.remark (name) end
end

-- The hubs that this step marked, as the answer has them; false: none.
function ROUSE.report ()
  local names = {}
  for name in pairs (marked or {}) do
    if #names < ROUSE.REPORTED then names[#names + 1] = name end
  end
  return #names > 0 and table.concat (names, ' ') or false
end

-- Entries were added to the log, the first one at this position.
function ROUSE.note_said (name, position)
  spoken = (spoken or '') .. id_of (name) .. padded (position)
end

-- Entries were added to the log, or are void: so there may be something to hear.
function ROUSE.said (prefix, name, count)
  local size = call ('ZCARD', prefix .. 'log:' .. name)
  local step = ROUSE.LAG_STEP
  local crossed = size > ROUSE.LAG and math.floor (size / step) > math.floor ((size - count) / step)
  if crossed or call ('EXISTS', prefix .. 'live:' .. name) == 1 then ROUSE.mark (prefix, name, 0) end
end

-- The hub lets a member go that wanted to hear at once. If the hub is marked, that may be for what was said in another
-- one: so one of these is marked as well.
function ROUSE.hand_on (prefix, name, service)
  local due = call ('ZSCORE', prefix .. 'rouse', name)
  for _, id in ipairs (due and call ('SMEMBERS', actor_key (prefix, 'hubs:', name, service)) or {}) do
    local other = sibling (name, id)
    if call ('SISMEMBER', prefix .. 'live:' .. other, service) == 1 then
      return ROUSE.mark (prefix, other, tonumber (due))
    end
  end
end

-- Up to where one may hear the hubs of an opener that isn't called: where the first group stands of which more calls
-- are to come. And until when these are waited for; nil: for none.
function ROUSE.edge (prefix, name, opener, position)
  local groups = call ('ZRANGE', prefix .. 'fanning:' .. sibling (name, opener), 0, -1, 'WITHSCORES')
  local time, due = #groups > 0 and now (), nil
  for i = 1, #groups, 2 do
    local cut = call ('ZSCORE', prefix .. 'fans:' .. sibling (name, opener), groups[i])
    local till = tonumber (groups[i + 1])
    if cut and till > time then
      position, due = math.min (position, tonumber (cut)), math.max (till, due or till)
    end
  end
  return position, due
end

-- The same for one actor: up to the first entry that is not filled, in any of them. { opener = position }. Also what of
-- each hub it has not heard, perhaps beyond that.
function ROUSE.edges (prefix, name, service, hubs)
  local position, edges, unheard_of, due = tonumber (call ('GET', prefix .. 'sequence') or 0), {}, {}, nil
  for _, hub in ipairs (hubs) do
    local opener = opener_of (hub)
    if not edges[opener] then
      local till
      edges[opener], till = ROUSE.edge (prefix, name, opener, position)
      due = till and math.min (till, due or till) or due
    end
    unheard_of[hub] = stretches_of (prefix, hub.name, service, edges[opener])
    for _, stretch in ipairs (unheard_of[hub]) do
      local pending = each_pending (prefix, stretch, service, false, always)
      edges[opener] = math.min (edges[opener], pending and pending - 1 or edges[opener])
    end
  end
  return edges, unheard_of, due
end

-- What an actor that has nothing to do can hear: its clock, whether there is a message, and whether it gets anywhere by
-- it. And when to look again, though nothing is said until then; nil: never.
function ROUSE.audible (prefix, name, service)
  local hubs, clock, any = {}, {}, false
  for _, id in ipairs (call ('SMEMBERS', actor_key (prefix, 'hubs:', name, service))) do
    hubs[#hubs + 1] = load_hub (prefix, sibling (name, id))
  end
  local edges, unheard_of, due = ROUSE.edges (prefix, name, service, hubs)
  for _, hub in ipairs (hubs) do
    local edge = edges[opener_of (hub)]
    for _, stretch in ipairs (unheard_of[hub]) do
      stretch.to = math.min (stretch.to, edge)
      if stretch.from < stretch.to then
        clock[id_of (hub.name)] = edge
        any = any or HUB.any_news (prefix, stretch, service)
      end
    end
  end
  return clock, any, next (clock) ~= nil, due
end

function ROUSE.is_observe (it)
  return bit.band (it.flags or 0, ROUSE.OBSERVE) ~= 0
end

-- How long the actor rests: it has observed, or has failed to.
function ROUSE.rest (prefix, it, actor, heard)
  if heard then
    call ('HDEL', actor.key, 'failures', 'rest')
  else
    local failures = call ('HINCRBY', actor.key, 'failures', 1)
    local ms = math.min (ROUSE.REST * 2 ^ math.min (failures - 1, 10), ROUSE.REST_MAX)
    call ('HSET', actor.key, 'rest', text (now () + ms))
    for id in pairs (cuts_of (it.clock)) do -- of a hub that is closed it was the last one
      local hub = load_hub (prefix, sibling (it.name, id))
      if not (hub and hub.open) then call ('SREM', prefix .. 'live:' .. sibling (it.name, id), it.service) end
    end
  end
end

-- The actor of `it` has nothing to do any more: it may have something to hear. If all members of the hub are going to
-- be looked at anyway, so is it.
function ROUSE.look_at_idle (prefix, it, actor)
  if not actor.hubs then return end
  local rest = tonumber (call ('HGET', actor.key, 'rest') or 0)
  for _, id in ipairs (call ('SMEMBERS', actor_key (prefix, 'hubs:', it.name, it.service))) do
    local name = sibling (it.name, id)
    if call ('SISMEMBER', prefix .. 'live:' .. name, it.service) == 1 then
      if call ('ZSCORE', prefix .. 'rouse', name) == '0' then return ROUSE.remark (name) end
      local _, any, _, due = ROUSE.audible (prefix, it.name, it.service)
      if any then ROUSE.mark (prefix, name, rest > now () and rest or 0) end
      if due then ROUSE.mark (prefix, name, due) end
      return
    end
  end
end

-- The name of a new call. Nobody else makes one like it, for it comes from a place in the order of acceptance.
function ROUSE.name (prefix, name, service, sequence, time)
  local hex = redis.sha1hex (table.concat ({ prefix, name, service, text (sequence), text (time) }, ' '))
  return sibling (name, string.format ('%s-%s-8%s-8%s-%s', hex:sub (1, 8), hex:sub (9, 12), hex:sub (13, 15),
                                       hex:sub (16, 18), hex:sub (19, 30)))
end

function ROUSE.create (prefix, name, service, actor, clock, broker, deadline, time)
  if SESSIONS.is_closing (prefix, name) then return nil end
  local sequence = call ('INCR', prefix .. 'sequence')
  name = ROUSE.name (prefix, name, service, sequence, time)
  local it = { key = prefix .. 'call:' .. name, name = name, service = service, actor = true, attempt = 1,
               deadline = time + deadline, owner = broker, sequence = sequence, flags = ROUSE.OBSERVE,
               default = 0, clock = join_cuts (clock) }
  CALLS.store (it, 'body', ROUSE.NULL, 'more', '1', 'clock', it.clock)
  file (prefix, name, it.deadline, sequence)
  call ('HSET', actor.key, 'running', id_of (name))
  GENERATION.renew_epoch (actor, GENERATION.base (sequence))
  return it
end

-- An observe call for a member, if it has nothing to do but to hear; nil: none. And when to look again; nil: never.
function ROUSE.wake (prefix, name, service, far, broker, deadline, time)
  local actor = load_actor (prefix, name, service)
  if actor.running or not actor.hubs or call ('EXISTS', actor_key (prefix, 'mailbox:', name, service)) == 1 then
    return nil
  end
  local clock, any, moves, due = ROUSE.audible (prefix, name, service)
  if not any and not (far and moves) then return nil, due end
  local rest = tonumber (call ('HGET', actor.key, 'rest') or 0)
  if rest > time then return nil, rest end
  return ROUSE.create (prefix, name, service, actor, clock, broker, deadline, time), due
end

-- Members that have not heard the older half of a very long log: they hold up its trimming.
function ROUSE.laggards (prefix, name)
  local edge = call ('ZRANGE', prefix .. 'log:' .. name, -ROUSE.LAG, -ROUSE.LAG, 'WITHSCORES')[2]
  return edge and call ('ZRANGEBYSCORE', prefix .. 'readers:' .. name, '-inf', '(' .. edge, 'LIMIT', 0, BATCH) or {}
end

-- -- rouse ----------------------------------------------------------------------------------------------------------
-- broker, deadline of the calls (ms from now), where to go on (0: at the beginning). Its key is `hub:...`. The items
-- are observe calls whose turn has come; the answer says under `deadline` where to go on if there is `more`.

function ROUSE.rouse (keys, args)
  local prefix, broker, deadline, at = prefix_of (keys[1]), args[1], tonumber (args[2]), args[3]
  local name, time, later = keys[1]:sub (PREFIX_SIZE + 5), now (), nil
  local roused, marks = answer ('ok'), prefix .. 'rouse'
  if at == '0' then call ('ZREM', marks, name) end
  local found = call ('SSCAN', prefix .. 'live:' .. name, at, 'COUNT', BATCH)
  local function wake_all (services, far)
    for i, service in ipairs (services) do
      if #roused - FIRST_ITEM + 1 == BATCH then return true end
      local it, rest = ROUSE.wake (prefix, name, service, far, broker, deadline, time)
      if it then roused[#roused + 1] = describe (prefix, it, time, true) end
      later = rest and math.min (rest, later or rest) or later
    end
    return false
  end
  local full = wake_all (found[2], false) or (at == '0' and wake_all (ROUSE.laggards (prefix, name), true))
  local more = full or found[1] ~= '0'
  if later then ROUSE.mark (prefix, name, later) end
  if more then
    ROUSE.mark (prefix, name, time + ROUSE.UNSURE) -- should nobody ask for the rest
    roused[4], roused[8] = tonumber (full and at or found[1]), 1
  elseif at ~= '0' and not later then
    local due = tonumber (call ('ZSCORE', marks, name) or 0)
    if due > 0 then call ('ZREM', marks, name) end
  end
  return roused
end

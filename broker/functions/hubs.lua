-- SPDX-License-Identifier: Apache-2.0

-- -- Hubs -----------------------------------------------------------------------------------------------------------

-- A hub's log is ordered by positions, which are numbers of the slot's `sequence`. So what several hubs said is merged
-- by them, what one call said in two hubs is heard once, and where a call stands in all hubs is mostly one number: that
-- of its own acceptance.
--
-- An actor's cut in a hub, for a call: the position up to which it hears the hub before it replies. Only hubs of one
-- opener can have a message in common, for a call is said in hubs that its own caller opened (those that no call opened
-- count as one caller's). In these an actor always stands at one and the same place, else it would hear a message twice
-- that was said in two of them, or later than what was said after it. So a scope says where a call stands among the
-- hubs of an opener, for each of its ancestors, for itself and for all that is asked on its behalf. A clock: the cuts
-- of a call in the hubs that its actor is in; kept with the call, so each attempt hears the same.

-- { id = cut, ... } from "<id><cut>...", and back. The ids of a scope are those of openers, of a clock those of hubs.
local function cuts_of (joined)
  local cuts, size = {}, ID_SIZE + RANK_SIZE
  for at = 1, joined and #joined or 0, size do
    cuts[joined:sub (at, at + ID_SIZE - 1)] = tonumber (joined:sub (at + ID_SIZE, at + size - 1))
  end
  return cuts
end

local function join_cuts (cuts)
  local parts = {}
  for id, cut in pairs (cuts) do parts[#parts + 1] = id .. padded (cut) end
  return #parts > 0 and table.concat (parts) or nil
end

-- nil when there is none (any more).
local function load_hub (prefix, name)
  local v = call ('HMGET', prefix .. 'hub:' .. name, 'open', 'auto', 'parent', 'lease', 'retention')
  if not v[1] then return nil end
  return { name = name, open = v[1] == '1', auto = v[2] == '1', parent = v[3], lease = tonumber (v[4] or 0),
           retention = v[5] }
end

-- Whose hub it is.
local function opener_of (hub)
  return hub.parent ~= '' and hub.parent or HUB.NOBODY
end

-- Since when it has been a member, and until when: { from, to } for each time that it was, the last one's `to` being
-- math.huge as long as it is.
local function times_of (joined)
  local times = {}
  for from, to in (joined or ''):gmatch ('(%d+)%-(%d*)') do
    times[#times + 1] = { from = tonumber (from), to = tonumber (to) or math.huge }
  end
  return times
end

local function is_member (joined)
  return (joined or ''):sub (-1) == '-'
end

-- What the actor has not heard of the hub up to a cut: the stretches { behind from, up to to } of its log.
local function stretches_of (prefix, name, service, cut)
  local stretches, cursor = {}, call ('ZSCORE', prefix .. 'readers:' .. name, service)
  if not cursor or tonumber (cursor) >= cut then return stretches end
  for _, time in ipairs (times_of (call ('HGET', prefix .. 'members:' .. name, service))) do
    local from, to = math.max (time.from, tonumber (cursor)), math.min (time.to, cut)
    if from < to then stretches[#stretches + 1] = { name = name, from = from, to = to } end
  end
  return stretches
end

-- The same of all hubs of its clock.
local function unheard (prefix, it)
  local all = {}
  for id, cut in pairs (cuts_of (it.clock)) do
    for _, stretch in ipairs (stretches_of (prefix, sibling (it.name, id), it.service, cut)) do
      stretch.hub = id
      all[#all + 1] = stretch
    end
  end
  return all
end

-- Calls `take (id, position)` for the pending entries of a stretch, but for the actor's own, until that returns true;
-- returns the position then. `newest`: the last one first.
local function each_pending (prefix, stretch, service, newest, take)
  local key, at = prefix .. 'pending:' .. stretch.name, 0
  local from, to = '(' .. text (stretch.from), text (stretch.to)
  repeat
    local found = newest and call ('ZREVRANGEBYSCORE', key, to, from, 'WITHSCORES', 'LIMIT', at, BATCH) or
                  call ('ZRANGEBYSCORE', key, from, to, 'WITHSCORES', 'LIMIT', at, BATCH)
    for i = 1, #found, 2 do
      local own = found[i]:sub (ID_SIZE + 1) == service
      if not own and take (found[i]:sub (1, ID_SIZE), tonumber (found[i + 1])) then return tonumber (found[i + 1]) end
    end
    at = at + BATCH
  until #found < 2 * BATCH
  return nil
end

local function always ()
  return true
end

-- An entry that its turn waits for: the id of the hub, and the position. The last one of a hub, because the others will
-- mostly be there by then.
local function awaited_entry (prefix, it)
  for _, stretch in ipairs (unheard (prefix, it)) do
    local at = each_pending (prefix, stretch, it.service, true, always)
    if at then return stretch.hub, at end
  end
  return nil
end

-- A row of a log: its position, and who said it (nobody: it was broadcast).
local function row_of (position, service)
  return padded (position) .. service
end

-- Returns also how many entries there are together with its own.
local function count_news (prefix, stretch, service)
  local log, from, to = prefix .. 'log:' .. stretch.name, '(' .. text (stretch.from), text (stretch.to)
  local all = call ('ZCOUNT', log, from, to)
  local count = all
  if count == 0 or count > BATCH then return count, all end
  for _, row in ipairs (call ('ZRANGEBYSCORE', log, from, to)) do
    if row:sub (RANK_SIZE + 1) == service then count = count - 1 end
  end
  return count, all
end

-- Whether there are entries which aren't its own. Mostly the newest one tells.
function HUB.any_news (prefix, stretch, service)
  local log, from, to = prefix .. 'log:' .. stretch.name, '(' .. text (stretch.from), text (stretch.to)
  local at, count = 0, 1
  repeat
    local rows = call ('ZREVRANGEBYSCORE', log, to, from, 'LIMIT', at, count)
    for _, row in ipairs (rows) do
      if row:sub (RANK_SIZE + 1) ~= service then return true end
    end
    at, count = at + #rows, BATCH
  until #rows == 0
  return false
end

-- How many messages it has to hear; when there are very many, not less than that. (See calls.lua.) And if all of them
-- are in one stretch of one log, where that is: "<hub><from><to><entries, its own too>"; else ''.
function news_of (prefix, it)
  local count, parts, where = 0, 0, ''
  if it.clock and it.attempt > 0 then
    for _, stretch in ipairs (unheard (prefix, it)) do
      local news, all = count_news (prefix, stretch, it.service)
      if news > 0 then
        count, parts = count + news, parts + 1
        where = stretch.hub .. padded (stretch.from) .. padded (stretch.to) .. padded (all)
      end
    end
  end
  return count, parts == 1 and where or ''
end

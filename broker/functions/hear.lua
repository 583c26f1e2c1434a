-- SPDX-License-Identifier: Apache-2.0

-- -- hear -----------------------------------------------------------------------------------------------------------
-- attempt (0: any), position (0: from the beginning). Items are messages, in the order in which they were said; the
-- answer says under `deadline` where to go on, 0: that was all.

-- The next rows of the actor's logs behind a position, but for its own: { position, hub }; and up to where none is
-- missing among them, or nil: to the end.
local function rows_behind (prefix, it, position)
  local rows, bound = {}, nil
  for _, stretch in ipairs (unheard (prefix, it)) do
    local from = '(' .. text (math.max (stretch.from, position))
    local log, to = prefix .. 'log:' .. stretch.name, text (stretch.to)
    local found = call ('ZRANGEBYSCORE', log, from, to, 'LIMIT', 0, HUB.HEARD)
    for _, row in ipairs (found) do
      if row:sub (RANK_SIZE + 1) ~= it.service then
        rows[#rows + 1] = { position = tonumber (row:sub (1, RANK_SIZE)), name = stretch.name }
      end
    end
    local last = #found == HUB.HEARD and tonumber (found[HUB.HEARD]:sub (1, RANK_SIZE))
    if last then bound = math.min (bound or last, last) end
  end
  table.sort (rows, function (a, b) return a.position < b.position end)
  return rows, bound
end

-- The messages of the first of these rows, as far as they stand in one log, by their positions. `ahead`: how many at
-- most; returned anew for the next ones, so that large messages are read one at a time and small ones many.
function HUB.messages_of (prefix, rows, first, ahead)
  local fields, messages, name, bytes = {}, {}, rows[first].name, 0
  while #fields < ahead and rows[first + #fields] and rows[first + #fields].name == name do
    fields[#fields + 1] = padded (rows[first + #fields].position)
  end
  for i, message in ipairs (call ('HMGET', prefix .. 'said:' .. name, unpack (fields))) do
    messages[rows[first + i - 1].position] = message or ''
    bytes = bytes + #(message or '')
  end
  return messages, bytes > HUB.AHEAD_BYTES and 1 or math.min (ahead * 4, HUB.AHEAD)
end

-- Adds the messages of rows to the answer; returns where to go on.
local function give (prefix, heard, rows, bound)
  local bytes, last, messages, ahead = 0, 0, {}, 1
  for i, row in ipairs (rows) do
    if bound and row.position > bound then break end
    if row.position ~= last then
      if not messages[row.position] then messages, ahead = HUB.messages_of (prefix, rows, i, ahead) end
      local message = messages[row.position]
      bytes = bytes + #message
      local given = #heard - FIRST_ITEM + 1
      if given == HUB.HEARD or (bytes > BATCH_BYTES and given > 0) then return last end
      if message ~= '' then heard[#heard + 1] = message end
      last = row.position
    end
  end
  return bound or 0
end

local function hear (keys, args)
  local prefix = prefix_of (keys[1])
  local it, refused = load_running (prefix, name_of (keys[1]), tonumber (args[1]))
  if not it then return refused end
  local heard, position = standing ('ok', it, actor_of (prefix, it), false, now ()), tonumber (args[2])
  repeat
    local rows, bound = rows_behind (prefix, it, position)
    position = give (prefix, heard, rows, bound)
  until position == 0 or #heard >= FIRST_ITEM
  heard[4] = position
  return heard
end

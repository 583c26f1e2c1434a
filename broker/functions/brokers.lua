-- SPDX-License-Identifier: Apache-2.0

-- -- Reading a slot -------------------------------------------------------------------------------------------------

-- The next unsettled calls of the slot behind the place `after` ("<score> <name>", '' for the first), in the order of
-- `open`: hands each to `take (it)`, until that says stop. Returns the place it came to, and whether there may be more.
-- Names without a call are struck out.
local function each_open (prefix, after, take)
  local score, last = after:match ('^(%S+) (.*)$')
  local names = call ('ZRANGEBYSCORE', prefix .. 'open', score or '-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, BATCH)
  for i = 1, #names, 2 do
    local name, at = names[i], names[i + 1]
    if not (at == score and name <= last) then
      local it = load (prefix, name)
      if not it or it.status then
        call ('ZREM', prefix .. 'open', name)
      elseif take (it) == 'stop' then
        return after, true
      end
      after = at .. ' ' .. name
    end
  end
  return after, #names == 2 * BATCH
end

-- The open calls of one broker, with their inputs, up to the bound. `change (it)` is called for each that is given;
-- one that it returns 'ended' for is not.
local function gather (prefix, owner, after, change)
  local found, bytes, time = answer ('ok'), 0, now ()
  local place, more = each_open (prefix, after, function (it)
    if it.owner ~= owner then return nil end
    bytes = bytes + call ('HSTRLEN', it.key, 'body')
    if bytes > BATCH_BYTES and #found >= FIRST_ITEM then return 'stop' end
    if change and change (it) == 'ended' then return nil end
    found[#found + 1] = describe (prefix, it, time, true)
  end)
  found[7], found[8] = place, more and 1 or 0
  return found
end

-- -- recover --------------------------------------------------------------------------------------------------------
-- broker, place after which to read ('' for the beginning). Its key is `open`. The answer's body is the place it came
-- to.

local function recover (keys, args)
  return gather (prefix_of (keys[1]), args[1], args[2])
end

-- -- takeover -------------------------------------------------------------------------------------------------------
-- broker, the broker whose lease has run out, place, retention, how many dead letters are kept and for how many ms. Its
-- key is `open`; the answer as of recover.

-- What has begun may have been offered, so its next attempt begins. The other broker may live (this request may come
-- long after it was made, by a broker that stood still): so it hears how its calls end, and its inbox is left alone.
local function takeover (keys, args)
  local prefix, broker, lost = prefix_of (keys[1]), args[1], args[2]
  return gather (prefix, lost, args[3], function (it)
    add_waiter (it, lost)
    if it.attempt > 0 and CALLS.is_once (it) then
      LETTERS.bury (prefix, it, 0, { args[4], args[5], args[6] })
      return 'ended'
    elseif it.attempt > 0 then
      begin_attempt (prefix, it, broker)
    else
      it.owner = broker
      CALLS.store_now (it)
    end
  end)
end

-- -- sweep ----------------------------------------------------------------------------------------------------------
-- broker, how long a session may be idle (s; 0: for ever), retention. Its key is `open`. The answer says under `ready`
-- whether this broker's inbox holds something, under `news` how many messages were not heard in time, under `inputs`
-- how many sessions have ended, which hubs of the slot are due for rousing, and under `epoch` the slot's generation.

-- Goes on with what settled calls left to do.
local function go_on_ending (prefix)
  local left, budget = call ('ZRANGE', prefix .. 'ending', 0, 9, 'WITHSCORES'), BATCH
  for i = 1, #left, 2 do
    if budget == 0 then return true end
    call ('ZREM', prefix .. 'ending', left[i])
    budget = follow (prefix, left[i], left[i + 1], budget)
  end
  return #left == 20 or budget == 0
end

local function sweep (keys, args)
  local prefix, time = prefix_of (keys[1]), now ()
  local generation = call ('HGET', prefix .. 'store', 'generation')
  if not generation then return redis.error_reply (GENERATION.EMPTY) end
  local swept = answer ('ok')
  local more = go_on_ending (prefix)
  more = go_on_hubs (prefix, time) or more
  local closed, closing = SESSIONS.sweep (prefix, tonumber (args[2] or 0), args[3] or HOUR)
  more = closing or more
  local from, to = FIRST_DEADLINE, '(' .. text ((time + 1) * DEADLINE_UNIT)
  local names = call ('ZRANGEBYSCORE', prefix .. 'open', from, to, 'LIMIT', 0, BATCH)
  for _, name in ipairs (names) do
    local it = load (prefix, name)
    if it and not it.status then
      swept[#swept + 1] = describe (prefix, it, time, false)
    else
      call ('ZREM', prefix .. 'open', name)
    end
  end
  for _, name in ipairs (call ('ZRANGEBYSCORE', prefix .. 'rouse', '-inf', text (time), 'LIMIT', 0, ROUSE.REPORTED)) do
    ROUSE.mark (prefix, name, 0)
  end
  swept[10] = tonumber (generation)
  swept[5] = call ('XLEN', prefix .. 'inbox:' .. args[1]) > 0 and 1 or 0
  swept[8] = (more or #names == BATCH) and 1 or 0
  swept[12], HUB.missed = HUB.missed, 0
  swept[INPUTS_AT] = closed
  return swept
end

-- -- inbox ----------------------------------------------------------------------------------------------------------
-- broker, the last notice that was handed over ('' for none): it and those before it are forgotten. Its key is
-- `inbox:<broker>`. The answer is { last notice ('' when the inbox is empty), { kind, call } ... }. The emptied
-- stream stays for long, because its ids must not begin again while its reader remembers one.

local function inbox (keys, args)
  local key, broker, last, time = keys[1], args[1], args[2], now ()
  local prefix = prefix_of (key)
  local ms, n = last:match ('^(%d+)-(%d+)$')
  if ms then call ('XTRIM', key, 'MINID', '=', string.format ('%s-%d', ms, n + 1)) end
  call ('PEXPIRE', key, INBOX_KEPT)
  local notices = { '' }
  for _, entry in ipairs (call ('XRANGE', key, '-', '+', 'COUNT', BATCH)) do
    notices[1] = entry[1]
    local kind, name = entry[2][2], entry[2][4]
    local it = load (prefix, name)
    if it and (kind == 'settled' or (not it.status and it.owner == broker)) then
      notices[#notices + 1] = { kind, describe (prefix, it, time, false) }
    end
  end
  return notices
end

-- -- lease ----------------------------------------------------------------------------------------------------------
-- broker, ms, the revision of its Functions, a broker whose peers have lost it ('' or none: nobody), for how many ms
-- that one must not have renewed its own. Its key is `troupe:brokers`. The answer says under `deadline` for how long
-- this broker's lease had run out; its items are { name, remaining ms (0 or less: since when it has run out) } of every
-- broker.

-- The lease of a broker that its peers have lost runs out at once, if it is silent here as well: so it is dead, or
-- stands still. (Leases are equally long in a mesh.) If it lives after all, it finds that its lease had run out.
local function cut_short (key, broker, ms, silence, time)
  local score = tonumber (call ('ZSCORE', key, broker) or 0)
  if score >= time and score - ms + silence <= time then call ('ZADD', key, text (time - 1), broker) end
end

-- A lease that ran out longer ago than any call can be open is forgotten.
local function lease (keys, args)
  local key, broker, time = keys[1], args[1], now ()
  local renewed = answer ('ok')
  local before = tonumber (call ('ZSCORE', key, broker) or time)
  renewed[4] = math.max (time - before, 0)
  call ('ZADD', key, text (time + args[2]), broker)
  local lost = args[4] or ''
  if lost ~= '' and lost ~= broker then cut_short (key, lost, tonumber (args[2]), tonumber (args[5]), time) end
  call ('ZREMRANGEBYSCORE', key, '-inf', text (time - MONTH))
  local brokers = call ('ZRANGE', key, 0, 63, 'REV', 'WITHSCORES')
  for i = 1, #brokers, 2 do
    renewed[#renewed + 1] = { brokers[i], tonumber (brokers[i + 1]) - time }
  end
  return renewed
end

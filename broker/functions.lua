#!lua name=troupe1
-- SPDX-License-Identifier: Apache-2.0
--
-- The ledger's side in Redis: every step that must be one, as a Redis Function. The broker loads this file when it
-- connects (see ledger_library.c) and is its only user; ledger.h says what each step promises.
--
-- Everything of a session lies in one of 64 slots, whose hash tag is in every key:
--
--   troupe:{NN}:call:<session>|<id>          hash    a call (fields below); gone `retention` after it has settled
--   troupe:{NN}:box:<session>|<service>      list    an actor's mailbox: ids, in the order of acceptance; the first runs
--   troupe:{NN}:memory:<session>|<service>   list    what an actor remembers, packed entries
--   troupe:{NN}:deadlines                    zset    names of calls by the time (ms) when they must have settled
--   troupe:{NN}:open:<broker>                zset    names of unsettled calls that this broker offers, by sequence
--   troupe:{NN}:wait:<session>|<id>          set     brokers that want to hear that the call has settled
--   troupe:{NN}:inbox:<broker>               stream  what others tell this broker: kind, name
--   troupe:{NN}:sequence                     number  of calls accepted in this slot
--
-- A call's name is "<session>|<id>". Fields of a call: service, actor (1, 0), flags, body (the input), attempt (0
-- while it waits in the mailbox), deadline (ms, 0: none has started), default (its deadline from when its turn
-- comes, ms), owner (the broker that offers it), path (ids, 16 bytes each), trace, sequence; once settled: status,
-- value, winner (the attempt that settled it), and no body, path or trace.
--
-- Rules: an unsettled call is in `deadlines` (if it has one), in `open` of its owner and, an actor's, in the
-- mailbox. A call has settled when it has a status. Times are Redis's own. Each function is called with one key,
-- names the others itself, and stays within that key's slot (a Redis Cluster refuses anything else). Work a call is
-- bounded: by a batch, by a mailbox's limit, or by the brokers that wait.
--
-- Answers are lists: { outcome, attempt, memory, deadline, ready, status, body, more, item ... }; items are calls
-- (`describe`), memory entries, or notices.

-- Grows with every change that other brokers of the same mesh would notice. A broker replaces a library of a lesser
-- revision, or of its own revision with other text, and leaves a greater one alone.
local REVISION = 1
local DIGEST = '@DIGEST@'

local BATCH = 100 -- calls or notices an answer: under a millisecond of Redis's time
local BATCH_BYTES = 4 * 1024 * 1024 -- of inputs or memory entries an answer; one is always given
local ENTRIES = 1000 -- memory entries an answer
local PREFIX_SIZE = 12 -- "troupe:{NN}:"
local ID_SIZE = 36

-- redis.call isn't there yet while the library is loaded.
local function call (...)
  return redis.call (...)
end

local function now ()
  local time = call ('TIME')
  return time[1] * 1000 + math.floor (time[2] / 1000)
end

-- -- Keys and calls -------------------------------------------------------------------------------------------------

local function prefix_of (key)
  return key:sub (1, PREFIX_SIZE)
end

-- "troupe:{07}:call:s|id" -> "s|id"
local function name_of (key)
  return key:sub (PREFIX_SIZE + 6)
end

local function id_of (name)
  return name:sub (-ID_SIZE)
end

local function session_of (name)
  return name:sub (1, -ID_SIZE - 2)
end

local function box_of (prefix, name, service)
  return prefix .. 'box:' .. session_of (name) .. '|' .. service
end

local function memory_of (prefix, name, service)
  return prefix .. 'memory:' .. session_of (name) .. '|' .. service
end

-- What decides about a call, without what is large; nil when there is none.
local function load (key)
  local v = call ('HMGET', key, 'service', 'actor', 'attempt', 'deadline', 'default', 'owner', 'status', 'winner',
                  'sequence', 'flags')
  if not v[1] then return nil end
  return { key = key, service = v[1], actor = v[2] == '1', attempt = tonumber (v[3]), deadline = tonumber (v[4]),
           default = tonumber (v[5]), owner = v[6], status = v[7], winner = tonumber (v[8] or 0),
           sequence = tonumber (v[9]), flags = tonumber (v[10]) }
end

local function remaining (it, time)
  if it.deadline == 0 then return 0 end
  return math.max (it.deadline - time, 1)
end

local function memory_size (prefix, name, it)
  return it.actor and call ('LLEN', memory_of (prefix, name, it.service)) or 0
end

local function describe (prefix, name, it, time, with_body)
  local more = call ('HMGET', it.key, 'path', 'trace', with_body and 'body' or 'none')
  return { session_of (name), id_of (name), it.service, it.actor and 1 or 0, it.attempt > 0 and 1 or 0, it.attempt,
           it.flags, remaining (it, time), memory_size (prefix, name, it), more[1] or '', more[2] or '', more[3] }
end

local function settled (it)
  return { 'settled', it.winner, 0, 0, 0, tonumber (it.status), call ('HGET', it.key, 'value') or '', 0 }
end

local function standing (outcome, prefix, name, it, ready)
  return { outcome, it.attempt, memory_size (prefix, name, it), remaining (it, now ()), ready and 1 or 0, 0, false, 0 }
end

-- -- Notices --------------------------------------------------------------------------------------------------------

-- Durable in the stream; the publication only says where to look, so it is needed only when the stream was empty: its
-- reader goes on until it has read an empty one.
local function tell (prefix, broker, kind, name)
  local inbox = prefix .. 'inbox:' .. broker
  call ('XADD', inbox, '*', 'kind', kind, 'name', name)
  if call ('XLEN', inbox) == 1 then
    call ('PUBLISH', 'troupe:inbox:' .. broker, prefix:sub (9, 10))
  end
end

-- -- Turns ----------------------------------------------------------------------------------------------------------

local function start_deadline (prefix, name, deadline)
  call ('ZADD', prefix .. 'deadlines', deadline, name)
end

-- The mailbox's first call gets its turn; returns its name and itself, or nil. Names without a call (evicted by a
-- Redis with the wrong policy) don't hold up those behind them.
local function advance (prefix, box, session)
  while true do
    local id = call ('LINDEX', box, 0)
    if not id then return nil end
    local name = session .. '|' .. id
    local it = load (prefix .. 'call:' .. name)
    if it and not it.status then
      if it.attempt == 0 then
        it.attempt = 1
        if it.deadline == 0 and it.default > 0 then
          it.deadline = now () + it.default
          start_deadline (prefix, name, it.deadline)
        end
        call ('HSET', it.key, 'attempt', 1, 'deadline', it.deadline)
      end
      return name, it
    end
    call ('LPOP', box)
  end
end

-- -- accept ---------------------------------------------------------------------------------------------------------
-- broker, service, actor, flags, deadline, default, mailbox limit, path, trace, body

local function accept_again (prefix, name, it, broker)
  if it.status then return settled (it) end
  if it.owner ~= broker then call ('SADD', prefix .. 'wait:' .. name, broker) end
  return standing ('known', prefix, name, it, it.owner == broker and it.attempt > 0)
end

local function accept (keys, args)
  local key, broker, service = keys[1], args[1], args[2]
  local prefix, name = prefix_of (key), name_of (key)
  local it = load (key)
  if it then return accept_again (prefix, name, it, broker) end

  local actor, deadline, default = args[3] == '1', tonumber (args[5]), tonumber (args[6])
  local box, before = nil, 0
  if actor then
    box = box_of (prefix, name, service)
    before = call ('LLEN', box)
    -- The first of them runs; the others wait.
    if before > tonumber (args[7]) then return { 'overloaded', 0, 0, 0, 0, 0, false, 0 } end
  end
  local ready = before == 0
  local relative = (deadline == 0 and ready) and default or deadline
  deadline = 0
  if relative > 0 then
    deadline = now () + relative
    start_deadline (prefix, name, deadline)
  end
  local sequence = call ('INCR', prefix .. 'sequence')
  call ('HSET', key, 'service', service, 'actor', args[3], 'flags', args[4], 'attempt', ready and 1 or 0, 'deadline',
        deadline, 'default', default, 'path', args[8], 'trace', args[9], 'body', args[10], 'owner', broker, 'sequence',
        sequence)
  call ('ZADD', prefix .. 'open:' .. broker, sequence, name)
  if actor then call ('RPUSH', box, id_of (name)) end
  local memory = (actor and ready) and call ('LLEN', memory_of (prefix, name, service)) or 0
  return { 'ok', ready and 1 or 0, memory, relative, ready and 1 or 0, 0, false, 0 }
end

-- -- settle ---------------------------------------------------------------------------------------------------------
-- broker, attempt, status, retention, value, memory entries ...

-- The turn goes on; the call whose turn it is goes to the broker that offers it. Returns it if that is this one.
local function pass_turn (prefix, name, it, broker)
  local next_name, next_call = advance (prefix, box_of (prefix, name, it.service), session_of (name))
  if not next_name then return nil end
  if next_call.owner == broker then return describe (prefix, next_name, next_call, now (), false) end
  tell (prefix, next_call.owner, 'ready', next_name)
  return nil
end

-- Made again: the confirmation of the first may have been lost, and the next call with it. The same attempt with
-- another value is not the same again (an attempt that was given up for dead may still speak): there is one
-- outcome.
local function settle_again (prefix, name, it, attempt, status, value, broker)
  if it.winner ~= attempt or it.status ~= status or call ('HGET', it.key, 'value') ~= value then return settled (it) end
  local answer = { 'ok', it.winner, 0, 0, 0, 0, false, 0 }
  if it.actor then
    local id = call ('LINDEX', box_of (prefix, name, it.service), 0)
    local next_name = id and session_of (name) .. '|' .. id
    local next_call = id and load (prefix .. 'call:' .. next_name)
    if next_call and next_call.owner == broker and not next_call.status and next_call.attempt > 0 then
      answer[9] = describe (prefix, next_name, next_call, now (), false)
    end
  end
  return answer
end

local function store_outcome (prefix, name, it, args)
  call ('HDEL', it.key, 'body', 'path', 'trace')
  call ('HSET', it.key, 'status', args[3], 'value', args[5], 'winner', args[2])
  call ('PEXPIRE', it.key, args[4])
  call ('ZREM', prefix .. 'deadlines', name)
  call ('ZREM', prefix .. 'open:' .. it.owner, name)
  if #args > 5 then call ('RPUSH', memory_of (prefix, name, it.service), unpack (args, 6)) end
end

local function tell_waiters (prefix, name, it, broker)
  local key = prefix .. 'wait:' .. name
  local waiters = call ('SMEMBERS', key)
  if #waiters > 0 then call ('DEL', key) end
  local owner_told = it.owner == broker
  for _, waiter in ipairs (waiters) do
    if waiter ~= broker then tell (prefix, waiter, 'settled', name) end
    owner_told = owner_told or waiter == it.owner
  end
  if not owner_told then tell (prefix, it.owner, 'settled', name) end
end

local function settle (keys, args)
  local key, broker, attempt = keys[1], args[1], tonumber (args[2])
  local prefix, name = prefix_of (key), name_of (key)
  local it = load (key)
  if not it then return { 'unknown', 0, 0, 0, 0, 0, false, 0 } end
  if it.status then return settle_again (prefix, name, it, attempt, args[3], args[5], broker) end
  if attempt ~= 0 and attempt ~= it.attempt then return { 'stale', it.attempt, 0, 0, 0, 0, false, 0 } end
  if #args > 5 and not it.actor then
    return redis.error_reply ('ERR memory entries for ' .. it.service .. ', which is no actor')
  end
  store_outcome (prefix, name, it, args)
  local answer = { 'ok', it.attempt, 0, 0, 0, 0, false, 0 }
  if it.actor then
    call ('LREM', box_of (prefix, name, it.service), 1, id_of (name))
    if it.attempt > 0 then answer[9] = pass_turn (prefix, name, it, broker) end
  end
  tell_waiters (prefix, name, it, broker)
  return answer
end

-- -- await ----------------------------------------------------------------------------------------------------------
-- broker

local function await (keys, args)
  local it = load (keys[1])
  if not it then return { 'unknown', 0, 0, 0, 0, 0, false, 0 } end
  if it.status then return settled (it) end
  local prefix, name = prefix_of (keys[1]), name_of (keys[1])
  call ('SADD', prefix .. 'wait:' .. name, args[1])
  return standing ('pending', prefix, name, it, false)
end

-- -- retry ----------------------------------------------------------------------------------------------------------
-- broker, the attempt that was lost

local function take_over (prefix, name, it, broker)
  call ('ZREM', prefix .. 'open:' .. it.owner, name)
  call ('ZADD', prefix .. 'open:' .. broker, it.sequence, name)
  -- Whoever offered it until now may have callers that wait for it.
  call ('SADD', prefix .. 'wait:' .. name, it.owner)
end

local function retry (keys, args)
  local key, broker, lost = keys[1], args[1], tonumber (args[2])
  local it = load (key)
  if not it then return { 'unknown', 0, 0, 0, 0, 0, false, 0 } end
  if it.status then return settled (it) end
  local prefix, name = prefix_of (key), name_of (key)
  -- This broker's own request, made again.
  if it.attempt == lost + 1 and it.owner == broker and lost > 0 then
    return standing ('ok', prefix, name, it, true)
  end
  if it.attempt ~= lost or lost == 0 then return { 'stale', it.attempt, 0, 0, 0, 0, false, 0 } end
  if it.owner ~= broker then take_over (prefix, name, it, broker) end
  it.attempt = lost + 1
  call ('HSET', key, 'attempt', it.attempt, 'owner', broker)
  return standing ('ok', prefix, name, it, true)
end

-- -- recall ---------------------------------------------------------------------------------------------------------
-- attempt (0: any), from, count

local function recall (keys, args)
  local it = load (keys[1])
  if not it then return { 'unknown', 0, 0, 0, 0, 0, false, 0 } end
  local attempt, from = tonumber (args[1]), tonumber (args[2])
  if it.status or (attempt ~= 0 and attempt ~= it.attempt) then
    return { 'stale', it.status and it.winner or it.attempt, 0, 0, 0, 0, false, 0 }
  end
  local prefix, name = prefix_of (keys[1]), name_of (keys[1])
  local answer = standing ('ok', prefix, name, it, false)
  local last = from + math.min (tonumber (args[3]), ENTRIES) - 1
  local bytes = 0
  -- In steps, so that large entries beyond the bound aren't copied in vain.
  while it.actor and from <= last do
    local entries = call ('LRANGE', memory_of (prefix, name, it.service), from, math.min (from + 9, last))
    for _, entry in ipairs (entries) do
      bytes = bytes + #entry
      if bytes > BATCH_BYTES and #answer > 8 then return answer end
      answer[#answer + 1] = entry
    end
    if #entries < 10 then break end
    from = from + 10
  end
  return answer
end

-- -- sweep ----------------------------------------------------------------------------------------------------------
-- broker. Its key is `deadlines`.

local function sweep (keys, args)
  local key, time = keys[1], now ()
  local prefix = prefix_of (key)
  local answer = { 'ok', 0, 0, 0, call ('XLEN', prefix .. 'inbox:' .. args[1]) > 0 and 1 or 0, 0, false, 0 }
  local names = call ('ZRANGEBYSCORE', key, '-inf', time, 'LIMIT', 0, BATCH)
  for _, name in ipairs (names) do
    local it = load (prefix .. 'call:' .. name)
    if it and not it.status then
      answer[#answer + 1] = describe (prefix, name, it, time, false)
    else
      call ('ZREM', key, name)
    end
  end
  if #names == BATCH then answer[8] = 1 end
  return answer
end

-- -- recover --------------------------------------------------------------------------------------------------------
-- after which sequence. Its key is `open:<broker>`. The answer's second element is the last sequence looked at.

local function recover (keys, args)
  local key, time = keys[1], now ()
  local prefix = prefix_of (key)
  local answer = { 'ok', tonumber (args[1]), 0, 0, 0, 0, false, 0 }
  local names = call ('ZRANGEBYSCORE', key, '(' .. args[1], '+inf', 'WITHSCORES', 'LIMIT', 0, BATCH)
  local bytes = 0
  for i = 1, #names, 2 do
    local name = names[i]
    local it = load (prefix .. 'call:' .. name)
    if it and not it.status then
      bytes = bytes + call ('HSTRLEN', it.key, 'body')
      if bytes > BATCH_BYTES and #answer > 8 then
        answer[8] = 1
        return answer
      end
      answer[#answer + 1] = describe (prefix, name, it, time, true)
    else
      call ('ZREM', key, name)
    end
    answer[2] = tonumber (names[i + 1])
  end
  if #names == 2 * BATCH then answer[8] = 1 end
  return answer
end

-- -- inbox ----------------------------------------------------------------------------------------------------------
-- broker, the last notice that was handed over ('' for none): it and those before it are forgotten. Its key is
-- `inbox:<broker>`. The answer is { last notice ('' when the inbox is empty), { kind, call } ... }. The emptied
-- stream stays, because its ids must not begin again.

local function inbox (keys, args)
  local key, broker, last, time = keys[1], args[1], args[2], now ()
  local prefix = prefix_of (key)
  local ms, n = last:match ('^(%d+)-(%d+)$')
  if ms then call ('XTRIM', key, 'MINID', '=', string.format ('%s-%d', ms, n + 1)) end
  local answer = { '' }
  for _, entry in ipairs (call ('XRANGE', key, '-', '+', 'COUNT', BATCH)) do
    answer[1] = entry[1]
    local kind, name = entry[2][2], entry[2][4]
    local it = load (prefix .. 'call:' .. name)
    if it and (kind == 'settled' or (not it.status and it.owner == broker)) then
      answer[#answer + 1] = { kind, describe (prefix, name, it, time, false) }
    end
  end
  return answer
end

-- -- The library ----------------------------------------------------------------------------------------------------

-- Without the flag no-writes: so it fails where nothing can be written (a replica), and the broker isn't up there.
local function version ()
  return { REVISION, DIGEST }
end

-- All but accept work when Redis is out of memory: they are what gives memory back.
redis.register_function ('troupe1_accept', accept)
redis.register_function { function_name = 'troupe1_settle', callback = settle, flags = { 'allow-oom' } }
redis.register_function { function_name = 'troupe1_await', callback = await, flags = { 'allow-oom' } }
redis.register_function { function_name = 'troupe1_retry', callback = retry, flags = { 'allow-oom' } }
redis.register_function { function_name = 'troupe1_recall', callback = recall, flags = { 'no-writes' } }
redis.register_function { function_name = 'troupe1_sweep', callback = sweep, flags = { 'allow-oom' } }
redis.register_function { function_name = 'troupe1_recover', callback = recover, flags = { 'allow-oom' } }
redis.register_function { function_name = 'troupe1_inbox', callback = inbox, flags = { 'allow-oom' } }
redis.register_function { function_name = 'troupe1_version', callback = version, flags = { 'allow-oom' } }

-- SPDX-License-Identifier: Apache-2.0

-- -- Dead letters ---------------------------------------------------------------------------------------------------

-- A call under which several instances have died settles as service_died, like any other call, and leaves a letter: its
-- input and what happened to it, for people to look into, who send it again as a call of its own or throw it away.
-- Letters are no part of the session: they hold nothing up, and outlive it.
--
-- A call that may run at most once leaves one as soon as its first attempt is lost, however that was.
--
-- What counts is how many instances died, each once: one that comes back under the same id has only lost its
-- connection. Attempts that ended because a broker was lost, or stood still, are not among them.

local LETTERS = { LISTED = 100, SHOWN = 8 * 1024 * 1024 } -- letters an answer; bytes of an input that is shown

local function letter_key (prefix, name)
  return prefix .. 'letter:' .. name
end

-- The deaths under a call, or of a letter.
function LETTERS.deaths (packed)
  return packed and packed ~= '' and { cmsgpack.unpack (packed) } or {}
end

-- Notes that an instance was lost under the call. Returns how many were.
function LETTERS.note (it, death)
  local packed = call ('HGET', it.key, 'deaths') or ''
  local deaths = LETTERS.deaths (packed)
  for _, other in ipairs (deaths) do
    if other.instance == death.instance then return #deaths end
  end
  call ('HSET', it.key, 'deaths', packed .. cmsgpack.pack (death))
  return #deaths + 1
end

-- Those whose time is over, and the eldest of too many, are thrown away. Returns how many were too many.
function LETTERS.trim (prefix, most)
  local time = text (now ())
  for _, name in ipairs (call ('ZRANGEBYSCORE', prefix .. 'letters', '-inf', time)) do
    call ('DEL', letter_key (prefix, name))
  end
  call ('ZREMRANGEBYSCORE', prefix .. 'letters', '-inf', time)
  local many = call ('ZCARD', prefix .. 'letters') - most
  if many <= 0 then return 0 end
  local popped = call ('ZPOPMIN', prefix .. 'letters', many)
  for i = 1, #popped, 2 do call ('DEL', letter_key (prefix, popped[i])) end
  return many
end

-- The call's letter; `value` is its error. Before it settles, which takes its input away.
function LETTERS.write (prefix, it, value, most, kept)
  if most == 0 then return 0 end
  local key, v = letter_key (prefix, it.name), call ('HMGET', it.key, 'body', 'deaths', 'trace', 'inputs', 'again')
  call ('HSET', key, 'service', it.service, 'actor', it.actor and '1' or '0', 'flags', text (it.flags), 'body', v[1],
        'deaths', v[2] or '', 'trace', v[3] or '', 'inputs', v[4] or '', 'again', v[5] or '', 'error', value, 'at',
        text (now ()))
  call ('PEXPIRE', key, kept)
  call ('ZADD', prefix .. 'letters', text (now () + kept), it.name)
  return LETTERS.trim (prefix, most)
end

-- Settles the call: `deaths` instances have died, or it may run at most once. Everybody hears of it by a notice, so
-- that none is lost with an answer. `limits`: retention, how many letters are kept, for how many ms. Returns how many
-- letters were thrown away for it.
function LETTERS.bury (prefix, it, deaths, limits)
  local once = CALLS.is_once (it)
  local why = once and 'its instance or its broker was lost after it had begun, and it may run at most once' or
              string.format ('%d instances died while they ran this call (limits.attempts)', deaths)
  local value = packed_error ('service_died', it.service, why,
                              'look into the logs; then: troupe dead show ' .. id_of (it.name))
  local dropped = LETTERS.write (prefix, it, value, tonumber (limits[2]), tonumber (limits[3]))
  settle ({ it.key }, { '', text (it.attempt), ERROR, limits[1], '1', '0', '0', '0', '', value })
  return dropped
end

-- What people see of a letter; nil: it is gone.
function LETTERS.describe (prefix, name)
  local key = letter_key (prefix, name)
  local v = call ('HMGET', key, 'service', 'at', 'deaths', 'error', 'again')
  if not v[1] then return nil end
  return cmsgpack.pack ({ id = id_of (name), session = session_of (name), service = v[1], at = tonumber (v[2]),
                          deaths = LETTERS.deaths (v[3]), error = cmsgpack.unpack (v[4]),
                          again = v[5] ~= '' and v[5] or nil, bytes = call ('HSTRLEN', key, 'body') })
end

-- -- letters --------------------------------------------------------------------------------------------------------
-- how many to pass by. Its key is `letters`. The answer says under `deadline` how many were passed when there are more.

local function letters (keys, args)
  local prefix, from = prefix_of (keys[1]), tonumber (args[1])
  local listed = answer ('ok')
  local names = call ('ZRANGE', keys[1], from, from + LETTERS.LISTED - 1)
  for _, name in ipairs (names) do listed[#listed + 1] = LETTERS.describe (prefix, name) end
  listed[4] = #names == LETTERS.LISTED and from + #names or 0
  return listed
end

-- -- letter ---------------------------------------------------------------------------------------------------------
-- The answer's items are the letter and its input (nil when it is large).

local function letter (keys)
  local prefix, name = prefix_of (keys[1]), name_of (keys[1])
  local described, key = LETTERS.describe (prefix, name), letter_key (prefix, name)
  if not described then return answer ('unknown') end
  local shown = answer ('ok')
  shown[FIRST_ITEM] = described
  shown[FIRST_ITEM + 1] = call ('HSTRLEN', key, 'body') <= LETTERS.SHOWN and call ('HGET', key, 'body') or '\192'
  return shown
end

-- -- discard --------------------------------------------------------------------------------------------------------

local function discard (keys)
  local prefix, name = prefix_of (keys[1]), name_of (keys[1])
  call ('ZREM', prefix .. 'letters', name)
  return answer (call ('DEL', letter_key (prefix, name)) == 1 and 'ok' or 'unknown')
end

-- -- resend ---------------------------------------------------------------------------------------------------------
-- broker, id of the call that the letter becomes, default deadline, mailbox limit, retention. The answer's item is that
-- call. `stale`: an input of the letter's has no value any more.

local function resend (keys, args)
  local prefix, name = prefix_of (keys[1]), name_of (keys[1])
  local new_name = sibling (name, args[2])
  local it = load (prefix, new_name)
  if not it then
    local v = call ('HMGET', letter_key (prefix, name), 'service', 'actor', 'flags', 'trace', 'body', 'inputs')
    if not v[1] then return answer ('unknown') end
    local inputs, gone = load_inputs (prefix, name, v[6])
    if gone then return answer ('stale') end
    it = { key = prefix .. 'call:' .. new_name, name = new_name, service = v[1], actor = v[2] == '1', owner = args[1],
           base = 0, default = tonumber (args[3]), flags = tonumber (v[3]), winner = 0, keep = 0, refs = 0 }
    local as_sent = { args[1], v[1], v[2], v[3], '0', args[3], args[4], '', v[4], v[5], '0', '', v[6], args[5] }
    local taken = accept_new (prefix, it, nil, inputs, as_sent, args[5])
    if taken[1] == 'overloaded' then return taken end
    call ('HSET', prefix .. 'call:' .. new_name, 'again', id_of (name))
    discard (keys)
    it = load (prefix, new_name)
  end
  local sent = answer ('ok')
  if not it.status and it.owner == args[1] then sent[FIRST_ITEM] = describe (prefix, it, now (), true) end
  return sent
end

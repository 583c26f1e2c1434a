-- SPDX-License-Identifier: Apache-2.0

-- -- retry ----------------------------------------------------------------------------------------------------------
-- broker, the attempt that was lost, retention, how many dead letters are kept and for how many ms; when its instance
-- died: that, its host, how it was lost, how many may die under a call. The answer says under `inputs` how many letters
-- were thrown away.

-- The next attempt is this broker's. It awaits nothing yet.
local function begin_attempt (prefix, it, broker)
  local present
  it.owner, it.attempt, present = broker, GENERATION.attempt_after (prefix, it, it.attempt)
  if it.actor then GENERATION.renew_epoch (load_actor (prefix, it.name, it.service), present) end
  CALLS.store_now (it)
  if it.awaits then call ('DEL', prefix .. 'awaits:' .. it.name) end
end

local function retry (keys, args)
  local prefix, broker, lost = prefix_of (keys[1]), args[1], tonumber (args[2])
  local it = load (prefix, name_of (keys[1]))
  if not it then return answer ('unknown') end
  if it.status then return settled (it) end
  -- This broker's own request, made again, changes nothing.
  local next_one = it.attempt == lost + 1 or it.attempt == GENERATION.leap (lost)
  local again = next_one and it.owner == broker and lost > 0
  if not again then
    if it.attempt ~= lost or lost == 0 then return answer ('stale', it.attempt) end
    -- Whoever offered it until now may have callers that wait for it.
    if it.owner ~= broker then add_waiter (it, it.owner) end
    local deaths = args[6] and LETTERS.note (it, { attempt = lost, instance = args[6], host = args[7], how = args[8],
                                                   at = now () })
    if CALLS.is_once (it) or (deaths and deaths >= tonumber (args[9])) then
      local dropped = LETTERS.bury (prefix, it, deaths, { args[3], args[4], args[5] })
      local buried = settled (load (prefix, it.name))
      buried[INPUTS_AT] = dropped
      return buried
    end
    begin_attempt (prefix, it, broker)
  end
  return standing ('ok', it, actor_of (prefix, it), true, now ())
end

-- -- claim ----------------------------------------------------------------------------------------------------------
-- the attempt that is to be offered, the instance to offer it to

local function claim (keys, args)
  local prefix, attempt, instance = prefix_of (keys[1]), tonumber (args[1]), args[2]
  local it = load (prefix, name_of (keys[1]))
  if not it then return answer ('unknown') end
  if it.status then return settled (it) end
  if attempt ~= it.attempt or attempt == 0 then return answer ('stale', it.attempt) end
  if not it.actor then return redis.error_reply ('ERR ' .. it.service .. ' is no actor, so nobody owns it') end
  local actor = load_actor (prefix, it.name, it.service)
  if actor.owner ~= instance then
    actor.owner, actor.epoch = instance, math.max (actor.epoch, GENERATION.present (prefix)) + 1
    call ('HSET', actor.key, 'owner', instance, 'epoch', text (actor.epoch))
  end
  return standing ('ok', it, actor, false, now ())
end

-- -- recall ---------------------------------------------------------------------------------------------------------
-- attempt (0: any), from, count

-- An unsettled call in the given attempt (0: any); else nil, and the answer.
local function load_running (prefix, name, attempt)
  local it = load (prefix, name)
  if not it then return nil, answer ('unknown') end
  if it.status then return nil, answer ('stale', it.winner) end
  if attempt ~= 0 and attempt ~= it.attempt then return nil, answer ('stale', it.attempt) end
  return it
end

local function recall (keys, args)
  local prefix, from = prefix_of (keys[1]), tonumber (args[2])
  local it, refused = load_running (prefix, name_of (keys[1]), tonumber (args[1]))
  if not it then return refused end
  local recalled = standing ('ok', it, actor_of (prefix, it), false, now ())
  local last = from + math.min (tonumber (args[3]), ENTRIES) - 1
  local bytes = 0
  -- In steps, so that large entries beyond the bound aren't copied in vain.
  while it.actor and from <= last do
    local key = actor_key (prefix, 'memory:', it.name, it.service)
    local entries = call ('LRANGE', key, from, math.min (from + 9, last))
    for _, entry in ipairs (entries) do
      bytes = bytes + #entry
      if bytes > BATCH_BYTES and #recalled >= FIRST_ITEM then return recalled end
      recalled[#recalled + 1] = entry
    end
    if #entries < 10 then break end
    from = from + 10
  end
  return recalled
end

-- -- inputs ---------------------------------------------------------------------------------------------------------
-- attempt (0: any)

local function inputs (keys, args)
  local prefix, name = prefix_of (keys[1]), name_of (keys[1])
  local it, refused = load_running (prefix, name, tonumber (args[1]))
  if not it then return refused end
  local values = standing ('ok', it, actor_of (prefix, it), false, now ())
  for _, id in ipairs (ids_of (it.inputs)) do
    local input = load (prefix, sibling (name, id))
    if not input or input.status ~= VALUE then
      return redis.error_reply ('ERR an input of ' .. it.service .. ' has no value (any more)')
    end
    values[#values + 1] = call ('HGET', input.key, 'body')
  end
  return values
end

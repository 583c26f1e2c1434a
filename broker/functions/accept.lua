-- SPDX-License-Identifier: Apache-2.0

-- -- accept ---------------------------------------------------------------------------------------------------------
-- broker, service, actor, flags, deadline, default, mailbox limit, path, trace, body, attempt of the parent (0: not
-- nested), the parent's id, ids of the inputs, retention of what ends at once, the id of the caller's previous call
-- ('' for none), ids of the hubs, the group of calls that don't hear each other ('' for none), an operation on a hub
-- (see operations.lua)

local function load_parent (prefix, name, args)
  local under = tonumber (args[11] or 0)
  if under == 0 then return nil end
  local it = load (prefix, sibling (name, args[12]))
  local attempt = it and not it.status and it.attempt or 0
  if attempt ~= under then return nil, answer ('stale', attempt) end
  return it
end

local function outcome_of_ring (it, ring_text, retention)
  local value = packed_error ('cycle', it.service, ring_text, 'let one of them go on without waiting for the other')
  return { status = ERROR, value = value, winner = '0', retention = retention }
end

-- The calls of one caller in one session are accepted in the order in which it made them: not this one before the one
-- that it made last, should that have been lost on its way. A later attempt makes all of them again, in that order.
local function out_of_order (prefix, name, previous, parent)
  if (previous or '') == '' then return false end
  local key = prefix .. 'call:' .. sibling (name, previous)
  if call ('EXISTS', key) == 0 then return true end
  local v = parent and call ('HMGET', key, 'parent', 'under')
  return v and v[1] == id_of (parent.name) and tonumber (v[2] or 0) < parent.attempt
end

-- A bound other than the mailbox's.
local function no_room (why)
  local full = answer ('overloaded')
  full[7] = why
  return full
end

-- The parent's present attempt makes a call again that an earlier one made, and so waits for it now. Returns true when
-- that closes a ring: then the call has ended.
local function adopt (prefix, it, parent, retention)
  it.under = parent.attempt
  mark (it, 'under', text (it.under))
  local why = ring (prefix, it, it)
  if not why then return false end
  end_along (prefix, it, outcome_of_ring (it, why, retention))
  follow (prefix, it.name, retention, BATCH)
  return true
end

-- The same of one that has settled. Returns an answer when it can't be taken now.
local function take_again (prefix, it, parent, args, retention)
  local operation = (args[18] or '') ~= ''
  if operation and out_of_order (prefix, it.name, args[15], parent) then return answer ('out_of_order') end
  local full = operation and it.status == VALUE and operate_again (prefix, it, parent, args, retention)
  if full then return no_room (full) end
  mark (it, 'under', text (parent.attempt))
  return nil
end

local function accept_again (prefix, it, parent, args, retention)
  local broker, later = args[1], parent and parent.attempt > it.under
  if it.status then return later and take_again (prefix, it, parent, args, retention) or settled (it) end
  if it.owner ~= broker then add_waiter (it, broker) end
  if later and adopt (prefix, it, parent, retention) then return settled (load (prefix, it.name)) end
  return standing ('known', it, actor_of (prefix, it), it.owner == broker, now ())
end

-- A later attempt of the parent does not get an error that may not come again.
local function begins_anew (it, parent)
  return it.status == ERROR and it.retryable and parent and parent.attempt > it.under
end

-- The inputs as calls; nil and an answer when one isn't known.
local function load_inputs (prefix, name, joined)
  local inputs = {}
  for i, id in ipairs (ids_of (joined)) do
    inputs[i] = load (prefix, sibling (name, id))
    if not inputs[i] then
      local unknown = answer ('unknown')
      unknown[INPUTS_AT] = i - 1
      return nil, unknown
    end
  end
  return inputs
end

-- The call holds its inputs' results until it has settled, and hears when they are there.
local function join_inputs (prefix, it, inputs, joined)
  it.inputs = joined
  mark (it, 'inputs', joined)
  if it.missing then mark (it, 'missing', '1') end
  for _, input in ipairs (inputs) do
    mark (input)
    call ('HINCRBY', input.key, 'refs', 1)
    if input.status then
      call ('PERSIST', input.key)
    else
      call ('SADD', prefix .. 'users:' .. input.name, id_of (it.name))
    end
  end
end

local function join_parent (prefix, it, parent, time)
  it.parent, it.under, it.order = id_of (parent.name), parent.attempt, parent.order
  it.keep = parent.deadline > 0 and parent.deadline or time + MONTH
  mark (it, 'parent', it.parent, 'under', text (it.under), 'order', text (it.order), 'keep', text (it.keep))
  if not parent.nested then mark (parent, 'nested', '1') end
  RINGS.forget_wanted (parent, id_of (it.name))
  call ('SADD', prefix .. 'children:' .. parent.name, id_of (it.name))
end

-- Stores what is plain about it, and the rest. (An operation settles in this step, and is stored by that.)
local function create (prefix, it, parent, inputs, args, time)
  if it.base == 0 then
    it.base = GENERATION.first (prefix, id_of (it.name), it.sequence)
    it.attempt = it.attempt > 0 and it.base + 1 or 0
  end
  it.order = it.sequence
  if not it.operation then
    local bare = args[8] == '' and args[9] == ''
    if bare then CALLS.store (it, 'body', args[10]) end
    if not bare then CALLS.store (it, 'body', args[10], 'path', args[8], 'trace', args[9]) end
    file (prefix, it.name, it.deadline, it.sequence)
  end
  if it.base > 0 then mark (it, 'base', text (it.base), 'refs', text (it.refs)) end
  if parent then join_parent (prefix, it, parent, time) end
  if #inputs > 0 then join_inputs (prefix, it, inputs, args[13]) end
  if it.named then take_places (prefix, it, parent, tonumber (args[4])) end
end

-- Takes its place in the mailbox of its actor. That may be the first one, before a call that misses inputs.
local function queue_up (prefix, it, actor)
  enter_mailbox (prefix, it)
  if actor.running then return it end
  local next_call = advance (prefix, it.name, it.service, actor)
  if next_call and next_call.name == it.name then return next_call end
  tell_ready (prefix, next_call)
  return it
end

-- How a new call ends at once, or nil.
local function outcome_at_once (prefix, it, parent, failed, wrong, retention)
  if wrong then return { status = ERROR, value = wrong, winner = '0', retention = retention } end
  if failed then return outcome_without (failed, retention) end
  local why = parent and it.attempt == 0 and ring (prefix, it, it)
  return why and outcome_of_ring (it, why, retention)
end

-- The first input that is not there yet, and the first that has no value.
local function look_at (inputs)
  local missing, failed = nil, nil
  for _, input in ipairs (inputs) do
    if not input.status then
      missing = missing or input
    elseif input.status ~= VALUE then
      failed = failed or input
    end
  end
  return missing, failed
end

-- Whether the mailbox has no room. A nested call goes before what came later than its root, and, in hubs, before what
-- stands behind the call that it is made for. It isn't refused for these: else it would wait for room, and who fills it
-- perhaps for this call. So a mailbox may hold more than the limit, but never more before one call; those are of
-- other roots, or of calls that this one's ancestors made earlier.
local function is_mailbox_full (prefix, it, parent, mailbox, waiting, limit)
  if waiting < limit then return false end
  if not parent then return true end
  local before = call ('ZCOUNT', mailbox, '-inf', '(' .. text (parent.order))
  if before >= limit then return true end
  local sequence = tonumber (call ('GET', prefix .. 'sequence') or 0) + 1
  local own = (parent.rank or '') .. padded (sequence) -- as `rank` will be; without one the same as its sequence
  for _, member in ipairs (call ('ZRANGEBYSCORE', mailbox, text (parent.order), text (parent.order))) do
    if member < own then before = before + 1 end
  end
  return before >= limit
end

-- Whether waiting for room would be waiting for the call's own parent: its actor's running call is that, or this one or
-- one that is before it waits for that. Returns the ring's text.
local function ring_of_full (prefix, it, parent, actor, mailbox)
  if actor.running == id_of (parent.name) then return RINGS.text_of { it.service, it.service } end
  local since = RINGS.wanted_since (parent, id_of (it.name))
  local first = actor.running and load (prefix, sibling (it.name, actor.running))
  local why = first and ring (prefix, parent, first, since)
  for _, member in ipairs (call ('ZRANGEBYSCORE', mailbox, '-inf', text (parent.order), 'LIMIT', 0, BATCH)) do
    local before = not why and waits_otherwise (member) and load (prefix, sibling (it.name, id_of_member (member)))
    why = why or before and ring (prefix, parent, before, since)
  end
  return why
end

local function accept_new (prefix, it, parent, inputs, args, retention)
  local missing, failed = look_at (inputs)
  local actor = actor_of (prefix, it)
  local full = place_in_hubs (prefix, it, parent, actor, args)
  if full then return no_room (full) end
  local wrong = it.wrong
  local ready = not missing and not failed and not wrong and not it.behind
  if it.actor then
    local mailbox = actor_key (prefix, 'mailbox:', it.name, it.service)
    local waiting = call ('ZCARD', mailbox)
    ready = ready and not actor.running and waiting == 0
    if not ready and is_mailbox_full (prefix, it, parent, mailbox, waiting, tonumber (args[7])) then
      local why = parent and ring_of_full (prefix, it, parent, actor, mailbox)
      if not why then
        if parent then RINGS.note_wanted (prefix, parent, id_of (it.name), it.service) end
        return answer ('overloaded')
      end
      wrong = wrong or outcome_of_ring (it, why, retention).value
    end
  end
  if not it.calm and SESSIONS.is_closing (prefix, it.name) then return no_room (SESSIONS.WHY) end
  if it.actor and not actor.kept then SESSIONS.keep_actor (prefix, it, actor) end
  local time, relative = now (), tonumber (args[5])
  if ready and relative == 0 then relative = it.default end
  it.deadline = relative > 0 and time + relative or 0
  it.attempt, it.missing = ready and it.base + 1 or 0, missing ~= nil
  it.sequence = call ('INCR', prefix .. 'sequence')
  create (prefix, it, parent, inputs, args, time)
  if it.actor and ready then
    call ('HSET', actor.key, 'running', id_of (it.name))
    GENERATION.renew_epoch (actor, GENERATION.base (it.sequence))
  elseif it.actor then
    it = queue_up (prefix, it, actor)
  end
  local outcome = outcome_at_once (prefix, it, parent, failed, wrong, retention)
  if not outcome then return standing ('ok', it, actor, true, time) end
  end_along (prefix, it, outcome)
  return settled (it)
end

-- Applied and settled at once. (`hub` of an opening: the one that there is then.)
local function accept_operation (prefix, it, parent, args, retention)
  local op, hubs, wrong = read_operation (args), {}, nil
  if op.kind ~= 'open' then hubs, wrong = load_named (prefix, it, parent, args[16]) end
  local full = not wrong and bound_of_operation (prefix, it, op, hubs[1], parent)
  if full then return no_room (full) end
  if not it.calm and SESSIONS.is_closing (prefix, it.name) then return no_room (SESSIONS.WHY) end
  it.attempt, it.deadline, it.operation = 0, 0, true
  local said = wrong and 0 or #op.messages
  it.sequence = call ('INCRBY', prefix .. 'sequence', 1 + said) - said
  local time = now ()
  create (prefix, it, parent, {}, args, time)
  local outcome = { status = ERROR, value = wrong, winner = '0', retention = retention }
  if not wrong then
    local hub = hubs[1] or
                { name = it.name, open = true, parent = it.parent or '', retention = longer (retention, HOUR) }
    OPERATIONS[op.kind] (prefix, it, hub, op, parent)
    renew (prefix, hub, op, time)
    outcome = outcome_of_operation (op, id_of (hub.name), retention)
  end
  store_outcome (prefix, it, outcome)
  return settled (it, outcome.value)
end

local function accept (keys, args)
  local key = keys[1]
  local prefix, name = prefix_of (key), name_of (key)
  local retention = (args[14] or '0') ~= '0' and args[14] or HOUR
  local parent, stale = load_parent (prefix, name, args)
  if stale then return stale end
  local there = call ('EXISTS', prefix .. 'sequence', key, prefix .. 'closing')
  if there == 0 then return redis.error_reply (GENERATION.EMPTY) end
  local before = there > 1 and load (prefix, name) or nil
  if before and not begins_anew (before, parent) then
    return accept_again (prefix, before, parent, args, retention)
  end
  if out_of_order (prefix, name, args[15], parent) then return answer ('out_of_order') end
  local inputs, unknown = load_inputs (prefix, name, args[13])
  if unknown then return unknown end
  local base = before and GENERATION.base_after (prefix, before) or 0
  if before then call ('DEL', key) end
  local it = { key = key, name = name, service = args[2], actor = args[3] == '1', owner = args[1],
               base = base, anew = before ~= nil, default = tonumber (args[6]), winner = 0, keep = 0,
               refs = before and before.refs or 0, flags = tonumber (args[4]), calm = there == 1 }
  if (args[18] or '') ~= '' then return accept_operation (prefix, it, parent, args, retention) end
  return accept_new (prefix, it, parent, inputs, args, retention)
end

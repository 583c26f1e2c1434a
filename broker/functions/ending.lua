-- SPDX-License-Identifier: Apache-2.0

-- -- Endings --------------------------------------------------------------------------------------------------------

-- An outcome is { status, value, winner, retention, retryable }; all but the last as texts.

-- Whether an attempt of its parent may make the nested call again: the parent has not settled, or so that it may begin
-- anew.
local function may_be_asked (prefix, it)
  local parent = sibling (it.name, it.parent)
  local v = call ('HMGET', prefix .. 'call:' .. parent, 'call', 'end', 'retryable', 'parent', 'service', 'status')
  local there, over = v[1] or v[5], v[2] or v[6] -- (a library before revision 9 has stored the last two)
  if not there or not over then return there end
  return v[3] and v[4] and may_be_asked (prefix, { name = parent, parent = v[4] })
end

-- The result stays for `retention` ms; a nested call's until its parent has settled (`forget`), or can't have any more
-- by its deadline; and one that others need as an input until those have settled (`release`).
local function keep_result (prefix, it, retention)
  if it.refs > 0 then return end
  if it.parent and may_be_asked (prefix, it) then
    call ('SADD', prefix .. 'journal:' .. sibling (it.name, it.parent), id_of (it.name))
    retention = text (math.max (it.keep - now (), 0) + tonumber (retention))
  end
  call ('PEXPIRE', it.key, retention)
end

-- The call has settled, so it needs its inputs no more.
local function release (prefix, it, retention)
  for _, id in ipairs (ids_of (it.inputs)) do
    local input = load (prefix, sibling (it.name, id))
    if input then
      input.refs = call ('HINCRBY', input.key, 'refs', -1)
      if input.status then keep_result (prefix, input, retention) end
    end
  end
end

-- Stores the outcome of one unsettled call, and takes it out of whatever it was in but its mailbox.
local function store_outcome (prefix, it, outcome)
  local ended = cmsgpack.pack (outcome.status, tonumber (outcome.winner))
  it.status = outcome.status
  if it.operation then
    CALLS.store (it, 'body', outcome.value, 'end', ended)
  else
    call ('HSET', it.key, 'body', outcome.value, 'end', ended)
    call ('ZREM', prefix .. 'open', it.name)
  end
  keep_result (prefix, it, outcome.retention)
  if outcome.retryable and not (it.attempt > 0 and CALLS.is_once (it)) then mark (it, 'retryable', '1') end
  if it.parent then call ('SREM', prefix .. 'children:' .. sibling (it.name, it.parent), id_of (it.name)) end
  if it.awaits then call ('DEL', prefix .. 'awaits:' .. it.name) end
  if it.inputs then release (prefix, it, outcome.retention) end
  if it.entries or it.behind or it.hubs then leave_hubs (prefix, it, outcome) end
  SESSIONS.use (prefix, it.name)
end

-- Its actor goes on; returns the call whose turn has come, or nil.
local function leave_actor (prefix, it, actor)
  if it.attempt == 0 then leave_mailbox (prefix, it) end
  if it.attempt == 0 and actor.running then return nil end
  local next_call = advance (prefix, it.name, it.service, actor)
  if not next_call then ROUSE.look_at_idle (prefix, it, actor) end
  return next_call
end

-- One call that ends because of another one. Everybody hears of it by a notice, so that none is lost with an answer.
local function end_along (prefix, it, outcome)
  store_outcome (prefix, it, outcome)
  if it.actor then tell_ready (prefix, leave_actor (prefix, it, load_actor (prefix, it.name, it.service))) end
  tell_settled (prefix, it, '')
end

-- Whether an input is not there yet, and one that has settled without a value.
local function look_at_inputs (prefix, it)
  local missing, failed = false, nil
  for _, id in ipairs (ids_of (it.inputs)) do
    local input = load (prefix, sibling (it.name, id))
    missing = missing or input and not input.status
    if input and input.status and input.status ~= VALUE then failed = failed or input end
  end
  return missing, failed
end

-- The error of an input, as the error of a call that needed it. Only an error's few bytes are unpacked.
local function error_of_input (input, value)
  local good, it = false, nil
  if #value <= 4096 then good, it = pcall (cmsgpack.unpack, value) end
  if not good or type (it) ~= 'table' then it = {} end
  local code, why = tostring (it.code or 'service_failed'), tostring (it.why or it.code or 'it failed')
  why = 'an input of the call, ' .. input.service .. ', has no value: ' .. why:sub (1, 800)
  return packed_error (code, input.service, why, tostring (it.next or ''))
end

-- How a call ends for the want of an input that settled without a value.
local function outcome_without (input, retention)
  local value = error_of_input (input, call ('HGET', input.key, 'body') or '')
  return { status = input.status, value = value, winner = '0', retention = retention, retryable = input.retryable }
end

-- A call that waited for `input`, which has settled. (Another one may have ended in the same step, without a value.)
local function go_on (prefix, it, input, retention)
  if it.status or not it.missing then return false end
  local missing, failed = look_at_inputs (prefix, it)
  if input.status ~= VALUE then failed = input end
  if failed then
    end_along (prefix, it, outcome_without (failed, retention))
    return true
  end
  if not missing then
    it.missing = false
    call ('HDEL', it.key, 'missing')
    tell_ready (prefix, take_turn (prefix, it))
  end
  return false
end

local function cancel_nested (prefix, it, parent, retention)
  if it.status then return false end
  local value = packed_error ('cancelled', it.service, 'the call of ' .. parent.service .. ' that made it has settled')
  end_along (prefix, it, { status = CANCELLED, value = value, winner = '0', retention = retention })
  return true
end

-- Nobody asks for this outcome again; nor, if it was one by which the call might have begun anew, for what it asked
-- for.
local function forget (prefix, it, _, retention)
  if it.status then keep_result (prefix, it, retention) end
  return it.retryable
end

-- In the place of a settled call whose result has expired.
local function gone (prefix, name)
  return { key = prefix .. 'call:' .. name, name = name, service = 'a service', status = CANCELLED }
end

-- What follows from the settling of `from` (a name): its nested calls are cancelled, and the outcomes of those that had
-- settled are forgotten; those that need it go on or end; and so on with each that ends by that. At most a batch; what
-- is left is done by sweeps.
local function follow (prefix, from, retention, budget)
  local queue, at = { from }, 1
  local function take (kind, settled_call, step)
    while budget > 0 do
      local id = call ('SPOP', prefix .. kind .. settled_call.name)
      if not id then return true end
      budget = budget - 1
      local it = load (prefix, sibling (settled_call.name, id))
      local ended = it and step (prefix, it, settled_call, retention)
      if ended and (it.nested or it.refs > 0) then queue[#queue + 1] = it.name end
    end
    return false
  end
  while queue[at] do
    local it = load (prefix, queue[at]) or gone (prefix, queue[at])
    local over = it.status and not (it.retryable and it.parent and may_be_asked (prefix, it))
    if it.status and not (take ('children:', it, cancel_nested) and take ('users:', it, go_on) and
                          (not over or take ('journal:', it, forget))) then
      call ('ZADD', prefix .. 'ending', retention, it.name)
    end
    at = at + 1
  end
  return budget
end

-- SPDX-License-Identifier: Apache-2.0

-- -- Turns ----------------------------------------------------------------------------------------------------------

-- A mailbox is ordered by when the roots of its calls were accepted, then by when they were themselves: what is asked
-- on behalf of older work goes first. In a hub that a call opened, where later calls wait for earlier ones, so does
-- what is asked on behalf of the earlier ones (`rank`). What runs is never overtaken.
local function member_of (it)
  return (it.rank or padded (it.sequence)) .. id_of (it.name) .. ((it.inputs or it.clock) and '+' or '')
end

-- Whether it may wait for more than those before it.
local function waits_otherwise (member)
  return member:sub (-1) == '+'
end

local function id_of_member (member)
  local last = waits_otherwise (member) and -2 or -1
  return member:sub (last - ID_SIZE + 1, last)
end

local function enter_mailbox (prefix, it)
  call ('ZADD', actor_key (prefix, 'mailbox:', it.name, it.service), text (it.order), member_of (it))
end

local function leave_mailbox (prefix, it)
  call ('ZREM', actor_key (prefix, 'mailbox:', it.name, it.service), member_of (it))
end

-- Its turn has come: its first attempt begins, and with it the default deadline. Returns the generation.
local function start (prefix, it)
  local present
  it.attempt, present = GENERATION.attempt_after (prefix, it, it.base)
  if it.deadline == 0 and it.default > 0 then
    it.deadline = now () + it.default
    file (prefix, it.name, it.deadline, it.sequence)
  end
  CALLS.store_now (it)
  return present
end

-- The mailbox's first call, or nil: it is empty, or that call misses inputs or entries of hubs. Names without a call
-- (evicted by a Redis with the wrong policy) don't hold up those behind them.
local function first_in (prefix, mailbox, session)
  while true do
    local member = call ('ZRANGE', mailbox, 0, 0)[1]
    if not member then return nil end
    local it = load (prefix, session .. '|' .. id_of_member (member))
    if it and not it.status then return not it.missing and not it.behind and it or nil end
    call ('ZREM', mailbox, member)
  end
end

-- The actor, which runs nothing (any more), goes on with its next call; returns that, or nil.
local function advance (prefix, name, service, actor)
  local mailbox = actor_key (prefix, 'mailbox:', name, service)
  local it = first_in (prefix, mailbox, session_of (name))
  local running = it and id_of (it.name) or nil
  if it then
    call ('ZREM', mailbox, member_of (it))
    GENERATION.renew_epoch (actor, start (prefix, it))
  end
  if running ~= actor.running or actor.grown then
    call ('HSET', actor.key, 'running', running or '', 'memory', text (actor.memory))
  end
  actor.running = running
  return it
end

-- Something that the call waited for is there. Returns the call whose turn that makes it.
local function take_turn (prefix, it)
  if it.missing or it.behind then return nil end
  if it.actor then
    local actor = load_actor (prefix, it.name, it.service)
    if actor.running then return nil end
    return advance (prefix, it.name, it.service, actor)
  end
  start (prefix, it)
  return it
end

-- Tells the broker of a call that its turn has come.
local function tell_ready (prefix, it)
  if it then tell (prefix, it.owner, 'ready', it.name) end
end

-- SPDX-License-Identifier: Apache-2.0

-- -- Operations on hubs ---------------------------------------------------------------------------------------------

-- From what is left of the arguments of accept: kind, auto (1, 0), the hub's lease, a mark for each member (0: it
-- hears when it is called, 1: it is unknown, 2: it wants to hear at once), the members, the messages. Members and
-- messages are named and packed by the broker.
local function read_operation (args)
  local op = { kind = args[18], auto = args[19], lease = tonumber (args[20]), marks = args[21], members = {},
               messages = {}, warnings = {}, warned = 0 }
  local first = 22 + #op.marks
  for i = 22, first - 1 do op.members[#op.members + 1] = args[i] end
  for i = first, #args do op.messages[#op.messages + 1] = args[i] end
  return op
end

-- The longer one of two times in ms, as texts.
local function longer (a, b)
  return tonumber (a) > tonumber (b) and a or b
end

local function warn (op, service, what)
  op.warned = op.warned + 1
  if op.warned <= HUB.WARNINGS then op.warnings[op.warned] = service .. ' ' .. what end
end

local function outcome_of_operation (op, id, retention)
  local more = op.warned - HUB.WARNINGS
  if more > 0 then op.warnings[HUB.WARNINGS + 1] = 'and ' .. more .. ' more warnings' end
  local value = { hub = id, warnings = op.warned > 0 and op.warnings or nil }
  return { status = VALUE, value = cmsgpack.pack (value), winner = '0', retention = retention }
end

local function bound_of_members (prefix, op, name)
  local count = call ('HLEN', prefix .. 'members:' .. name)
  for _, service in ipairs (op.members) do
    if call ('HEXISTS', prefix .. 'members:' .. name, service) == 0 then
      count = count + 1
      if count > HUB.MEMBERS then return 'a hub has at most ' .. HUB.MEMBERS .. ' members' end
      local hubs = tonumber (call ('HGET', actor_key (prefix, 'actor:', name, service), 'hubs') or 0)
      if hubs >= HUB.HUBS then return service .. ' is in ' .. HUB.HUBS .. ' hubs already' end
    end
  end
  return nil
end

-- Why there is no room for what it adds; `hub` is nil when it is opened.
local function bound_of_operation (prefix, it, op, hub, parent)
  local name = hub and hub.name or it.name
  if not hub and parent and #(parent.hubs or '') >= HUB.HUBS * ID_SIZE then
    return 'the call has ' .. HUB.HUBS .. ' open hubs already'
  end
  local bytes = 0
  for _, message in ipairs (op.messages) do bytes = bytes + #message end
  local full = #op.messages > 0 and is_full (prefix, name, #op.messages, bytes)
  if full then return full end
  if op.kind ~= 'open' and op.kind ~= 'add' then return nil end
  return bound_of_members (prefix, op, name)
end

local function add_members (prefix, it, hub, op)
  local members = prefix .. 'members:' .. hub.name
  for i, service in ipairs (op.members) do
    local times = call ('HGET', members, service) or ''
    if is_member (times) then
      warn (op, service, 'is a member already')
    else
      if op.marks:sub (i, i) == '1' then warn (op, service, 'is not known here: nobody serves it now') end
      call ('HSET', members, service, times .. (times ~= '' and ',' or '') .. text (it.sequence) .. '-')
      local new = call ('ZADD', prefix .. 'readers:' .. hub.name, 'NX', text (it.sequence), service) == 1
      call (op.marks:sub (i, i) == '0' and 'SREM' or 'SADD', prefix .. 'live:' .. hub.name, service)
      if not new then ROUSE.said (prefix, hub.name, 0) end -- what was said when it was there, it may not have heard
      if call ('SADD', actor_key (prefix, 'hubs:', it.name, service), id_of (hub.name)) == 1 then
        call ('HINCRBY', actor_key (prefix, 'actor:', it.name, service), 'hubs', 1)
        SESSIONS.keep (prefix, it.name, service)
      end
    end
  end
end

-- The time that ends now is kept only if there is something to hear from it.
local function delete_members (prefix, it, hub, op)
  local members = prefix .. 'members:' .. hub.name
  for _, service in ipairs (op.members) do
    local times = call ('HGET', members, service) or ''
    if not is_member (times) then
      warn (op, service, 'is no member')
    else
      local list = times_of (times)
      local last = { name = hub.name, from = list[#list].from, to = it.sequence }
      local empty = count_news (prefix, last, service) == 0 and not each_pending (prefix, last, service, false, always)
      times = empty and times:gsub (',?%d+%-$', '') or times .. text (it.sequence)
      call ('HSET', members, service, times)
      let_go (prefix, hub, service, times)
    end
  end
end

local function broadcast (prefix, it, hub, op)
  if #op.messages == 0 then return end
  local position, bytes = it.sequence, 0 -- these follow its own
  ROUSE.note_said (hub.name, position + 1)
  for _, message in ipairs (op.messages) do
    position = position + 1
    call ('ZADD', prefix .. 'log:' .. hub.name, text (position), row_of (position, ''))
    call ('HSET', prefix .. 'said:' .. hub.name, padded (position), message)
    bytes = bytes + #message
  end
  call ('HINCRBY', prefix .. 'hub:' .. hub.name, 'bytes', bytes)
  ROUSE.said (prefix, hub.name, #op.messages)
end

local function open_hub (prefix, it, hub, op, parent)
  call ('HSET', prefix .. 'hub:' .. hub.name, 'open', '1', 'auto', op.auto, 'parent', hub.parent, 'retention',
        hub.retention)
  SESSIONS.keep (prefix, hub.name, id_of (hub.name))
  if parent then
    parent.hubs = (parent.hubs or '') .. id_of (hub.name)
    mark (parent, 'hubs', parent.hubs)
  end
  add_members (prefix, it, hub, op)
  broadcast (prefix, it, hub, op)
end

local function set_auto (prefix, _, hub, op)
  call ('HSET', prefix .. 'hub:' .. hub.name, 'auto', op.auto)
end

-- A hub that no call opened stays open as long as its opener says that it is there, and a little longer, so that not
-- each of many messages has to renew it.
local function renew (prefix, hub, op, time)
  if hub.parent ~= '' or not hub.open then return end
  local least, lease = time + op.lease, hub.lease or 0
  if lease >= least and lease <= least + HUB.LONGER then return end
  lease = text (least + HUB.LONGER)
  call ('HSET', prefix .. 'hub:' .. hub.name, 'lease', lease)
  if call ('ZSCORE', prefix .. 'hubs', hub.name) ~= '0' then call ('ZADD', prefix .. 'hubs', lease, hub.name) end
end

local OPERATIONS = {
  open = open_hub,
  add = add_members,
  delete = delete_members,
  broadcast = broadcast,
  auto = set_auto,
  close = function (prefix, _, hub, _, parent)
    close_hub (prefix, hub, parent)
  end,
  renew = function () end,
}

-- -- Operations that a later attempt makes again -------------------------------------------------------------------

-- Each takes effect again, for the attempt before has gone on and undone it: a hub that it closed is open again, and
-- its members hear on from where they were. (One that was let go had heard all.) What was said is not said again.

-- Members of a closed hub were let go, and its keys were to vanish.
local function open_again (prefix, hub)
  for _, kind in ipairs (HUB.KINDS) do call ('PERSIST', prefix .. kind .. hub.name) end
  call ('HDEL', prefix .. 'hub:' .. hub.name, 'leaving', 'ends')
end

-- The hub that the operation is about, as it is to be before that; nil: it can't be about it.
local function hub_again (prefix, it, op, parent, joined, retention)
  if op.kind ~= 'open' then
    local hubs = load_named (prefix, it, parent, joined)
    return hubs and hubs[1]
  end
  local hub = load_hub (prefix, it.name)
  if hub and hub.open then return hub end
  return { name = it.name, open = false, parent = it.parent, retention = longer (retention, HOUR) }
end

-- Returns why there is no room for it.
local function operate_again (prefix, it, parent, args, retention)
  local op = read_operation (args)
  local hub = hub_again (prefix, it, op, parent, args[16], retention)
  if not hub then return nil end
  op.messages = {}
  local full = bound_of_operation (prefix, it, op, hub.open and hub or nil, parent)
  if full then return full end
  local at = { name = it.name, sequence = tonumber (call ('GET', prefix .. 'sequence')) }
  if op.kind == 'open' and hub.open then
    set_auto (prefix, at, hub, op)
    add_members (prefix, at, hub, op)
    return nil
  end
  if op.kind == 'open' then
    open_again (prefix, hub)
    hub.open = true
  end
  OPERATIONS[op.kind] (prefix, at, hub, op, parent)
  return nil
end

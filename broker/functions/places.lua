-- SPDX-License-Identifier: Apache-2.0

-- -- Places: where a new call stands in hubs ------------------------------------------------------------------------

-- Why the call can't be about the hub, as an error's value; nil when it can.
local function wrong_hub (hub, id, parent)
  if not hub or not hub.open then
    return packed_error ('unknown_hub', id, 'there is no such hub, or it is closed', 'open another one')
  end
  if hub.parent ~= (parent and id_of (parent.name) or '') then
    return packed_error ('bad_argument', id, 'the hub was not opened by the caller', 'open one for this task')
  end
  return nil
end

-- The hubs that it names; nil and an error's value when one isn't there, or isn't its caller's.
local function load_named (prefix, it, parent, joined)
  local hubs, seen = {}, {}
  for _, id in ipairs (ids_of (joined)) do
    local hub = not seen[id] and load_hub (prefix, sibling (it.name, id))
    local wrong = not seen[id] and wrong_hub (hub, id, parent)
    if wrong then return nil, wrong end
    if hub then hubs[#hubs + 1] = hub end
    seen[id] = true
  end
  return hubs
end

-- Its cut in each of them, and whether it is said there; returns why it can't be.
local function look_at_named (prefix, it, hubs, group, position)
  for _, hub in ipairs (hubs) do
    hub.group = group
    hub.cut = tonumber (group and call ('ZSCORE', prefix .. 'fans:' .. hub.name, group) or position)
    hub.says = hub.auto and is_member (call ('HGET', prefix .. 'members:' .. hub.name, it.service))
    if hub.says and is_full (prefix, hub.name, 1) then
      return 'the log of the hub ' .. id_of (hub.name) .. ' is full: a member has not heard its last ' .. HUB.LOG ..
             ' entries'
    end
  end
  return nil
end

local function scope_of (parent, hubs, position)
  local scope = cuts_of (parent and parent.scope)
  for id, cut in pairs (cuts_of (parent and parent.left)) do scope[id] = cut end
  for _, id in ipairs (ids_of (parent and parent.hubs)) do scope[id] = position end
  for _, hub in ipairs (hubs) do scope[id_of (hub.name)] = hub.cut end
  return scope
end

-- The cuts of the call that a nested one overtakes in its mailbox: beyond these it is not to hear anything either.
local function cuts_of_next (prefix, it, parent)
  local mailbox = actor_key (prefix, 'mailbox:', it.name, it.service)
  local member = parent and call ('ZRANGEBYSCORE', mailbox, '(' .. text (parent.order), '+inf', 'LIMIT', 0, 1)[1]
  if not member then return {} end
  return cuts_of (call ('HGET', prefix .. 'call:' .. sibling (it.name, id_of_member (member)), 'clock'))
end

-- The cut in a hub that is not in its scope. A nested call stands, everywhere, before what was accepted after its root:
-- it does not wait for that.
local function cut_beyond_scope (prefix, it, name, parent, position)
  if not parent then return position end
  local cut = position
  for _, stretch in ipairs (stretches_of (prefix, name, it.service, position)) do
    stretch.from = math.max (stretch.from, parent.order - 1)
    local younger = stretch.from < stretch.to and each_pending (prefix, stretch, it.service, false, always)
    if younger then cut = math.min (cut, younger - 1) end
  end
  return cut
end

-- Its cuts in the hubs of its actor.
local function clock_of (prefix, it, parent, scope, position)
  local clock, bounds = {}, cuts_of_next (prefix, it, parent)
  for _, id in ipairs (call ('SMEMBERS', actor_key (prefix, 'hubs:', it.name, it.service))) do
    local name = sibling (it.name, id)
    if call ('EXISTS', prefix .. 'hub:' .. name) == 0 then
      drop_reader (prefix, name, it.service)
    else
      local cut = scope[id] or math.min (cut_beyond_scope (prefix, it, name, parent, position), bounds[id] or position)
      local member = is_member (call ('HGET', prefix .. 'members:' .. name, it.service))
      if member or #stretches_of (prefix, name, it.service, cut) > 0 then clock[id] = cut end
    end
  end
  return clock
end

-- Finds out where a call that is about to be accepted stands in hubs. `it` learns the hubs that it names (named), its
-- scope and clock, the entry that its turn waits for (behind, in a hub, and behind_at), or how it ends at once (wrong).
-- Returns why there is no room for it.
local function place_in_hubs (prefix, it, parent, actor, args)
  local named = args[16] or ''
  if named == '' and not actor.hubs and not (parent and (parent.scope or parent.hubs or parent.left)) then return nil end
  local position = tonumber (call ('GET', prefix .. 'sequence') or 0)
  it.named, it.wrong = load_named (prefix, it, parent, named)
  if it.wrong then return nil end
  local group = (args[17] or '') ~= '' and args[17] or nil
  local full = look_at_named (prefix, it, it.named, group, position)
  if full then return full end
  local scope = scope_of (parent, it.named, position)
  it.scope = join_cuts (scope)
  if actor.hubs then
    it.clock = join_cuts (clock_of (prefix, it, parent, scope, position))
    it.behind, it.behind_at = awaited_entry (prefix, it)
  end
  return nil
end

-- Takes the places that were found.
local function take_places (prefix, it, parent)
  local entries = ''
  for _, hub in ipairs (it.named or {}) do
    if hub.group then
      local fans = prefix .. 'fans:' .. hub.name
      call ('ZADD', fans, 'NX', text (hub.cut), hub.group)
      call ('ZREMRANGEBYRANK', fans, 0, -1 - HUB.FANS)
    end
    if hub.says then
      call ('ZADD', prefix .. 'pending:' .. hub.name, text (it.sequence), id_of (it.name) .. it.service)
      entries = entries .. id_of (hub.name)
    end
  end
  if entries ~= '' then it.entries = entries end
  if parent and (parent.rank or #(it.named or {}) > 0) then it.rank = (parent.rank or '') .. padded (it.sequence) end
  for _, field in ipairs { 'entries', 'scope', 'clock', 'behind', 'rank' } do
    if it[field] then mark (it, field, it[field]) end
  end
  if it.behind then
    call ('ZADD', prefix .. 'waits:' .. sibling (it.name, it.behind), text (it.behind_at), id_of (it.name))
  end
end

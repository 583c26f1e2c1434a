-- SPDX-License-Identifier: Apache-2.0

-- -- Places: where a new call stands in hubs ------------------------------------------------------------------------

local PLACES = {} -- (a table, because a chunk has at most 200 locals)

-- Why the call can't be about the hub, as an error's value; nil when it can.
function PLACES.wrong_hub (prefix, hub, id, parent)
  if not hub or not hub.open then
    local lost = not hub and GENERATION.may_have_lost (prefix, id)
    return packed_error ('unknown_hub', id, lost and 'the store has lost the hub, or it is closed' or
                         'there is no such hub, or it is closed', 'open another one')
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
    local wrong = not seen[id] and PLACES.wrong_hub (prefix, hub, id, parent)
    if wrong then return nil, wrong end
    if hub then hubs[#hubs + 1] = hub end
    seen[id] = true
  end
  return hubs
end

-- Whether it is said in each of them; returns why it can't be.
function PLACES.look_at_named (prefix, it, hubs)
  for _, hub in ipairs (hubs) do
    hub.says = hub.auto and is_member (call ('HGET', prefix .. 'members:' .. hub.name, it.service))
    local full = hub.says and is_full (prefix, hub.name, 1, HUB.ENTRY_BYTES)
    if full then return full end
  end
  return nil
end

-- Where it stands among the hubs of its caller: at its own acceptance, or at that of the first of its group. A call
-- that isn't nested stands nowhere in them unless it says so.
function PLACES.stand (prefix, it, parent, group, position)
  local opener = parent and id_of (parent.name) or HUB.NOBODY
  if parent and not parent.hubs or not parent and #it.named == 0 then return nil end
  it.group, it.opener = group, opener
  it.at = tonumber (group and call ('ZSCORE', prefix .. 'fans:' .. sibling (it.name, opener), group) or position)
  return opener
end

function PLACES.scope_of (prefix, it, parent, group, position)
  local scope = cuts_of (parent and parent.scope)
  local opener = PLACES.stand (prefix, it, parent, group, position)
  if opener then scope[opener] = it.at end
  return scope
end

-- The cuts of the call that a nested one overtakes in its mailbox: beyond these it is not to hear anything either.
function PLACES.cuts_of_next (prefix, it, parent)
  local mailbox = actor_key (prefix, 'mailbox:', it.name, it.service)
  local member = parent and call ('ZRANGEBYSCORE', mailbox, '(' .. text (parent.order), '+inf', 'LIMIT', 0, 1)[1]
  if not member then return {} end
  return cuts_of (call ('HGET', prefix .. 'call:' .. sibling (it.name, id_of_member (member)), 'clock'))
end

-- The cut in a hub of an opener that is not in its scope. A nested call stands, everywhere, before what was accepted
-- after its root: it does not wait for that.
function PLACES.cut_beyond_scope (prefix, it, name, parent, position)
  local cut = position
  for _, stretch in ipairs (parent and stretches_of (prefix, name, it.service, position) or {}) do
    stretch.from = math.max (stretch.from, parent.order - 1)
    local younger = stretch.from < stretch.to and each_pending (prefix, stretch, it.service, false, always)
    if younger then cut = math.min (cut, younger - 1) end
  end
  return cut
end

-- Whether the actor has something to hear in it, or may come to.
function PLACES.concerns (prefix, hub, service)
  return hub.open and is_member (call ('HGET', prefix .. 'members:' .. hub.name, service)) or
         not has_heard_all (prefix, hub.name, service)
end

-- The hubs that concern its actor. One that is gone has nothing for it any more.
function PLACES.hubs_of_actor (prefix, it)
  local hubs = {}
  for _, id in ipairs (call ('SMEMBERS', actor_key (prefix, 'hubs:', it.name, it.service))) do
    local name = sibling (it.name, id)
    local hub = load_hub (prefix, name)
    if not hub then
      drop_reader (prefix, name, it.service)
      call ('ZREM', prefix .. 'hubs', name)
    elseif PLACES.concerns (prefix, hub, it.service) then
      hubs[#hubs + 1] = hub
    end
  end
  return hubs
end

-- Its cuts in the hubs of its actor: one for all hubs of an opener, the least if they differ.
function PLACES.clock_of (prefix, it, parent, scope, position)
  local clock, bounds, hubs, least = {}, PLACES.cuts_of_next (prefix, it, parent), PLACES.hubs_of_actor (prefix, it), {}
  for _, hub in ipairs (hubs) do
    local id, opener = id_of (hub.name), opener_of (hub)
    local cut = scope[opener] or math.min (PLACES.cut_beyond_scope (prefix, it, hub.name, parent, position),
                                           bounds[id] or position)
    least[opener] = math.min (cut, least[opener] or cut)
  end
  for _, hub in ipairs (hubs) do clock[id_of (hub.name)] = least[opener_of (hub)] end
  return clock
end

-- Finds out where a call that is about to be accepted stands in hubs. `it` learns the hubs that it names (named), its
-- scope and clock, the entry that its turn waits for (behind, in a hub, and behind_at), or how it ends at once (wrong).
-- Returns why there is no room for it.
local function place_in_hubs (prefix, it, parent, actor, args)
  local named = args[16] or ''
  if named == '' and not actor.hubs and not (parent and (parent.scope or parent.hubs)) then return nil end
  local position = tonumber (call ('GET', prefix .. 'sequence') or 0)
  it.named, it.wrong = load_named (prefix, it, parent, named)
  if it.wrong then return nil end
  local group = (args[17] or '') ~= '' and args[17] or nil
  local full = PLACES.look_at_named (prefix, it, it.named)
  if full then return full end
  local scope = PLACES.scope_of (prefix, it, parent, group, position)
  it.scope = join_cuts (scope)
  if actor.hubs then
    it.clock = join_cuts (PLACES.clock_of (prefix, it, parent, scope, position))
    it.behind, it.behind_at = awaited_entry (prefix, it)
  end
  return nil
end

-- Its group counts from there. As long as more of it are to come, nobody is roused to hear what the first ones say:
-- that would be told to one that is still to be called. One that begins anew says nothing about that: the others may
-- all be there already, or may be waited for still.
function PLACES.join_group (prefix, it, parent, more)
  local name = sibling (it.name, it.opener)
  local fans, fanning = prefix .. 'fans:' .. name, prefix .. 'fanning:' .. name
  call ('ZADD', fans, 'NX', text (it.at), it.group)
  call ('ZREMRANGEBYRANK', fans, 0, -1 - HUB.FANS)
  if not parent then call ('PEXPIRE', fans, HOUR) end
  if more and it.anew then return end
  if more then
    call ('ZADD', fanning, text (now () + HUB.FANNING), it.group)
    call ('ZREMRANGEBYRANK', fanning, 0, -1 - BATCH)
    call ('PEXPIRE', fanning, text (HUB.FANNING))
  elseif call ('ZREM', fanning, it.group) == 1 then
    for _, hub in ipairs (it.named) do ROUSE.said (prefix, hub.name, 0) end
    for _, id in ipairs (ids_of (parent and parent.hubs)) do ROUSE.said (prefix, sibling (it.name, id), 0) end
  end
end

-- Takes the places that were found. `flags`: as the call has them.
local function take_places (prefix, it, parent, flags)
  local entries = ''
  if it.group then PLACES.join_group (prefix, it, parent, bit.band (flags, HUB.FAN_MORE) ~= 0) end
  for _, hub in ipairs (it.named or {}) do
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

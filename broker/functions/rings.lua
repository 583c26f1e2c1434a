-- SPDX-License-Identifier: Apache-2.0

-- -- Who waits for whom ---------------------------------------------------------------------------------------------

-- A call that runs waits for the nested calls that were made for it, for what its attempt awaits, and for those that
-- hold the room in a mailbox that the next of its calls wants. One whose turn has not come waits for its inputs and for
-- those before it in its mailbox, first of all for the one that runs. Calls wait only for calls of their session, so
-- these edges lie within the slot. Followed breadth first, so that the ring that is named is a short one.
--
-- A nested call counts whichever attempt made it: an instance that only lost its connection goes on under the next
-- attempt and makes none of them again, one that starts over makes them again as a rule, and none of them outlives the
-- call that it was made for. Were only those of the present attempt counted, two that wait for each other after a
-- broken connection would do so until their deadline.

-- The calls whose entries it waits for, in the hubs of its actor.
function RINGS.add_entries (walk, it)
  for _, stretch in ipairs (unheard (walk.prefix, it)) do
    each_pending (walk.prefix, stretch, it.service, true, function (id)
      walk.entries = walk.entries + 1
      if not walk.seen[id] then walk.add (id) end
      return walk.entries > HUB.ENTRIES_SEEN
    end)
  end
end

-- Those before it in its mailbox. What was found from a place further back needs no second look.
function RINGS.add_before (walk, it)
  local mailbox = actor_key (walk.prefix, 'mailbox:', it.name, it.service)
  local rank = call ('ZRANK', mailbox, member_of (it))
  local seen = walk.ranks[mailbox] or -1
  if not rank or rank <= seen then return end
  walk.ranks[mailbox] = rank
  if seen < 0 then
    local running = load_actor (walk.prefix, it.name, it.service).running
    if running then walk.add (running) end
  end
  if rank > 0 then
    for _, member in ipairs (call ('ZRANGE', mailbox, math.max (seen, 0), rank - 1)) do
      walk.pass (id_of_member (member), waits_otherwise (member))
    end
  end
end

-- A call that is refused for want of room in a mailbox isn't stored; if its caller would rather wait, it asks again and
-- again (not always with the flag that says so). That is noted with the attempt that makes it, until the call is
-- accepted: when it asked first, and when last, as numbers of the slot's `asks`. In between it has waited. Whether it
-- still does, nobody knows here, for one that gives up doesn't say so. So a note counts only for another one that asks
-- for room, and began to do so in between: at that moment both waited, and so did everybody else whose note counts. A
-- ring that is found so was there; the last one to begin finds it, once the others have asked again. For no other call
-- do notes count: that one waits, and whoever asks for room then finds the ring.

-- { since, last, attempt, id, service } of each note.
function RINGS.notes_of (it)
  local notes = {}
  for since, last, attempt, id, service in (it.wants or ''):gmatch ('(%d+) (%d+) (%d+) (%S+) ([^\n]*)\n') do
    notes[#notes + 1] = { since = tonumber (since), last = tonumber (last), attempt = tonumber (attempt), id = id,
                          service = service }
  end
  return notes
end

-- When the present attempt began to ask for room for the call; nil: it has not asked yet.
function RINGS.wanted_since (it, id)
  for _, note in ipairs (RINGS.notes_of (it)) do
    if note.id == id and note.attempt == it.attempt then return note.since end
  end
  return nil
end

-- Changes the note of one call: it asks again, or (`asked` nil) has what it wants. What earlier attempts wanted is
-- over.
function RINGS.store_note (it, id, service, asked)
  local kept, since = {}, asked
  for _, note in ipairs (RINGS.notes_of (it)) do
    if note.attempt == it.attempt and note.id == id then
      since = note.since
    elseif note.attempt == it.attempt then
      kept[#kept + 1] = note
    end
  end
  if asked then kept[#kept + 1] = { since = since, last = asked, attempt = it.attempt, id = id, service = service } end
  local rows = {}
  for i = math.max (1, #kept - RINGS.NOTES + 1), #kept do -- those that asked last
    local note = kept[i]
    rows[#rows + 1] = string.format ('%d %d %d %s %s\n', note.since, note.last, note.attempt, note.id, note.service)
  end
  if #rows > 0 then mark (it, 'wants', table.concat (rows)) else call ('HDEL', it.key, 'wants') end
end

function RINGS.note_wanted (prefix, it, id, service)
  RINGS.store_note (it, id, service, call ('INCR', prefix .. 'asks'))
end

function RINGS.forget_wanted (it, id)
  if it.wants then RINGS.store_note (it, id, nil, nil) end
end

-- Those that hold the room: the running call, and what would go before its own.
function RINGS.add_wanted (walk, it, service)
  local running = load_actor (walk.prefix, it.name, service).running
  if running then walk.add (running) end
  local mailbox = actor_key (walk.prefix, 'mailbox:', it.name, service)
  for _, member in ipairs (call ('ZRANGEBYSCORE', mailbox, '-inf', text (it.order), 'LIMIT', 0, BATCH)) do
    walk.pass (id_of_member (member), waits_otherwise (member))
  end
end

function RINGS.add_edges (walk, it)
  if it.attempt == 0 then
    for _, id in ipairs (ids_of (it.inputs)) do walk.add (id) end
    if it.behind then RINGS.add_entries (walk, it) end
    if it.actor then RINGS.add_before (walk, it) end
    return
  end
  if it.nested then
    for _, id in ipairs (call ('SMEMBERS', walk.prefix .. 'children:' .. it.name)) do walk.add (id) end
  end
  if it.awaits then
    for _, id in ipairs (call ('SMEMBERS', walk.prefix .. 'awaits:' .. it.name)) do walk.add (id) end
  end
  for _, note in ipairs (walk.since and RINGS.notes_of (it) or {}) do
    if note.attempt == it.attempt and note.since <= walk.since and walk.since <= note.last then
      RINGS.add_wanted (walk, it, note.service)
    end
  end
end

-- "agent/a waits for agent/b, which waits for agent/a", from a path of services. Calls of one mailbox that follow each
-- other are one agent, which waits for itself only if nobody else is in the ring.
function RINGS.text_of (services)
  local names, shown = { services[1] }, {}
  for _, name in ipairs (services) do
    if name ~= names[#names] then names[#names + 1] = name end
  end
  if #names == 1 then names[2] = names[1] end
  for i = 1, math.min (#names, 10) do shown[i] = names[i] end
  if #names > 10 then shown[#shown + 1] = '... (' .. #names .. ' in all)' end
  return shown[1] .. ' waits for ' .. table.concat (shown, ', which waits for ', 2)
end

function RINGS.services_of (goal, step)
  local services = { goal.service }
  while step do
    table.insert (services, 2, step.service)
    step = step.before
  end
  services[#services + 1] = goal.service
  return services
end

-- Adds to `walk` how it goes on from a call to those that it waits for. `since`: when the goal began to ask for room;
-- nil: it doesn't.
function RINGS.begin_walk (prefix, goal, since)
  local walk = { prefix = prefix, goal = id_of (goal.name), since = since, queue = {}, seen = {}, edges = 0, ranks = {},
                 entries = 0 }
  function walk.add (id)
    walk.edges = walk.edges + 1
    if walk.seen[id] or walk.edges > RINGS.EDGES or #walk.queue >= RINGS.NODES then return end
    walk.queue[#walk.queue + 1] = { id = id, before = walk.step }
    walk.seen[id] = true
  end
  -- A call in the same mailbox: what it waits for is there already, but for its inputs and the entries of hubs.
  function walk.pass (id, otherwise)
    if id == walk.goal then walk.found = walk.found or { before = walk.step } end
    if otherwise then walk.add (id) else walk.edges = walk.edges + 1 end
  end
  return walk
end

-- Whether `from` waits, itself or through others, for `goal`, which is about to wait for it (or is the same call).
-- Returns the ring's text, or nil. Beyond the bound nothing is found: deadlines end such a ring. `since`: as of
-- begin_walk.
local function ring (prefix, goal, from, since)
  local walk, at = RINGS.begin_walk (prefix, goal, since), 1
  if from.name ~= goal.name then
    walk.step = { service = from.service }
    walk.seen[id_of (from.name)] = true
  end
  RINGS.add_edges (walk, from)
  while walk.queue[at] and not walk.found do
    local step = walk.queue[at]
    at = at + 1
    local it = load (prefix, sibling (goal.name, step.id))
    if it and not it.status then
      if step.id == walk.goal then
        walk.found = step
      else
        step.service = it.service
        walk.step = step
        RINGS.add_edges (walk, it)
      end
    end
  end
  return walk.found and RINGS.text_of (RINGS.services_of (goal, walk.found.before))
end

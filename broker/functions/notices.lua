-- SPDX-License-Identifier: Apache-2.0

-- -- Notices --------------------------------------------------------------------------------------------------------

-- Durable in the stream; the publication only says where to look, so it is needed only when the stream was empty: its
-- reader goes on until it has read an empty one. A stream that nobody reads for days is that of a broker that is gone,
-- and goes as well: should that broker come back, its lease has run out, and it reads the slots instead.
local function tell (prefix, broker, kind, name)
  local inbox = prefix .. 'inbox:' .. broker
  call ('XADD', inbox, '*', 'kind', kind, 'name', name)
  if call ('XLEN', inbox) == 1 then
    call ('PEXPIRE', inbox, INBOX_KEPT)
    call ('PUBLISH', 'troupe:inbox:' .. broker, prefix:sub (9, 10))
  end
end

-- That it has settled: to those who asked, and to its owner. `broker` knows already ('' for nobody).
local function tell_settled (prefix, it, broker)
  local owner_told = it.owner == broker
  if owner_told and not it.waiters then return end
  for waiter in (it.waiters or ''):gmatch ('%Z+') do
    if waiter ~= broker then tell (prefix, waiter, 'settled', it.name) end
    owner_told = owner_told or waiter == it.owner
  end
  if not owner_told then tell (prefix, it.owner, 'settled', it.name) end
end

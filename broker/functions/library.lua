-- SPDX-License-Identifier: Apache-2.0

-- -- The library ----------------------------------------------------------------------------------------------------

local LIBRARY = {}

-- Nothing, or what a broker of this revision is told: that it can't work with this library. (Brokers before revision 8
-- don't say theirs.)
function LIBRARY.refusal (revision)
  revision = tonumber (revision or 7)
  if revision >= OLDEST then return nil end
  return redis.error_reply (string.format ('REVISION this Redis holds Functions of revision %d, for brokers of '
    .. 'revision %d and later: upgrade this broker, which is of %d', REVISION, OLDEST, revision))
end

-- The revision of the broker that asks. Without the flag no-writes: so it fails where nothing can be written (a
-- replica), and the broker isn't up there.
function LIBRARY.version (keys, args)
  return LIBRARY.refusal (args[1]) or { REVISION, DIGEST }
end

-- A broker that was connected when a newer one loaded this library hears it with its lease.
function LIBRARY.renew (keys, args)
  return LIBRARY.refusal (args[3]) or lease (keys, args)
end

-- What is due for rousing after the step, and what it said in hubs, are part of its answer.
local function telling_hubs (callback)
  return function (keys, args)
    marked, spoken = nil, nil
    local told = callback (keys, args)
    if marked then told[HUBS_AT] = ROUSE.report () end
    if spoken then told[SAID_AT] = spoken end
    return told
  end
end

-- All but accept work when Redis is out of memory: they are what gives memory back.
local function register (name, callback, flag)
  redis.register_function { function_name = 'troupe1_' .. name, callback = callback, flags = flag and { flag } or {} }
end

register ('accept', telling_hubs (accept))
register ('settle', telling_hubs (settle), 'allow-oom')
register ('await', await, 'allow-oom')
register ('retry', telling_hubs (retry), 'allow-oom')
register ('claim', claim, 'allow-oom')
register ('recall', recall, 'no-writes')
register ('inputs', inputs, 'no-writes')
register ('hear', hear, 'no-writes')
register ('letters', letters, 'no-writes')
register ('letter', letter, 'no-writes')
register ('resend', telling_hubs (resend))
register ('discard', discard, 'allow-oom')
register ('sessions', SESSIONS.list, 'no-writes')
register ('close', telling_hubs (SESSIONS.close), 'allow-oom')
register ('sweep', telling_hubs (sweep), 'allow-oom')
register ('rouse', ROUSE.rouse)
register ('recover', recover, 'allow-oom')
register ('takeover', telling_hubs (takeover), 'allow-oom')
register ('inbox', inbox, 'allow-oom')
register ('lease', LIBRARY.renew, 'allow-oom')
register ('version', LIBRARY.version, 'allow-oom')
register ('meet', GENERATION.meet, 'allow-oom')

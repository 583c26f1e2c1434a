-- SPDX-License-Identifier: Apache-2.0

-- -- The library ----------------------------------------------------------------------------------------------------

-- Without the flag no-writes: so it fails where nothing can be written (a replica), and the broker isn't up there.
local function version ()
  return { REVISION, DIGEST }
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
register ('sweep', telling_hubs (sweep), 'allow-oom')
register ('rouse', ROUSE.rouse)
register ('recover', recover, 'allow-oom')
register ('takeover', telling_hubs (takeover), 'allow-oom')
register ('inbox', inbox, 'allow-oom')
register ('lease', lease, 'allow-oom')
register ('version', version, 'allow-oom')

-- SPDX-License-Identifier: Apache-2.0

-- -- The library ----------------------------------------------------------------------------------------------------

-- Without the flag no-writes: so it fails where nothing can be written (a replica), and the broker isn't up there.
local function version ()
  return { REVISION, DIGEST }
end

-- What is due for rousing after the step is part of its answer.
local function telling_hubs (callback)
  return function (keys, args)
    marked = nil
    local told = callback (keys, args)
    if marked then told[HUBS_AT] = ROUSE.report () end
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
register ('retry', retry, 'allow-oom')
register ('claim', claim, 'allow-oom')
register ('recall', recall, 'no-writes')
register ('inputs', inputs, 'no-writes')
register ('hear', hear, 'no-writes')
register ('sweep', telling_hubs (sweep), 'allow-oom')
register ('rouse', ROUSE.rouse)
register ('recover', recover, 'allow-oom')
register ('takeover', takeover, 'allow-oom')
register ('inbox', inbox, 'allow-oom')
register ('lease', lease, 'allow-oom')
register ('version', version, 'allow-oom')

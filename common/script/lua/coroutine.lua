-- SPDX-License-Identifier: Apache-2.0
--
-- Coroutines of the script's own. When one waits, the whole strand has to wait: the engine's suspension goes up through
-- every coroutine that resumed another, and down again afterwards. So a script doesn't see it: a coroutine yields to its
-- resumer only what it yields itself.

local native = ...
local suspend, preempted, entered, left, inside = native.suspend, native.preempted, native.entered, native.left,
  native.inside
local resume, yield, create, status, close = coroutine.resume, coroutine.yield, coroutine.create, coroutine.status,
  coroutine.close

local function pass (co, ok, first, ...)
  if ok and (first == suspend or preempted ()) and status (co) == "suspended" then
    yield (suspend)
    return pass (co, resume (co))
  end
  left ()
  return ok, first, ...
end

function coroutine.resume (co, ...)
  if type (co) ~= "thread" or status (co) ~= "suspended" then
    return resume (co, ...)
  end
  entered (co)
  return pass (co, resume (co, ...))
end

function coroutine.yield (...)
  if not inside () then
    error ("attempt to yield from outside a coroutine", 2)
  end
  return yield (...)
end

local function give (co, ok, ...)
  if ok then
    return ...
  end
  local err = ...
  if status (co) == "dead" and not native.doomed () then
    close (co)
  end
  error (err, 0)
end

function coroutine.wrap (f)
  local co = create (f)
  return function (...)
    return give (co, coroutine.resume (co, ...))
  end
end

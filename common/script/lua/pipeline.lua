-- SPDX-License-Identifier: Apache-2.0
--
-- Pipelines: agents one after another, by a condition, or again and again (AgentScope section 3.1). Each is there as a
-- function, pipeline.sequential ({a, b}, x), and as an object that is built once and called often,
-- pipeline.Sequential {a, b}. A step is an agent, a function of x, or a pipeline; where steps are expected, one stands
-- for a list of one. What flows are placeholders: only a condition that reads a reply waits for it.

local native = ...

pipeline = {}

local function callable (step)
  if type (step) == "function" then
    return true
  end
  local meta = getmetatable (step)
  return type (meta) == "table" and meta.__call ~= nil
end

-- Steps as a list of their own.
local function steps_of (steps)
  if steps == nil then
    return {}
  end
  if callable (steps) then
    return { steps }
  end
  if type (steps) ~= "table" then
    native.fail ("an agent, a function, a pipeline, or a list of these expected")
  end
  local list = {}
  for i, step in ipairs (steps) do
    if not callable (step) then
      native.fail ("step " .. i .. " is no agent, function or pipeline")
    end
    list[i] = step
  end
  for key in pairs (steps) do -- a misspelt variable is nil, and would end the list
    if list[key] == nil then
      native.fail ("step " .. #list + 1 .. " is nil")
    end
  end
  return list
end

-- Of a kind that does nothing without them.
local function body_of (steps)
  if steps == nil then
    native.fail ("an agent, a function, a pipeline, or a list of these expected, and not nil")
  end
  return steps_of (steps)
end

local function condition_of (condition)
  if not callable (condition) then
    native.fail ("a function for the condition expected")
  end
  return condition
end

local function run (list, x)
  for _, step in ipairs (list) do
    x = step (x)
  end
  return x
end

-- Each kind: what is made of its arguments, and what that does with x. The arguments of an object are those of the
-- function without x, which is the last one.
local kinds = {}

function kinds.Sequential (steps)
  local list = body_of (steps)
  return function (x)
    return run (list, x)
  end
end

function kinds.IfElse (condition, yes, no)
  local test, first, second = condition_of (condition), steps_of (yes), steps_of (no)
  return function (x)
    return run (test (x) and first or second, x)
  end
end

function kinds.Switch (choose, cases, default)
  local choice, lists, otherwise = condition_of (choose), {}, steps_of (default)
  if type (cases) ~= "table" then
    native.fail ("a table of cases expected")
  end
  for key, steps in pairs (cases) do
    lists[key] = steps_of (steps)
  end
  return function (x)
    local key = choice (x)
    return run (key ~= nil and lists[key] or otherwise, x)
  end
end

function kinds.ForLoop (body, max, done)
  local list = body_of (body)
  if math.type (max) ~= "integer" or max < 0 then
    native.fail ("the most rounds expected, a whole number")
  end
  local test = done ~= nil and condition_of (done)
  return function (x)
    for _ = 1, max do
      x = run (list, x)
      if test and test (x) then
        break
      end
    end
    return x
  end
end

function kinds.WhileLoop (body, condition)
  local list, test = body_of (body), condition_of (condition)
  return function (x)
    local i = 0
    while test (i, x) do
      x = run (list, x)
      i = i + 1
    end
    return x
  end
end

-- All with the same x, at the same time; in a hub they don't hear each other.
function kinds.Fanout (steps)
  local list = body_of (steps)
  return function (x)
    local group, replies, last = native.fan (), {}, 0
    for i, step in ipairs (list) do
      last = native.is_agent (step) and i or last
    end
    for i, step in ipairs (list) do
      if native.is_agent (step) then
        replies[i] = step (x, { fan = i < last and group .. "+" or group })
      else
        replies[i] = step (x)
      end
    end
    return replies
  end
end

local arguments = { Sequential = 1, IfElse = 3, Switch = 3, ForLoop = 3, WhileLoop = 2, Fanout = 1 }
local Pipeline = { __name = "pipeline" }

function Pipeline:__call (x)
  return self.run (x)
end

for kind, count in pairs (arguments) do
  local build = kinds[kind]
  if count == 1 then
    pipeline[kind] = function (a)
      return setmetatable ({ run = build (a) }, Pipeline)
    end
    pipeline[kind:lower ()] = function (a, x)
      return build (a) (x)
    end
  elseif count == 2 then
    pipeline[kind] = function (a, b)
      return setmetatable ({ run = build (a, b) }, Pipeline)
    end
    pipeline[kind:lower ()] = function (a, b, x)
      return build (a, b) (x)
    end
  else
    pipeline[kind] = function (a, b, c)
      return setmetatable ({ run = build (a, b, c) }, Pipeline)
    end
    pipeline[kind:lower ()] = function (a, b, c, x)
      return build (a, b, c) (x)
    end
  end
end

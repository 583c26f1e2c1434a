-- SPDX-License-Identifier: Apache-2.0
--
-- Tools: what a model may call while it makes a reply (ModelScope-Agent's tool use; AgentScope section 3.2): functions
-- of the script, and services of the mesh. The model is told of them by their schemas; what it calls is run, and it is
-- asked again with the results, until it answers. What is wrong with a call, and what a tool fails with, the model is
-- told as the call's result: it can do better, an agent that fails can't.

local native = ...
local call = native.call

local ROUNDS, ROUNDS_MAX = 8, 64  -- a model that calls tools more often has lost its way, and each round is an ask
local RETRIES, RETRIES_MAX = 2, 10
local PAUSE, PAUSE_MAX = 0.5, 60   -- s: a hiccup is over by then; what takes longer the model had better know

local function fail (format, ...)
  native.fail (format:format (...))
end

local Tool = { __name = "tool" }
Tool.__index = Tool

-- A JSON Schema as it is; or one of names and their types, all of which are required.
local function schema_of (given)
  given = given == nil and {} or given
  if type (given) ~= "table" then
    fail ("parameters: a JSON Schema of the type object, or names with their types expected")
  end
  if given.type == "object" and (given.properties == nil or type (given.properties) == "table") then
    return given
  end
  local properties, required = {}, list {}
  for name, kind in pairs (given) do
    if type (name) ~= "string" or (type (kind) ~= "string" and type (kind) ~= "table") then
      fail ("parameters: a JSON Schema of the type object, or names with their types expected")
    end
    properties[name] = type (kind) == "string" and { type = kind } or kind
    required[#required + 1] = name
  end
  table.sort (required)
  return { type = "object", properties = properties, required = required }
end

local known = { name = true, description = true, parameters = true, run = true, service = true, once = true,
  deadline = true, retries = true }

local function check (given)
  if type (given) ~= "table" then
    fail ("a table expected, such as {name = \"search\", parameters = {query = \"string\"}, "
      .. "run = function (arguments) ... end}")
  end
  native.check_keys (given, known)
  if type (given.name) ~= "string" or #given.name > 64 or not given.name:find "^[A-Za-z0-9_-]+$" then
    fail ("name: 1 to 64 letters, digits, '_' and '-' expected")
  end
  if given.description ~= nil and type (given.description) ~= "string" then
    fail ("description: a text expected")
  end
  local runs, calls = type (given.run) == "function", type (given.service) == "string"
  if runs == calls or (given.run ~= nil and given.service ~= nil) then
    fail ("%s: a function run (arguments), or a service, the name of one, expected", given.name)
  end
  if given.run ~= nil and (given.once ~= nil or given.deadline ~= nil) then
    fail ("%s: once and deadline are for a service", given.name)
  end
  local retries = given.retries
  if retries ~= nil and (math.type (retries) ~= "integer" or retries < 0 or retries > RETRIES_MAX) then
    fail ("%s: retries: 0 to %d expected", given.name, RETRIES_MAX)
  end
  if given.once and retries and retries > 0 then
    fail ("%s: what runs once isn't run again: leave retries out", given.name)
  end
  native.check_options (given)
end

function tool (given)
  check (given)
  local schema = schema_of (given.parameters)
  native.fits (schema, {}) -- raises if it is none
  return setmetatable ({ name = given.name, description = given.description, schema = schema, run = given.run,
    service = given.service, options = { once = given.once, deadline = given.deadline },
    retries = given.once and 0 or given.retries or RETRIES }, Tool)
end

-- What a list of tools comes to: those by their names, these in a line, and what the model is told.
local function kit_of (tools)
  local kit, names = { by_name = {}, told = list {} }, {}
  local meta = getmetatable (tools)
  if type (tools) ~= "table" or (meta ~= nil and meta ~= getmetatable (list {})) or next (tools) == nil then
    fail ("tools: a list of tools expected, which are made by tool {name = ...}")
  end
  for i, one in ipairs (tools) do
    if getmetatable (one) ~= Tool then
      fail ("tools: number %d is no tool, made by tool {name = ...}", i)
    end
    if kit.by_name[one.name] then
      fail ("tools: there are two of the name %s", one.name)
    end
    kit.by_name[one.name], names[i] = one, one.name
    kit.told[i] = { name = one.name, description = one.description, parameters = one.schema }
  end
  for key in pairs (tools) do -- a misspelt variable is nil, and would end the list
    if names[key] == nil then
      fail ("tools: number %d is nil", #names + 1)
    end
  end
  kit.names = table.concat (names, ", ")
  return kit
end

local function rounds_of (rounds)
  if rounds ~= nil and (math.type (rounds) ~= "integer" or rounds < 1 or rounds > ROUNDS_MAX) then
    fail ("rounds: 1 to %d expected", ROUNDS_MAX)
  end
  return rounds or ROUNDS
end

-- Raises what is wrong with these settings.
function native.check_tools (tools, rounds)
  kit_of (tools)
  rounds_of (rounds)
end

-- -- Calling ----------------------------------------------------------------------------------------------------------

-- What was raised, as the model is told.
local function why_of (raised)
  if type (raised) == "userdata" and raised ~= null and raised.code then
    return raised.code .. ": " .. raised.why
  end
  return (tostring (raised):gsub ("^[^:\n]+:%d+: ", ""))
end

-- A call begins: what it gives, perhaps a reply that isn't there yet; or nil and what is wrong.
local function begin (kit, use)
  local one = kit.by_name[use.name]
  if not one then
    return nil, ("there is no tool %s; there are %s"):format (use.name, kit.names)
  end
  local wrong = native.fits (one.schema, use.input)
  if wrong then
    return nil, "these arguments don't fit its parameters: " .. wrong
  end
  if one.service then
    return call (one.service, use.input, one.options)
  end
  local value, why = one.run (use.input)
  if value == nil and why == nil then
    return "done"
  end
  return value, why
end

-- Of a message what it says, else the value.
local function output_of (value)
  if type (value) ~= "userdata" or value == null then
    return value
  end
  local whole = value:value ()
  return type (whole) == "table" and whole.role and whole.content or whole
end

-- How many seconds to wait before the same is tried again; nil: it isn't worth it.
local function pause_of (raised, tried)
  if type (raised) ~= "userdata" or raised == null or not raised.retryable or raised.code == "service_died" then
    return nil
  end
  local pause = raised.retry_after or PAUSE * 2 ^ (tried - 1)
  return pause <= PAUSE_MAX and pause or nil
end

-- f (...): its value; or nil, what is wrong, and what was raised.
local function try (f, ...)
  local ok, value, why = pcall (f, ...)
  if not ok and native.doomed () then
    error (value, 0)
  end
  if not ok then
    return nil, why_of (value), value
  end
  return value, value == nil and tostring (why) or nil
end

-- The output of a call that has begun, which is made again if that may help.
local function finish (kit, use, begun)
  local value, wrong, raised = begun.value, begun.wrong, begun.raised
  for tried = 1, math.maxinteger do
    if not wrong then
      value, wrong, raised = try (output_of, value)
    end
    local one = kit.by_name[use.name]
    local pause = wrong and one and tried <= one.retries and pause_of (raised, tried)
    if not pause then
      return value, wrong
    end
    sleep (pause)
    value, wrong, raised = try (begin, kit, use)
  end
end

-- The results of all that a reply calls, as blocks. Services work at the same time.
local function answer (kit, uses, used)
  local begun, blocks = {}, list {}
  for i, use in ipairs (uses) do
    local value, wrong, raised = try (begin, kit, use)
    begun[i] = { value = value, wrong = wrong, raised = raised }
  end
  for i, use in ipairs (uses) do
    local output, wrong = finish (kit, use, begun[i])
    blocks[i] = { type = "tool_result", id = use.id, name = use.name, output = wrong or output, error = wrong ~= nil }
    used[#used + 1] = { name = use.name, input = use.input, error = wrong }
  end
  return blocks
end

local function uses_of (reply)
  local uses, content = {}, reply.content
  for _, block in ipairs (type (content) == "table" and content or {}) do
    if block.type == "tool_use" then
      uses[#uses + 1] = block
    end
  end
  return uses
end

-- Asks until the model answers: ask (what it is told of the tools, whether it has to answer now). `messages` get what
-- it called and what came of that. The answer tells what was called as x.tools.
function native.use_tools (options, model, name, messages, ask)
  local kit, rounds, used = kit_of (options.tools), rounds_of (options.rounds), list {}
  for round = 1, rounds + 1 do
    local reply = ask (kit.told, round > rounds)
    local uses = uses_of (reply)
    if #uses == 0 then
      return #used == 0 and reply or native.with_fields (reply, { tools = used })
    end
    if round > rounds then
      break
    end
    local said = reply:value ()
    said.name = name
    messages[#messages + 1] = said
    messages[#messages + 1] = { name = "tools", role = "tool", content = answer (kit, uses, used) }
  end
  local why = "it called tools %d times, and then once more instead of answering"
  native.give_up ("model/" .. model, why:format (rounds))
end

-- SPDX-License-Identifier: Apache-2.0
--
-- Agents as a workflow sees them: something that is called with a message and returns a placeholder. Where one runs is
-- its own matter: an agent that the script makes is served inside from its first call on, unless it was moved out before.

local native = ...
local call, serve, spawn, in_turn = native.call, native.serve, native.spawn, native.in_turn

local Agent = { __name = "agent" }
Agent.__index = Agent

-- Raised at the line of the script's that is to blame.
local function fail (format, ...)
  native.fail (format:format (...))
end

-- The service's name; from here on the agent stays where it is.
local function settle (self)
  if self.pending then
    local failed = serve (self.type, self.name, self.settings, self.functions)
    if failed then
      error (failed, 0)
    end
    self.pending = nil
  end
  return self.service
end

function Agent:__call (x, options)
  if options ~= nil then
    return native.call_with (self, settle (self), x, options)
  end
  return call (settle (self), x, self)
end

function Agent:__tostring ()
  return "agent: " .. self.service
end

function Agent.__eq (a, b)
  return a.service == b.service
end

function Agent:__newindex (key)
  fail ("an agent has no %s to set; what it keeps is in its self.state", tostring (key))
end

-- A process of its own (a child of this program), or one that runs elsewhere.
function Agent:to_dist (where)
  if where ~= nil then
    if type (where) ~= "table" or type (where.service) ~= "string" then
      fail ('to_dist {service = "agent/alice"} or to_dist ()')
    end
    rawset (self, "service", where.service)
    rawset (self, "own", nil)
    rawset (self, "wait", nil)
    rawset (self, "pending", nil)
    return self
  end
  if not self.type then
    fail ("%s isn't made in this script: it runs in a process of its own already", self.service)
  end
  if self.functions then
    fail ("%s is made of functions of this script, which can't leave it: move them into a file that returns "
      .. "{reply = function (self, x) ... end}, and make it by ScriptAgent {name = %q, file = ...}", self.name, self.name)
  end
  if self.type == "user" then
    fail ("%s is the person at this terminal and stays here", self.name)
  end
  if not self.pending then
    fail ("%s has been called already: move it out where it is made, before its first call", self.name)
  end
  spawn (self.type, self.name, self.settings)
  rawset (self, "pending", nil)
  return self
end

-- A field of the agent's under another name than that in `known` is a mistake.
local function check_keys (settings, known, what)
  for key in pairs (settings) do
    if not known[key] then
      local names = {}
      for name in pairs (known) do
        names[#names + 1] = name
      end
      table.sort (names)
      fail ("unknown %s %s; there are %s", what or "setting", tostring (key), table.concat (names, ", "))
    end
  end
end
native.check_keys = check_keys

local function check_text (settings, key)
  if type (settings[key]) ~= "string" then
    fail ("%s: a text expected", key)
  end
end

-- What every agent of the script's is made of.
local function make (kind, settings, functions, deadline)
  local name = settings.name
  settings.name = nil
  return setmetatable ({ type = kind, name = name, settings = settings, functions = functions, pending = true,
    service = native.service_name (name), own = true, wait = true, deadline = deadline }, Agent)
end

-- A copy of what the script gave, checked.
local function take (given, known, required)
  if type (given) ~= "table" then
    fail ("a table of settings expected, such as {name = \"alice\"}")
  end
  if in_turn () then
    fail ("agents are made by the workflow, not while one replies")
  end
  check_keys (given, known)
  for _, key in ipairs (required) do
    check_text (given, key)
  end
  if given.memory ~= nil and type (given.memory) ~= "boolean" then
    fail ("memory: true or false expected")
  end
  local copy = {}
  for key, value in pairs (given) do
    copy[key] = value
  end
  return copy
end

local dialog = { name = true, model = true, fallback = true, prompt = true, sys_prompt = true, description = true,
  memory = true }

local function make_dialog (kind, given, known)
  local settings = take (given, known, { "name", "model" })
  settings.prompt = settings.prompt or settings.sys_prompt
  settings.sys_prompt = nil
  return make (kind, settings)
end

function DialogAgent (given)
  return make_dialog ("dialog", given, dialog)
end

-- One that answers with an object, whose keys are fields of its replies: x.speak, x.agreement.
function DictDialogAgent (given)
  local known = { keys = true, max_retries = true, to_content = true, to_memory = true, to_metadata = true }
  for key in pairs (dialog) do
    known[key] = true
  end
  return make_dialog ("dict_dialog", given, known)
end

function ScriptAgent (given)
  local known = { name = true, file = true, model = true, config = true, description = true, memory = true }
  local settings = take (given, known, { "name", "file" })
  settings.file = native.absolute_path (settings.file)
  return make ("script", settings)
end

-- A person may take a day.
local PATIENCE = 24 * 3600

function UserAgent (given)
  local settings = take (given or {}, { name = true, deadline = true, description = true }, {})
  local deadline = settings.deadline or PATIENCE
  settings.name = settings.name or "user"
  settings.deadline = nil
  return make ("user", settings, nil, deadline)
end

local function define (_, given)
  local known = { name = true, reply = true, observe = true, init = true, model = true, fallback = true, config = true,
    description = true, memory = true }
  local settings = take (given, known, { "name" })
  if type (settings.reply) ~= "function" then
    fail ("reply: a function (self, x) expected")
  end
  local functions = { reply = settings.reply, observe = settings.observe, init = settings.init }
  settings.reply, settings.observe, settings.init = nil, nil, nil
  return make ("script", settings, functions)
end

_G.Agent = setmetatable ({}, { __call = define })

-- An agent of the mesh: "alice" for agent/alice, or the name of a service.
function agent (name)
  if type (name) ~= "string" then
    fail ("the name of an agent expected")
  end
  local service = name:find ("/", 1, true) and name or "agent/" .. name
  return setmetatable ({ name = service:match ("/([^#@]*)"), service = service }, Agent)
end

-- What a call's options must be, where they are given.
local function check_options (options)
  if options.deadline ~= nil and type (options.deadline) ~= "number" then
    fail ("deadline: a number of seconds expected")
  end
  if options.once ~= nil and type (options.once) ~= "boolean" then
    fail ("once: true or false expected")
  end
end

native.check_options = check_options

-- A call of any service, such as tool/echo.
function _G.call (service, input, options)
  if options ~= nil then
    if type (options) ~= "table" then
      fail ("options: a table expected, such as {deadline = 30}")
    end
    check_keys (options, { deadline = true, once = true, stream = true, wait = true }, "option")
    check_options (options)
  end
  return call (service, input, options)
end

function native.is_agent (x)
  return getmetatable (x) == Agent
end

-- The services of agents, for a hub.
function native.services (agents)
  if native.is_agent (agents) then
    agents = { agents }
  end
  if type (agents) ~= "table" then
    fail ("agents expected")
  end
  local services = {}
  for i, one in ipairs (agents) do
    if not native.is_agent (one) then
      fail ("number %d is no agent", i)
    end
    services[i] = settle (one)
  end
  for key in pairs (agents) do -- a misspelt variable is nil, and would end the list
    if services[key] == nil then
      fail ("number %d is nil", #services + 1)
    end
  end
  return services
end

-- With options for one call: those of the agent, and over them what was given.
function native.call_with (self, service, x, options)
  if type (options) ~= "table" then
    fail ("options: a table expected, such as {deadline = 30}")
  end
  for key in pairs (options) do
    if key ~= "deadline" and key ~= "wait" and key ~= "keys" and key ~= "fan" and key ~= "once" then
      fail ("unknown option %s; there are deadline, fault_handler, keys, max_retries, once, parse and wait",
        tostring (key))
    end
  end
  check_options (options)
  local wait = self.wait
  if options.wait ~= nil then
    wait = options.wait
  end
  if options.keys ~= nil then
    x = { messages = x == nil and null or x, keys = options.keys }
  end
  return call (service, x,
    { deadline = options.deadline or self.deadline, wait = wait, once = options.once, own = self.own }, options.fan)
end

-- What lies with a model or its server, so that another one may do better.
local models_faults = { model_unreachable = true, model_failed = true, rate_limited = true, unauthorized = true,
                        unknown_service = true, service_died = true, overloaded = true }

-- Another model's answer, marked as a model with a fallback of its own marks it.
local function mark (answer, model, other)
  local metadata = answer:value ().metadata
  local by = type (metadata) == "table" and metadata.answered_by or "model/" .. other
  return native.with_fields (answer, { instead_of = "model/" .. model, answered_by = by })
end

-- The first answer, of a model and then of others, that isn't such an error.
local function call_one_of (model, others, input, options)
  local answer = call ("model/" .. model, input, options)
  for i = 0, #others do
    local good, why = #others == 0, nil -- with nobody else to ask it is waited for where it is read
    if not good then
      good, why = pcall (answer.value, answer)
    end
    if good then
      return i == 0 and answer or mark (answer, model, others[i])
    end
    if i == #others or type (why) ~= "userdata" or not models_faults[why.code] or native.streamed (answer) then
      return answer
    end
    answer = call ("model/" .. others[i + 1], input, options)
  end
end

-- A table that is no list: {stream = true}.
local function is_options (x)
  return type (x) == "table" and getmetatable (x) == nil and type (next (x)) == "string"
end

local model_options = { stream = true, tools = true, rounds = true, parameters = true, format = true, knowledge = true,
  options = true, parse = true, fault_handler = true, max_retries = true } -- the last three are of parse.lua

local function check_model_options (options)
  check_keys (options, model_options, "option")
  if options.tools == nil and options.rounds ~= nil then
    fail ("rounds go with tools")
  end
  if options.tools ~= nil and options.stream then
    fail ("stream doesn't go with tools: what the model says before it calls one isn't the reply")
  end
end

-- With what an ask holds besides.
local function input_of (messages, name, options, tools, must_answer)
  local parameters = options.parameters
  if must_answer then
    parameters = { tool_choice = "none" }
    for key, value in pairs (options.parameters or {}) do
      parameters[key] = key == "tool_choice" and "none" or value
    end
  end
  return { messages = messages, agent = name, tools = tools, parameters = parameters, format = options.format,
    knowledge = options.knowledge, options = options.options }
end

-- self.model of an agent that is written in Lua: asks its model with texts (said by the user), messages and lists of them,
-- perhaps with options behind them.
function native.ask_model (model, name, others)
  if not model then
    return function ()
      fail ("%s has no model: set model = ... where it is made", name)
    end
  end
  local function gather (messages, x)
    if type (x) == "string" then
      messages[#messages + 1] = { name = "user", role = "user", content = x }
    elseif type (x) == "table" and not native.is_agent (x) then
      for _, one in ipairs (x) do
        gather (messages, one)
      end
    elseif x ~= nil then
      local message = x:value ()
      if message.role == "assistant" and message.name ~= name then
        message.role = "user" -- to a model, the assistant is itself
      end
      messages[#messages + 1] = message
    end
  end
  return function (...)
    local messages, count, options = list {}, select ("#", ...), {}
    if count > 0 and is_options ((select (count, ...))) then
      options, count = (select (count, ...)), count - 1
      check_model_options (options)
    end
    for i = 1, count do
      gather (messages, (select (i, ...)))
    end
    local function ask (tools, must_answer)
      local input = input_of (messages, name, options, tools, must_answer)
      return call_one_of (model, others or {}, input, { stream = options.stream })
    end
    return options.tools == nil and ask () or native.use_tools (options, model, name, messages, ask)
  end
end

native.remember_model (native.ask_model)

native.remember_services (native.services)

-- SPDX-License-Identifier: Apache-2.0
--
-- Replies that come out right: repair, parsers, and asking again (AgentScope section 4: parse_func, fault_handler and
-- max_retries). Rules come first and cost no call; then the model is told what was wrong and tries again; then the fault
-- handler decides; else there is an error that lists what was tried.

local native = ...

local RETRIES, RETRIES_MAX = 3, 16 -- as of troupe/parse.h
local WHY_MAX = 900                -- bytes of an error's reason, which has room for some more

local function fail (format, ...)
  native.fail (format:format (...))
end

local function text_of (x)
  if type (x) == "string" then
    return x
  end
  local text = type (x) == "userdata" and x ~= null and x.text
  if type (text) ~= "string" then
    fail ("a text, a message or a reply expected")
  end
  return text
end

-- repair (text, "object"): the value and a list of changes, or nil and why not
function repair (x, want)
  return native.repair (text_of (x), want)
end

-- -- Parsers ----------------------------------------------------------------------------------------------------------

local Parser = { __name = "parser" }
Parser.__index = Parser

function Parser:instruction ()
  return native.instruction (self.made)
end

-- The fields; or nil and what the model is to be told. Third, all of it.
function Parser:parse (x)
  local record, wrong = native.parse (self.made, text_of (x))
  if wrong then
    return nil, record.feedback, record
  end
  return record.fields, nil, record
end

parse = {}
for name, kind in pairs { json = "json_object", list = "list", code = "code", tagged = "tagged", regex = "regex",
                          tool_calls = "tool_calls" } do
  parse[name] = function (settings)
    local config = {}
    for key, value in pairs (settings or {}) do
      config[key] = value
    end
    if kind == "json_object" and config.keys ~= nil then
      config.required, config.keys = config.keys, nil
    end
    config.type = kind
    return setmetatable ({ made = native.parser (config) }, Parser)
  end
end

-- How often each model's replies were right, mended and wrong here, and what was mended.
parse.counts = native.counts

-- -- How a reply is read, and what happens when it can't be ------------------------------------------------------------

-- Whether parse, fault_handler or max_retries are among these options.
local function asks_right (options)
  return options.parse ~= nil or options.fault_handler ~= nil or options.max_retries ~= nil
end

-- The options, checked.
local function how_of (given)
  local how = { parse = given.parse, handler = given.fault_handler, retries = given.max_retries or RETRIES }
  if how.parse == nil then
    fail ("fault_handler and max_retries go with parse = a parser, its name, or a function (text)")
  end
  if type (how.parse) == "string" then
    if not parse[how.parse] then
      fail ("there is no parser %s; there are code, json, list, regex, tagged and tool_calls", how.parse)
    end
    how.parse = parse[how.parse] {}
  end
  if getmetatable (how.parse) == Parser then
    how.parser = how.parse
  elseif type (how.parse) ~= "function" then
    fail ("parse: a parser, its name, or a function (text) expected")
  end
  if how.handler ~= nil and type (how.handler) ~= "function" then
    fail ("fault_handler: a function (text, wrong, reply) expected")
  end
  if math.type (how.retries) ~= "integer" or how.retries < 0 or how.retries > RETRIES_MAX then
    fail ("max_retries: 0 to %d expected", RETRIES_MAX)
  end
  return how
end

-- A function of the script's: its value, or nil and what it found wrong, which it may also raise.
local function ask_function (f, ...)
  local ok, value, why = pcall (f, ...)
  if native.doomed () then
    error (value, 0)
  end
  if ok and value then
    return value
  end
  if ok then
    return nil, why ~= nil and tostring (why) or "it is not what is expected"
  end
  return nil, (tostring (value):gsub ("^[^:\n]+:%d+: ", ""))
end

-- What a function returned as a record: fields in a table, or what is said.
local function made (how, value, text)
  if type (value) ~= "table" then
    return { fields = {}, content = tostring (value) }
  end
  if how.parser then
    return native.accept (how.parser.made, value)
  end
  return { fields = value, content = text }
end

-- Reads a reply: its record; or nil, what was wrong, and what the model is to be told.
local function read (how, who, text, reply)
  if how.parser then
    local record, wrong = native.parse (how.parser.made, text, who)
    return not wrong and record or nil, wrong, record.feedback
  end
  local value, wrong = ask_function (how.parse, text, reply)
  native.count (who, value and "unchanged" or "wrong")
  if value then
    return made (how, value, text)
  end
  return nil, wrong, "Your reply could not be used: " .. wrong .. ". Reply again, with that put right."
end

-- At most so many bytes, and no half of a character.
local function cut (text, max)
  return #text <= max and text or text:sub (1, max):gsub ("[\xC0-\xFF][\x80-\xBF]*$", "") .. "..."
end

local function give_up (who, tried, handler)
  local parts, share = {}, WHY_MAX // (#tried + 1)
  for i, wrong in ipairs (tried) do
    parts[i] = i .. ": " .. cut (wrong, share)
  end
  if handler then
    parts[#parts + 1] = "the fault handler: " .. cut (handler, share)
  end
  native.give_up (who, ("no reply of %d had the form that is expected: %s"):format (#tried, table.concat (parts, "; ")))
end

-- Whose reply it is, for which it counts: of a model that had another one asked, that one's.
local function who_answered (who, reply)
  local metadata = who:find "^model/" and reply:value ().metadata
  return type (metadata) == "table" and metadata.answered_by or who
end

-- Asks until a reply is right: that reply and its record. ask (text, feedback) asks again after the reply `text`.
local function ask_until_right (how, asked, ask)
  local tried, reply, text, wrong, feedback, record = {}, ask ()
  local who
  repeat
    text = reply.text or ""
    who = who_answered (asked, reply)
    record, wrong, feedback = read (how, who, text, reply)
    if record then
      return reply, record
    end
    tried[#tried + 1] = wrong
    if #tried <= how.retries then
      native.count (who, "retry")
      reply = ask (text, feedback)
    end
  until #tried > how.retries
  local value, why
  if how.handler then
    value, why = ask_function (how.handler, text, wrong, reply)
  end
  native.count (who, value and "handled" or "failed")
  if not value then
    give_up (who, tried, why)
  end
  return reply, made (how, value, text)
end

-- The reply with these fields among its metadata; its id and its speaker stay.
function native.with_fields (reply, fields, content)
  local value = reply:value ()
  local metadata = {}
  for _, from in ipairs { value.metadata or {}, fields } do
    for key, field in pairs (from) do
      if type (key) ~= "string" then
        key = tostring (key) -- a list that a function returned
      end
      metadata[key] = field
    end
  end
  value.metadata = metadata
  value.content = content or value.content
  return native.message (value)
end

-- -- Per call of an agent ------------------------------------------------------------------------------------------------

local function with_instruction (x, parser)
  if not parser then
    return x
  end
  local messages = list {}
  for _, one in ipairs (type (x) == "table" and x or { x }) do
    messages[#messages + 1] = type (one) == "string" and msg ("user", one) or one
  end
  messages[#messages + 1] = msg ("user", parser:instruction ())
  return messages
end

local call_with = native.call_with

function native.call_with (agent, service, x, options)
  if type (options) ~= "table" or not asks_right (options) then
    return call_with (agent, service, x, options)
  end
  local how, rest = how_of (options), {}
  for key, value in pairs (options) do
    if key ~= "parse" and key ~= "fault_handler" and key ~= "max_retries" then
      rest[key] = value
    end
  end
  local reply, record = ask_until_right (how, service, function (_, feedback)
    return call_with (agent, service, feedback and msg ("user", feedback) or with_instruction (x, how.parser), rest)
  end)
  return native.with_fields (reply, record.fields, record.content)
end

-- -- Per ask of an agent's model -----------------------------------------------------------------------------------------

-- Asks a model with these messages; what was wrong with its replies is added to them, and to nobody's memory.
local function ask_model (how, ask, model, name, messages)
  return ask_until_right (how, "model/" .. model, function (text, feedback)
    if text and text:find "%S" then -- which providers want to be so
      messages[#messages + 1] = msg (name, text, { role = "assistant" })
    end
    messages[#messages + 1] = feedback and msg ("user", feedback)
    return ask (messages)
  end)
end

local function is_options (x)
  return type (x) == "table" and getmetatable (x) == nil and asks_right (x)
end

native.remember_model (function (model, name, others)
  local ask = native.ask_model (model, name, others)
  return function (...)
    local messages, count = {}, select ("#", ...)
    local options = count > 0 and select (count, ...)
    if not is_options (options) then
      return ask (...)
    end
    for i = 1, count - 1 do
      messages[#messages + 1] = (select (i, ...))
    end
    local how, rest = how_of (options), nil
    for key, value in pairs (options) do
      if key == "stream" then
        fail ("stream doesn't go with parse: what can't be read is asked for again")
      elseif key ~= "parse" and key ~= "fault_handler" and key ~= "max_retries" then
        rest = rest or {}
        rest[key] = value
      end
    end
    messages[#messages + 1] = how.parser and how.parser:instruction ()
    local reply, record = ask_model (how, function (asked)
      return ask (asked, rest)
    end, tostring (model), name, messages)
    return native.with_fields (reply, record.fields, record.content)
  end
end)

-- -- Per agent -----------------------------------------------------------------------------------------------------------

-- What others get: what the model tells of its reply, but its thinking, and over it the fields. Where the parser
-- doesn't choose, that is all of them but the thought.
local function public (told, record)
  local fields = {}
  for key, field in pairs (type (told) == "table" and told or {}) do
    fields[key] = field
  end
  fields.thinking = nil
  for key, field in pairs (record.metadata or record.fields) do
    if record.metadata or key ~= "thought" then
      fields[tostring (key)] = field
    end
  end
  return fields
end

-- Without `how` the reply is what the model says. `rest` are other options of the ask.
local function reply_of (how, prompt, model, rest)
  return function (self)
    local system = prompt
    if how and how.parser then
      system = (prompt ~= "" and prompt .. "\n\n" or "") .. how.parser:instruction ()
    end
    local messages = self.memory:get ()
    if system ~= "" then
      table.insert (messages, 1, msg (self.name, system, { role = "system" }))
    end
    local function ask (asked)
      return self.model (asked, rest)
    end
    if not how then
      return ask (messages)
    end
    local reply, record = ask_model (how, ask, model, self.name, messages)
    if record.memory then
      native.remember_as (record.memory)
    end
    return { content = record.content or "", metadata = public (reply:value ().metadata, record) }
  end
end

local dialog, dict, known = DialogAgent, DictDialogAgent, { name = true, model = true, fallback = true, prompt = true,
  sys_prompt = true, description = true, parse = true, fault_handler = true, max_retries = true, tools = true,
  rounds = true, memory = true }

-- With parse or tools it is made of functions of the script, and stays inside.
function DialogAgent (given)
  if type (given) ~= "table" then
    return dialog (given)
  end
  native.check_keys (given, known)
  local how, rest = asks_right (given) and how_of (given) or nil, nil
  if given.tools ~= nil or given.rounds ~= nil then
    native.check_tools (given.tools, given.rounds)
    rest = { tools = given.tools, rounds = given.rounds }
  end
  if not how and not rest then
    return dialog (given)
  end
  local prompt = given.prompt or given.sys_prompt or ""
  if type (given.model) ~= "string" or type (prompt) ~= "string" then
    fail ("model, prompt: texts expected")
  end
  return Agent { name = given.name, model = given.model, fallback = given.fallback, description = given.description,
    memory = given.memory, reply = reply_of (how, prompt, given.model, rest) }
end

-- Its keys are looked at where it is made, and not only when it is served.
function DictDialogAgent (given)
  if type (given) == "table" and given.keys ~= nil then
    if type (given.keys) ~= "table" or next (given.keys) == nil then
      fail ("keys: a map of keys and their types, or a list of keys expected, such as {thought = \"string\", speak = \"string\"}")
    end
    parse.json { keys = given.keys }
  end
  return dict (given)
end

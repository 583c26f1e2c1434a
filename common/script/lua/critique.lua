-- SPDX-License-Identifier: Apache-2.0
--
-- Critique (AgentScope section 4, agent-level fault handling): what no rule finds wrong, an agent or a person may. Each
-- kind is a step for a pipeline: its author answers, the answer is judged, and improved until it is accepted or the
-- rounds are over. What was judged, and how, goes with the final reply as x.critique, and whether it was accepted as
-- x.accepted.

local native = ...

local ROUNDS, ROUNDS_MAX = 2, 16 -- who is not content by then won't be

local function fail (format, ...)
  native.fail (format:format (...))
end

-- The text of what somebody was asked: a text, a message, a list of them.
local function text_of (x)
  if type (x) == "table" and not native.is_agent (x) then
    local texts = {}
    for i, one in ipairs (x) do
      texts[i] = text_of (one)
    end
    return table.concat (texts, "\n\n")
  end
  return type (x) == "string" and x or x ~= nil and x.text or ""
end

local verdict = parse.json { keys = {
  thought = { type = "string", hint = "what you checked and found" },
  accepted = { type = "boolean", hint = "whether it can stay as it is" },
  remarks = { type = "string", hint = "what must change; empty if nothing" } } }

local function ask_verdict (agent, text)
  local reply = agent (msg ("user", text), { parse = verdict })
  return { by = reply.name, accepted = reply.accepted, remarks = reply.remarks }
end

local function aims (about)
  return about and "Look at this above all: " .. about .. "\n" or ""
end

-- Who judges an answer, and how, by the kind of critique.
local judges = {}

function judges.self (given)
  return function ()
    return ask_verdict (given.author, "Now be a strict reviewer of your last answer: are its facts right, does it follow "
      .. "from what was asked, does it contradict itself or what was said before, is its tone right?\n"
      .. aims (given.about) .. "Say what you find. Don't answer anew yet.")
  end
end

function judges.pair (given)
  return function (draft, x)
    return ask_verdict (given.critic, "You review somebody else's answer. Are its facts right, does it follow from what "
      .. "was asked, does it contradict itself, is its tone right?\n" .. aims (given.about)
      .. "\nWhat was asked:\n" .. text_of (x) .. "\n\nThe answer of " .. draft.name .. ":\n" .. draft.text .. "\n")
  end
end

local yes = { ok = true, okay = true, yes = true, y = true, accept = true }

function judges.human (given)
  return function (draft)
    local reply = given.person (msg (draft.name, draft.text .. "\n\n(ok accepts this; anything else is what must change)"))
    local word = reply.text:lower ():match "^%s*(.-)%s*[.!]?%s*$"
    local accepted = yes[word] == true
    return { by = reply.name, accepted = accepted, remarks = accepted and "" or reply.text }
  end
end

local Critique = { __name = "critique" }

-- The author's last answer, with the record.
function Critique:__call (x)
  local record, accepted = list {}, false
  local draft = self.author (x)
  for round = 1, self.rounds do
    local found = self.judge (draft, x)
    record[round] = { round = round, draft = draft.text, by = found.by, accepted = found.accepted,
      remarks = found.remarks }
    accepted = found.accepted
    if accepted then
      break
    end
    draft = self.author (msg (found.by == draft.name and "user" or found.by, "Your answer must be improved: "
      .. found.remarks .. "\nGive the improved answer, whole and without comment."))
  end
  return native.with_fields (draft, { critique = record, accepted = accepted })
end

-- Which agents each kind needs.
local roles = { self = { "author" }, pair = { "author", "critic" }, human = { "author", "person" } }

critique = {}
for kind, needed in pairs (roles) do
  critique[kind] = function (given)
    if type (given) ~= "table" then
      fail ("critique.%s {%s = agent, ...}", kind, table.concat (needed, " = agent, "))
    end
    local known, rounds = { rounds = true, about = kind ~= "human" }, given.rounds or ROUNDS
    for _, role in ipairs (needed) do
      known[role] = true
      if not native.is_agent (given[role]) then
        fail ("%s: an agent expected", role)
      end
    end
    for key in pairs (given) do
      if not known[key] then
        fail ("unknown setting %s of critique.%s", tostring (key), kind)
      end
    end
    if math.type (rounds) ~= "integer" or rounds < 1 or rounds > ROUNDS_MAX then
      fail ("rounds: 1 to %d expected", ROUNDS_MAX)
    end
    if given.about ~= nil and type (given.about) ~= "string" then
      fail ("about: a text expected")
    end
    return setmetatable ({ author = given.author, rounds = rounds, judge = judges[kind] (given) }, Critique)
  end
end

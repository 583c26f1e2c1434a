-- SPDX-License-Identifier: Apache-2.0
--
-- The werewolf game (AgentScope section 7.2, appendix B): six players, two of them werewolves. By night the werewolves
-- agree on whom to kill, the witch may save him or poison somebody, the seer looks at one player's role. By day all
-- discuss and vote somebody out. The werewolves win as soon as they aren't outnumbered, the village when they are dead.
--
--   troupe run -f examples/werewolf.yaml examples/werewolf.lua                  six agents in this process
--   troupe run -f examples/werewolf.yaml examples/werewolf.lua -- --dist        each in a process of its own
--   troupe run -f mesh.yaml examples/werewolf.lua -- --model gpt                with a model of your mesh
--
-- The moderator's questions go to one player each. What a player says is heard in the hub that is open: by night only the
-- werewolves', by day that of all survivors. Thoughts are heard by nobody, votes neither.

local MAX_ROUNDS, MAX_DISCUSSION = 6, 3
local model, dist = "player", false
for i, word in ipairs (arg) do
  if word == "--dist" then dist = true end
  if word == "--model" then model = arg[i + 1] end
end

-- What is asked for, as keys of a JSON object.
local SPEAK = { thought = "string", speak = "string" }
local DISCUSS = { thought = "string", speak = "string", agreement = "boolean" }
local VOTE = { thought = "string", vote = "string" }
local HEAL = { thought = "string", resurrect = "boolean" }
local POISON = { thought = "string", eliminate = "string" }
local CHECK = { thought = "string", check = "string" }

local roles = { "werewolf", "werewolf", "villager", "villager", "seer", "witch" }
local players, healing, poison = {}, true, true
for i, role in ipairs (roles) do
  local name = "Player" .. i
  local prompt = ([[You are %s in a game of werewolf with Player1 to Player6: two werewolves, two villagers, a seer and a
witch. You are a %s. The werewolves win when they aren't outnumbered, the others when the werewolves are eliminated.
Don't reveal what helps your opponents. "thought" is for you alone; "speak" is heard by the others; names are like
Player1.]]):format (name, role)
  players[i] = { name = name, role = role, alive = true, agent = DictDialogAgent { name = name, model = model, prompt = prompt } }
  if dist then players[i].agent:to_dist () end
end

-- Those who are alive, or those of them with this role.
local function living (role)
  local list = {}
  for _, player in ipairs (players) do
    if player.alive and (not role or player.role == role) then list[#list + 1] = player end
  end
  return list
end
-- The list without these.
local function without (list, others)
  local rest = {}
  for _, player in ipairs (list) do
    local found = false
    for _, other in pairs (others) do found = found or player == other end
    if not found then rest[#rest + 1] = player end
  end
  return rest
end
local function pluck (list, key)
  local out = {}
  for i, player in ipairs (list) do out[i] = player[key] end
  return out
end
local function names (list)
  return (table.concat (pluck (list, "name"), ", "):gsub (", (%w+)$", " and %1"))
end
local function find (name, list)
  for _, player in ipairs (list) do
    if player.name == name then return player end
  end
end

local function moderate (format, ...)
  local message = msg ("Moderator", format:format (...))
  print (message)
  return message
end
local function ask (player, keys, format, ...)
  return player.agent (moderate ("%s, " .. format, player.name, ...), { keys = keys })
end
-- A key of a reply; nil when the player's model couldn't be brought to answer in this form.
local function answer (reply, key)
  local fine, value = pcall (function () return reply[key] end)
  if fine then return value end
end
local function speak (player, reply)
  print (("%s: %s"):format (player.name, answer (reply, "speak") or "(says nothing)"))
end
-- Something that one player only gets to know: the announcement of a hub of his own.
local function tell (player, format, ...)
  msghub ({ player.agent }, moderate (format, ...), function () end)
end

-- All vote at once. Who names none of the candidates abstains; with no vote, or with as many for two, nobody is chosen.
local function vote (hub, voters, candidates, question)
  local replies, count, best, tie = {}, {}, nil, false
  hub:set_auto_broadcast (false)
  for i, player in ipairs (voters) do replies[i] = ask (player, VOTE, question, names (candidates)) end
  for i, player in ipairs (voters) do
    local choice = find (answer (replies[i], "vote"), candidates)
    print (("%s: %s"):format (player.name, choice and choice.name or "(abstains)"))
    if choice then count[choice] = (count[choice] or 0) + 1 end
  end
  for _, player in ipairs (candidates) do
    local votes, most = count[player] or 0, best and count[best] or 0
    if votes > most then best, tie = player, false
    elseif votes == most and votes > 0 then tie = true end
  end
  return not tie and best or nil
end

-- Whom the werewolves kill; nil: they don't agree.
local function werewolves ()
  local wolves = living "werewolf"
  local prey = without (living (), wolves)
  local greeting = moderate (#wolves > 1 and "%s, you are the werewolves. Agree on a player to eliminate."
    or "%s, you are the last werewolf. Choose a player to eliminate.", names (wolves))
  return msghub (pluck (wolves, "agent"), greeting, function (hub)
    for _ = 1, #wolves > 1 and MAX_DISCUSSION or 0 do
      local agreed = true
      for _, wolf in ipairs (wolves) do
        local reply = ask (wolf, DISCUSS, "whom do you want to eliminate, among %s?", names (prey))
        speak (wolf, reply)
        agreed = answer (reply, "agreement") == true and agreed
      end
      if agreed then break end
    end
    local victim = vote (hub, wolves, prey, "which player do you vote to kill, among %s?")
    hub:broadcast (moderate ("The werewolves' choice is %s.", victim and victim.name or "nobody"))
    return victim
  end)
end

-- Once in the game she saves the victim, once she poisons somebody, never both in a night.
local function witch (victim)
  local self, poisoned = living "witch"[1], nil
  if not self then return victim end
  if victim and healing then
    local reply = ask (self, HEAL, "tonight %s is attacked. Do you use your only healing to save %s?", victim.name, victim.name)
    if answer (reply, "resurrect") == true then
      healing = false
      moderate ("%s is saved.", victim.name)
      return nil
    end
  end
  if poison then
    local others = without (living (), { self, victim })
    local reply = ask (self, POISON, "do you use your only poison on one of %s, or on nobody?", names (others))
    poisoned = find (answer (reply, "eliminate"), others)
    if poisoned then
      poison = false
      moderate ("%s is poisoned.", poisoned.name)
    end
  end
  return victim, poisoned
end

local function seer ()
  local self = living "seer"[1]
  if not self then return end
  local others = without (living (), { self })
  local reply = ask (self, CHECK, "whose role do you check tonight, among %s?", names (others))
  local checked = find (answer (reply, "check"), others)
  if checked then tell (self, "%s is %s werewolf.", checked.name, checked.role == "werewolf" and "a" or "no") end
end

local function day (news)
  local survivors = living ()
  msghub (pluck (survivors, "agent"), news, function (hub)
    for _, player in ipairs (survivors) do
      speak (player, ask (player, SPEAK, "the survivors are %s. What do you say to them?", names (survivors)))
    end
    local out = vote (hub, survivors, survivors, "vote for whom you take for a werewolf, among %s.")
    if out then out.alive = false end
    hub:broadcast (moderate ("%s has been voted out.", out and out.name or "Nobody"))
  end)
end

local function over ()
  local wolves = #living "werewolf"
  if wolves == 0 then return "The werewolves are defeated, and the village is safe." end
  if wolves >= #living () - wolves then return "The werewolves have won." end
end

for round = 1, MAX_ROUNDS do
  moderate ("Night %d. Close your eyes.", round)
  local victim, poisoned = witch (werewolves ())
  seer ()
  local survivors = without (living (), { victim, poisoned })
  local dead = without (living (), survivors)
  for _, player in ipairs (dead) do player.alive = false end
  local news = moderate ("Day %d. Open your eyes. Last night %s.", round,
    #dead == 0 and "was peaceful" or names (dead) .. (#dead == 1 and " was" or " were") .. " eliminated")
  if over () then break end
  day (news)
  if over () then break end
end
moderate ("The game is over. %s", over () or "Nobody has won.")

-- SPDX-License-Identifier: Apache-2.0
--
-- A debate: two sides argue in a hub, round after round, until the judge has heard enough or the rounds are over. The
-- judge answers with an object whose keys this program reads; what he thinks is heard by nobody.
--
--   troupe run -f examples/debate.yaml examples/debate.lua -- "Tabs are better than spaces"
--   troupe run -f mesh.yaml examples/debate.lua -- --model gpt --rounds 5 "Tabs are better than spaces"

local options = { model = "debater", rounds = 3, motion = "Cats are better company than dogs" }
local i = 1
while arg[i] do
  local name = arg[i]:match "^%-%-(%a+)$"
  if name then
    options[name], i = math.tointeger (arg[i + 1]) or arg[i + 1], i + 2
  else
    options.motion, i = arg[i], i + 1
  end
end

local rule = "You debate the motion: " .. options.motion .. ". Answer the other side in at most three sentences. "
local pro = DialogAgent { name = "Pro", model = options.model, prompt = rule .. "You argue for it." }
local con = DialogAgent { name = "Con", model = options.model, prompt = rule .. "You argue against it." }
local judge = DictDialogAgent {
  name = "Judge", model = options.model,
  prompt = rule .. "But you are the judge: say who argues better, and whether you have heard enough to decide.",
  keys = { thought = "string", speak = "string", decided = "boolean", winner = "string" },
}

local opening = msg ("Host", "The motion is: " .. options.motion .. ". Pro begins.")
print (opening)
msghub ({ pro, con, judge }, opening, function ()
  for round = 1, options.rounds do
    local first, second, verdict = pro (), con (), judge () -- each hears those before it; nothing waits here
    print (first)
    print (second)
    print (verdict)
    if verdict.decided or round == options.rounds then
      print ("The winner is " .. verdict.winner .. ".")
      return
    end
  end
end)

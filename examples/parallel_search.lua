-- SPDX-License-Identifier: Apache-2.0
--
-- A question, split among searchers that work at the same time, and an editor who makes one answer of what they found
-- (AgentScope section 6: agents that don't depend on each other run in parallel, without a change of the program).
--
--   troupe run -f examples/search.yaml examples/parallel_search.lua -- "Why is the sky blue?"
--   troupe run -f examples/search.yaml examples/parallel_search.lua -- --dist "Why is the sky blue?"

local question, dist, model = "Why is the sky blue?", false, "searcher"
local i = 1
while arg[i] do
  if arg[i] == "--dist" then dist = true
  elseif arg[i] == "--model" then model, i = arg[i + 1], i + 1
  else question = arg[i] end
  i = i + 1
end

local fields = { "Physics", "History", "Folklore" }
local searchers = {}
for n, field in ipairs (fields) do
  local prompt = "You look for what " .. field .. " knows about a question, and tell it in two sentences."
  searchers[n] = DialogAgent { name = field, model = model, prompt = prompt }
  if dist then searchers[n]:to_dist () end
end
local editor = DialogAgent { name = "Editor", model = model, prompt = "You make one short answer of several findings." }

local findings = pipeline.fanout (searchers, msg ("user", question)) -- placeholders: all search now
for _, finding in ipairs (findings) do
  print (finding)
end
print (editor (findings)) -- had it not been for the printing, it would have been asked before anything was found

-- SPDX-License-Identifier: Apache-2.0
--
-- A conversation between an assistant and the person at the terminal, until that says "exit" (AgentScope sections 7.1 and
-- 7.3). Any mesh will do that has the model:
--
--   troupe run -f examples/conversation/rehearsal.yaml examples/conversation.lua
--   troupe run -f examples/conversation/openai.yaml examples/conversation.lua -- --model gpt
--   troupe run -f examples/conversation/rehearsal.yaml examples/conversation.lua -- --dist
--
-- With --dist the assistant runs in a process of its own; nothing else changes.

local model, dist = "stand-in", false
for i, word in ipairs (arg) do
  if word == "--dist" then dist = true end
  if word == "--model" then model = arg[i + 1] end
end

local assistant = DialogAgent { name = "Assistant", model = model, prompt = "You are a helpful assistant." }
local user = UserAgent ()
if dist then assistant:to_dist () end

pipeline.whileloop ({ assistant, user }, function (_, x)
  return x == nil or x.text ~= "exit"
end)

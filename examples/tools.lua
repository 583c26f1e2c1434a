-- SPDX-License-Identifier: Apache-2.0
--
-- A clerk whose model calls functions of this program: one looks prices up, one adds. The model is told what each takes,
-- and what goes wrong with a call (ModelScope-Agent: a model as the controller of tools).
--
--   troupe run -f examples/tools.yaml examples/tools.lua -- "What do tea and bread cost?"

local question, model = "What do tea and bread cost?", "clerk"
local i = 1
while arg[i] do
  if arg[i] == "--model" then model, i = arg[i + 1], i + 1
  else question = arg[i] end
  i = i + 1
end

local prices = { tea = 4, bread = 3, cheese = 9 }

local look_up = tool {
  name = "look_up", description = "Tells the prices of things.",
  parameters = { what = { type = "string", description = "the things, with spaces between" } },
  run = function (x)
    local found = {}
    for thing in x.what:gmatch "%S+" do
      if not prices[thing] then return nil, "there is no " .. thing .. " on the list" end
      found[#found + 1] = thing .. ": " .. prices[thing]
    end
    return table.concat (found, "; ")
  end,
}

local add = tool {
  name = "add", description = "Adds whole numbers.",
  parameters = { numbers = { type = "string", description = "the numbers, with spaces between" } },
  run = function (x)
    local sum = 0
    for number in x.numbers:gmatch "%d+" do sum = sum + math.tointeger (tonumber (number)) end
    return sum
  end,
}

local clerk = DialogAgent { name = "clerk", model = model, prompt = "You tell customers what things cost.",
                            tools = { look_up, add } }
local reply = clerk (question)
for _, called in ipairs (reply.tools or {}) do
  print ("(" .. called.name .. (called.error and ": " .. called.error or "") .. ")")
end
print (reply)

-- SPDX-License-Identifier: Apache-2.0
--
-- Calls all the time, until a file is there: a counter, several calls at once, which must count each one once and in
-- order; alice, who counts her turns; and both in a hub, where the counter must hear what alice says, once. The first
-- thing that goes wrong, also a call that fails, ends it. Each round is told by a line.
-- Usage: troupe run load.lua -- STOP
local stop = arg[1]
local counter, alice = agent "counter", agent "alice"
local asked, heard, turn = 0, 0, 0

local function there (path)
  local file = io.open (path)
  return file and file:close ()
end

local function expect (reply)
  asked = asked + 1
  local wanted = ("asked %d, heard %d"):format (asked, heard)
  assert (reply.content == wanted, ("%s, not %s"):format (reply.content, wanted))
end

local function expect_turn (reply, words)
  turn = turn + 1
  local wanted = ("turn %d: %s"):format (turn, words)
  assert (reply.content == wanted, ("%s, not %s"):format (reply.content, wanted))
end

-- An agent's prompt grows with its turns, so alice is called now and then.
local round = 0
repeat
  round = round + 1
  local replies = {}
  for i = 1, 4 do replies[i] = counter ("count") end
  for i = 1, 4 do expect (replies[i]) end
  if round % 5 == 0 then
    expect_turn (alice (msg ("Tester", "round " .. round)), "round " .. round)
  end
  if round % 10 == 0 then
    local said
    msghub ({ alice, counter }, nil, function ()
      said = alice (msg ("Tester", "in the hub"))
      heard = heard + 1
      expect (counter ())
    end)
    expect_turn (said, "in the hub")
    turn = turn + 1 -- she hears the counter, which to her model is another's turn
  end
  print (("round %d"):format (round))
  io.flush ()
until there (stop)
print (("done: %d calls"):format (asked + turn))

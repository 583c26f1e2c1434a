-- SPDX-License-Identifier: Apache-2.0
--
-- While containers are killed, scaled, added and removed: one conversation with alice, in which she counts. Each call is
-- made after the last one's reply, so she must count 1, 2, 3 ... A call that is refused for the moment is made again: it
-- wasn't accepted, so it mustn't count.
local calls, alice = tonumber (arg[1]), agent "alice"
local refused = 0
for i = 1, calls do
  local reply, since
  repeat
    local good, result = pcall (function () return alice (msg ("Tester", "How many times have I spoken to you?")).content end)
    if good then
      reply = result
    else
      refused, since = refused + 1, since or os.time ()
      assert (os.time () - since < 45 and not tostring (result):find ("deadline"), result)
    end
  until good
  local count = reply:match ("spoken to me (%d+) times")
  assert (tonumber (count) == i, ("call %d: she says: %s"):format (i, reply))
  print (("call %d"):format (i))
  io.flush ()
end
print (("done: %d calls, %d refusals"):format (calls, refused))

-- SPDX-License-Identifier: Apache-2.0
--
-- Counts what it is asked, and what it hears: both last only if its state does.
local counter = {}

function counter:init ()
  self.state.asked, self.state.heard = 0, 0
end

function counter:reply (x)
  self.state.asked = self.state.asked + 1
  return ("asked %d, heard %d"):format (self.state.asked, self.state.heard)
end

function counter:observe (x)
  self.state.heard = self.state.heard + 1
end

return counter

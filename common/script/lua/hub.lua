-- SPDX-License-Identifier: Apache-2.0
--
-- msghub: the members of a group hear each other while the block runs. The hub is a variable that closes with its block,
-- so it ends in whatever way the block is left.

local native = ...

local hub_open = native.hub_open

function msghub (participants, announcement, body)
  if body == nil and type (announcement) == "function" then
    announcement, body = nil, announcement
  end
  if type (body) ~= "function" then
    native.fail ("msghub (participants, announcement, function (hub) ... end) expected")
  end
  if type (announcement) == "string" then
    native.fail ("the announcement is a message, such as msg (\"host\", \"Welcome!\"), or a list of them")
  end
  local services = native.services (participants)
  local hub <close> = hub_open (services, announcement)
  return body (hub)
end

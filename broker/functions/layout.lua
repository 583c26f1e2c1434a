#!lua name=troupe1
-- SPDX-License-Identifier: Apache-2.0
--
-- The ledger's side in Redis: every step that must be one, as a Redis Function. The files of this folder, one after
-- another in the order of broker/CMakeLists.txt, are one library, which the broker loads when it connects (see
-- ledger_library.c); it is its only user. ledger.h says what each step promises.
--
--   layout   this: what is stored, and where          accept   a call comes in
--   calls    one call: its keys, reading it           settle   a call ends; its outcome is asked for
--   notices  what brokers tell each other             attempts retry, claim, recall, inputs
--   turns    mailboxes: whose turn it is              brokers  sweep, recover, takeover, inbox, lease
--   rings    who waits for whom                       library  what Redis knows it by
--   ending   an outcome, and what follows from it
--
-- Everything of a session lies in one of 64 slots, whose hash tag is in every key:
--
--   troupe:{NN}:call:<session>|<id>           hash    a call (fields below); gone some time after it has settled
--   troupe:{NN}:open                          zset    names of unsettled calls, by the time when they must have settled
--   troupe:{NN}:actor:<session>|<service>     hash    running (an id), owner (an instance), epoch, memory (entries)
--   troupe:{NN}:mailbox:<session>|<service>   zset    calls that wait for their turn, the next one first
--   troupe:{NN}:memory:<session>|<service>    list    what an actor remembers, packed entries
--   troupe:{NN}:children:<session>|<id>       set     ids of the unsettled calls that this one made
--   troupe:{NN}:awaits:<session>|<id>         set     ids of other calls that its running attempt awaits
--   troupe:{NN}:users:<session>|<id>          set     ids of calls that this one is an input of, and that wait for it
--   troupe:{NN}:ending                        zset    settled calls from which more follows than one step may do
--   troupe:{NN}:inbox:<broker>                stream  what others tell this broker: kind, name
--   troupe:{NN}:sequence                      number  of calls accepted in this slot
--   troupe:brokers                            zset    the brokers of the mesh, by the time when their lease runs out
--
-- A call's name is "<session>|<id>". Fields of a call:
--
--   service, actor (1, 0), flags, path (ids of 16 bytes), trace
--   body       the input; once settled, the value or error
--   attempt    0 until its turn comes
--   deadline   ms, 0: none has started; default: its deadline from when its turn comes, ms
--   owner      the broker that offers it
--   sequence   its place in the order of acceptance
--   status, winner (the attempt that settled it): once settled
--   more       1: some of these are there as well
--     parent, under    a nested call's parent, and the attempt of it that made the call
--     order, keep      a nested call's root's sequence; the time until which its parent may ask for its outcome
--     base             how many attempts it had before it began anew
--     retryable        1: its outcome is an error that a later attempt of the parent does not get
--     inputs, missing  ids of the calls whose values it needs; 1 while some of those have not settled
--     refs             how many unsettled calls name it as an input
--     nested, awaits   1: it has made nested calls; it has awaited others
--     waiters          brokers that want to hear that it has settled, separated by NUL
--
-- Rules. A call has settled when it has a status. An unsettled call is in `open` and, an actor's, either the `running`
-- one (attempt above 0) or in the mailbox. A stateless call has its turn unless it misses inputs. Times are Redis's
-- own. Each function is called with one key, names the others itself, and stays within that key's slot (a Redis
-- Cluster refuses anything else). The work of a step is bounded: a batch, a mailbox's limit, or the waiting brokers.
--
-- What costs is each redis.call (about a microsecond beside its work) and each write that goes to the log: so a plain
-- call, with no parent, inputs or waiters, is accepted by five of them and settled by four, and the fields above that
-- are rare are read only when `more` says so.

-- A whole number as Redis wants it. (redis.call prints numbers by "%.17g", which costs more than the call itself.)
local function text (number)
  return string.format ('%d', number)
end

-- Grows with every change that other brokers of the same mesh would notice. A broker replaces a library of a lesser
-- revision, or of its own revision with other text, and leaves a greater one alone. (Revision 1 was never released:
-- what it stored is not read.)
local REVISION = 2
local DIGEST = '@DIGEST@'

local BATCH = 100 -- calls or notices a step: about a millisecond of Redis's time
local BATCH_BYTES = 4 * 1024 * 1024 -- of inputs or memory entries an answer; one is always given
local ENTRIES = 1000 -- memory entries an answer
local EDGES, NODES = 10000, 1000 -- seen, and looked into, in search of a ring: some milliseconds
local PREFIX_SIZE = 12 -- "troupe:{NN}:"
local ID_SIZE = 36
local RANK_SIZE = 16 -- of a sequence in a mailbox's member
local MEMBER_SIZE = RANK_SIZE + ID_SIZE -- of a member; one byte more marks a call with inputs
local MONTH = 30 * 24 * 3600 * 1000 -- ms: the longest deadline
local DEADLINE_UNIT = 1000 -- of a score in `open`: a whole number, below 2^53 (and so exact) until the year 2255
local FIRST_DEADLINE = '1000000000000000' -- in these units, 2001: below it lie sequences
local HOUR = '3600000' -- ms: how long an outcome is kept when nobody says

local VALUE, ERROR, CANCELLED = '1', '2', '3' -- troupe_status_t

-- redis.call isn't there yet while the library is loaded.
local function call (...)
  return redis.call (...)
end

local function now ()
  local time = call ('TIME')
  return time[1] * 1000 + math.floor (time[2] / 1000)
end

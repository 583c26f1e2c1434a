// SPDX-License-Identifier: Apache-2.0
//
// Limits: a script may neither take all memory nor keep its process from everything else, whatever it catches.

#include "unit/script/play.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void
expect (const char *text, const troupe_script_options_t *options, const char *part)
{
  char *trace;
  int status = play_with (text, options, &trace);
  cr_assert_eq (status, 1, "%d: %s", status, trace ? trace : "");
  cr_assert_not_null (strstr (trace, part), "%s", trace);
  free (trace);
}

Test (limits, end_a_script_that_never_waits)
{
  static const char *const scripts[] = {
    "while true do end",
    "while true do pcall (function () while true do end end) end",
    "local f = coroutine.wrap (function () while true do end end) f ()",
    "table.sort ({3, 2, 1}, function () while true do end end)",
    "local t = setmetatable ({}, {__index = function () while true do end end}) return t.x",
    "local x <close> = setmetatable ({}, {__close = function () while true do end end}) while true do end",
    "while true do coroutine.wrap (function () end) () end",
  };
  for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
    expect (scripts[i], &(troupe_script_options_t){.busy_ms = 100}, "too long without waiting");
}

Test (limits, let_a_script_compute_that_waits)
{
  char *trace;
  int status = play_with ("local start = os.clock ()\n"
                          "for i = 1, 60 do\n"
                          "  local t = os.clock ()\n"
                          "  while os.clock () - t < 0.02 do end\n"
                          "  sleep (0)\n"
                          "end\n",
                          &(troupe_script_options_t){.busy_ms = 1000}, &trace);
  cr_assert_eq (status, 0, "%s", trace ? trace : "");
}

Test (limits, hold_the_memory)
{
  static const char *const scripts[] = {
    "local t = {} while true do t[#t + 1] = ('x'):rep (1000) .. #t end",
    "local s = 'x' while true do s = s .. s end",
    "local t = {} while true do t[#t + 1] = msg ('a', 'b') end",
    "local t = {} while true do t[#t + 1] = coroutine.create (print) end",
  };
  for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
    expect (scripts[i], &(troupe_script_options_t){.memory_max = 4 * 1024 * 1024}, "memory");
}

Test (limits, let_a_script_catch_that_memory_is_short)
{
  char *trace;
  int status = play_with ("assert (not pcall (string.rep, 'x', 100000000))\n"
                          "assert (not pcall (function () local t = {} while true do t[#t + 1] = {} end end))\n"
                          "assert (#('x'):rep (1000) == 1000)\n",
                          &(troupe_script_options_t){.memory_max = 4 * 1024 * 1024}, &trace);
  cr_assert_eq (status, 0, "%s", trace ? trace : "");
}

// Every allocation of Lua's fails once: whatever it was for, an engine is made or isn't, a script runs or fails.
Test (limits, survive_every_amount_of_memory)
{
  static const char script[] = "local m = msg ('a', 'b', {metadata = {1, 2, {x = 'y'}}})\n"
                               "local ok, err = pcall (function () return agent 'x' (m):wait {timeout = 0} end)\n"
                               "local f = coroutine.wrap (function () sleep (0) coroutine.yield (m.metadata) end)\n"
                               "f ()\n"
                               "pcall (error, setmetatable ({}, {__tostring = function () return 'x' end}))\n"
                               "agent 'x' ():cancel ()\n"
                               "error (tostring (m))\n";
  for (size_t memory = 1024; memory < 256 * 1024; memory += 509)
    play_with (script, &(troupe_script_options_t){.memory_max = memory}, NULL);
}

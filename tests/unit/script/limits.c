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

// It ends well.
static void
expect_well (const char *text, const troupe_script_options_t *options)
{
  char *trace, why[1024];
  int status = play_with (text, options, &trace);
  snprintf (why, sizeof why, "%s", trace ? trace : "");
  free (trace);
  cr_assert_eq (status, 0, "%s", why);
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
  expect_well ("local start = os.clock ()\n"
               "for i = 1, 60 do\n"
               "  local t = os.clock ()\n"
               "  while os.clock () - t < 0.02 do end\n"
               "  sleep (0)\n"
               "end\n"
               "assert (os.clock () - start > 1)\n",
               &(troupe_script_options_t){.busy_ms = 1000});
}

// Time that only passes, because something else has the processor or the process is stopped, isn't the script's.
Test (limits, count_what_a_script_computes_and_not_the_time_that_passes)
{
  expect_well ("os.execute 'sleep 0.4'\n"
               "local t = os.clock ()\n"
               "while os.clock () - t < 0.1 do end\n",
               &(troupe_script_options_t){.busy_ms = 300});
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
  expect_well ("assert (not pcall (string.rep, 'x', 100000000))\n"
               "assert (not pcall (function () local t = {} while true do t[#t + 1] = {} end end))\n"
               "assert (#('x'):rep (1000) == 1000)\n",
               &(troupe_script_options_t){.memory_max = 4 * 1024 * 1024});
}

// Every allocation of Lua's fails once: whatever it was for, an engine is made or isn't, a script runs or fails.
// `script` ends by error 'end' with enough memory. Just below that, amounts are tried in small steps; before, in large.
static void
starve (const char *script)
{
  enum { FIRST = 1024, STEP = 509, NEAR = 4096, FINE = 7 };
  bool ended = false;
  size_t memory = FIRST;
  for (; !ended && memory < (size_t)1024 * 1024; memory += STEP) {
    char *trace;
    play_with (script, &(troupe_script_options_t){.memory_max = memory}, &trace);
    ended = trace && strstr (trace, ": end\n");
    free (trace);
  }
  cr_assert (ended, "%s", script);
  for (size_t less = memory - NEAR; less < memory; less += FINE)
    play_with (script, &(troupe_script_options_t){.memory_max = less}, NULL);
}

Test (limits, survive_every_amount_of_memory)
{
  starve ("local m = msg ('a', 'b', {metadata = {list = {1, 2, {x = 'y'}}}})\n"
          "local ok, err = pcall (function () return agent 'x' (m):wait {timeout = 0} end)\n"
          "local f = coroutine.wrap (function () sleep (0) coroutine.yield (m.metadata) end)\n"
          "f ()\n"
          "pcall (error, setmetatable ({}, {__tostring = function () return 'x' end}))\n"
          "agent 'x' ():cancel ()\n"
          "error 'end'\n");
}

// Memory is full, and then a little freer each time, so that each allocation of what is tried fails once.
Test (limits, lose_nothing_when_memory_is_short)
{
  static const char *const tries[] = {"form:parse '{\"a\": 1}'",
                                      "repair ('{\"a\": 1, }', 'object')",
                                      "msg ('a', 'b', {metadata = {list = {1, {x = 'y'}}}})",
                                      "parse.json {keys = {'a'}}",
                                      "json.encode (json.decode '{\"a\": [1, \"x\"]}')",
                                      "agent 'x' (m):wait {timeout = 0}",
                                      "agent 'x' {m, 'y'}"};
  for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
    char script[1024];
    snprintf (script, sizeof script,
              "local form, m, full, count, fine = parse.json {keys = {'a'}}, msg ('a', 'b'), {}, 0, 0\n"
              "local function try () return %s end\n"
              "try ()\n"
              "for i = 1, 2^16 do full[i] = false end\n"
              "pcall (function () while true do full[count + 1] = 'x' .. count count = count + 1 end end)\n"
              "for i = 1, 400 do\n"
              "  full[count], count = false, count - 1\n"
              "  collectgarbage ()\n"
              "  fine = fine + (pcall (try) and 1 or 0)\n"
              "end\n"
              "assert (fine > 0 and fine < 400, fine)\n",
              tries[i]);
    expect_well (script, &(troupe_script_options_t){.memory_max = 3 * 1024 * 1024});
  }
}

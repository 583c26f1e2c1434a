// SPDX-License-Identifier: Apache-2.0
//
// The rounds, and the ways in which memory comes to us other than by malloc and its kin (sim/scarcity.h): texts that the C
// library makes, and what other libraries create. Of these the linker sends each call to its __wrap_ twin here, which
// fails as the library does when it has no memory. (jansson allocates by a function of ours, error/reading.h.)

#define PCRE2_CODE_UNIT_WIDTH 8

#include "tests/unit/scarcity/scarce.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <pcre2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MAX = 100 * 1000 };

static unsigned round_now;
static bool struck; // before memory came back

// -- Rounds -------------------------------------------------------------------------------------------------------------

void
scarce_play (scarce_scene_fn *scene, const void *arg, unsigned least)
{
  bool reached = true;
  json_object_seed (1); // jansson's hash takes memory, too, and so the rounds must be alike
  for (round_now = 1; reached && round_now < ROUNDS_MAX; round_now++) {
    struck = false;
    scarcity_fail (round_now);
    scene (arg);
    scarcity_leave ();
    reached = scarce_struck ();
  }
  struck = false;
  scarcity_fail (0);
  cr_assert (!reached, "more than %u allocations", round_now);
  cr_assert_geq (round_now, least, "%u allocations", round_now - 2);
}

void
scarce_begin (void)
{
  scarcity_enter ();
}

void
scarce_end (void)
{
  scarcity_leave ();
}

bool
scarce_struck (void)
{
  return struck || scarcity_failed ();
}

void
scarce_relieve (void)
{
  struck = scarce_struck ();
  scarcity_fail (0);
}

void
scarce_expect (troupe_err_t err, const troupe_error_t *error)
{
  scarce_end ();
  cr_assert (err == TROUPE_OK || (err == TROUPE_NO_MEMORY && scarce_struck ()), "allocation %u fails: %s: %s",
             round_now, troupe_err_name (err), error ? error->why : "");
}

// -- What else takes memory ---------------------------------------------------------------------------------------------

int __wrap_asprintf (char **out, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
int __wrap_vasprintf (char **out, const char *format, va_list arguments) __attribute__ ((format (printf, 2, 0)));
FILE *__wrap_open_memstream (char **text, size_t *size);
FILE *__real_open_memstream (char **text, size_t *size);
int __real_vasprintf (char **out, const char *format, va_list arguments) __attribute__ ((format (printf, 2, 0)));

int
__wrap_vasprintf (char **out, const char *format, va_list arguments)
{
  if (!scarcity_strikes ())
    return __real_vasprintf (out, format, arguments);
  *out = (char *)8; // undefined, says its manual
  return -1;
}

int
__wrap_asprintf (char **out, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  int size = __wrap_vasprintf (out, format, arguments);
  va_end (arguments);
  return size;
}

FILE *
__wrap_open_memstream (char **text, size_t *size)
{
  if (!scarcity_strikes ())
    return __real_open_memstream (text, size);
  errno = ENOMEM;
  return NULL;
}

pcre2_code *__wrap_pcre2_compile_8 (PCRE2_SPTR pattern, PCRE2_SIZE size, uint32_t options, int *code, PCRE2_SIZE *at,
                                    pcre2_compile_context *context);
pcre2_code *__real_pcre2_compile_8 (PCRE2_SPTR pattern, PCRE2_SIZE size, uint32_t options, int *code, PCRE2_SIZE *at,
                                    pcre2_compile_context *context);
pcre2_match_data *__wrap_pcre2_match_data_create_from_pattern_8 (const pcre2_code *code,
                                                                 pcre2_general_context *context);
pcre2_match_data *__real_pcre2_match_data_create_from_pattern_8 (const pcre2_code *code,
                                                                 pcre2_general_context *context);
pcre2_match_data *__wrap_pcre2_match_data_create_8 (uint32_t size, pcre2_general_context *context);
pcre2_match_data *__real_pcre2_match_data_create_8 (uint32_t size, pcre2_general_context *context);
pcre2_match_context *__wrap_pcre2_match_context_create_8 (pcre2_general_context *context);
pcre2_match_context *__real_pcre2_match_context_create_8 (pcre2_general_context *context);

pcre2_code *
__wrap_pcre2_compile_8 (PCRE2_SPTR pattern, PCRE2_SIZE size, uint32_t options, int *code, PCRE2_SIZE *at,
                        pcre2_compile_context *context)
{
  if (!scarcity_strikes ())
    return __real_pcre2_compile_8 (pattern, size, options, code, at, context);
  *code = PCRE2_ERROR_HEAP_FAILED;
  *at = 0;
  return NULL;
}

pcre2_match_data *
__wrap_pcre2_match_data_create_from_pattern_8 (const pcre2_code *code, pcre2_general_context *context)
{
  return scarcity_strikes () ? NULL : __real_pcre2_match_data_create_from_pattern_8 (code, context);
}

pcre2_match_data *
__wrap_pcre2_match_data_create_8 (uint32_t size, pcre2_general_context *context)
{
  return scarcity_strikes () ? NULL : __real_pcre2_match_data_create_8 (size, context);
}

pcre2_match_context *
__wrap_pcre2_match_context_create_8 (pcre2_general_context *context)
{
  return scarcity_strikes () ? NULL : __real_pcre2_match_context_create_8 (context);
}

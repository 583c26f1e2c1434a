// SPDX-License-Identifier: Apache-2.0
//
// As much of Criterion as the unit tests of modules with threads use, for a program of its own under ThreadSanitizer,
// where Criterion itself aborts at its start. It comes before Criterion's in the include path there, so the tests'
// bodies are the same. What is missing here is a compiler's error there.
#ifndef TROUPE_THREADS_CRITERION_H
#define TROUPE_THREADS_CRITERION_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  void (*init) (void), (*fini) (void);
  int signal;
  double timeout;
} threads_options_t;

typedef struct threads_test {
  const char *suite, *name;
  void (*body) (void); // NULL: the options of a whole suite
  threads_options_t options;
  struct threads_test *next;
} threads_test_t;

void threads_add (threads_test_t *test);
// Prints it; ends the test's process if the failure is fatal.
void threads_failed (bool fatal, const char *file, int line, const char *text, const char *format, ...);

#define THREADS_ADD(suite, name)                                                                                       \
  __attribute__ ((constructor)) static void suite##_##name##_add (void)                                                \
  {                                                                                                                    \
    threads_add (&suite##_##name##_test);                                                                              \
  }
#define Test(suite, name, ...)                                                                                         \
  static void suite##_##name##_body (void);                                                                            \
  static threads_test_t suite##_##name##_test = {#suite, #name, suite##_##name##_body, {__VA_ARGS__}, NULL};           \
  THREADS_ADD (suite, name)                                                                                            \
  static void suite##_##name##_body (void)
#define TestSuite(suite, ...)                                                                                          \
  static threads_test_t suite##_whole_test = {#suite, "", NULL, {__VA_ARGS__}, NULL};                                  \
  THREADS_ADD (suite, whole)

#define THREADS_CHECK(fatal, holds, text, ...)                                                                         \
  do {                                                                                                                 \
    if (!(holds))                                                                                                      \
      threads_failed (fatal, __FILE__, __LINE__, text, "" __VA_ARGS__);                                                \
  } while (0)

#define cr_assert(holds, ...) THREADS_CHECK (true, holds, #holds, __VA_ARGS__)
#define cr_expect(holds, ...) THREADS_CHECK (false, holds, #holds, __VA_ARGS__)
#define cr_assert_not(holds, ...) THREADS_CHECK (true, !(holds), "not " #holds, __VA_ARGS__)
#define cr_expect_not(holds, ...) THREADS_CHECK (false, !(holds), "not " #holds, __VA_ARGS__)
#define cr_assert_fail(...) THREADS_CHECK (true, false, "failed", __VA_ARGS__)
#define cr_assert_null(a, ...) THREADS_CHECK (true, (a) == NULL, #a " is NULL", __VA_ARGS__)
#define cr_expect_null(a, ...) THREADS_CHECK (false, (a) == NULL, #a " is NULL", __VA_ARGS__)
#define cr_assert_not_null(a, ...) THREADS_CHECK (true, (a) != NULL, #a " is not NULL", __VA_ARGS__)
#define cr_expect_not_null(a, ...) THREADS_CHECK (false, (a) != NULL, #a " is not NULL", __VA_ARGS__)
#define cr_assert_eq(a, b, ...) THREADS_CHECK (true, (a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_expect_eq(a, b, ...) THREADS_CHECK (false, (a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...) THREADS_CHECK (true, (a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_expect_neq(a, b, ...) THREADS_CHECK (false, (a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...) THREADS_CHECK (true, (a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_expect_gt(a, b, ...) THREADS_CHECK (false, (a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...) THREADS_CHECK (true, (a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_expect_lt(a, b, ...) THREADS_CHECK (false, (a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...) THREADS_CHECK (true, (a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_expect_geq(a, b, ...) THREADS_CHECK (false, (a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...) THREADS_CHECK (true, (a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_expect_leq(a, b, ...) THREADS_CHECK (false, (a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) THREADS_CHECK (true, strcmp (a, b) == 0, #a " is " #b, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...) THREADS_CHECK (false, strcmp (a, b) == 0, #a " is " #b, __VA_ARGS__)
#define cr_expect_str_empty(a, ...) THREADS_CHECK (false, *(a) == '\0', #a " is empty", __VA_ARGS__)

#endif

// SPDX-License-Identifier: Apache-2.0
//
// JSON as a model writes it that errs in one way: a value as of a reply, and a text of it with that error, all from a
// seed. So what the text means is known.
#ifndef TESTS_UNIT_REPAIR_BROKEN_H
#define TESTS_UNIT_REPAIR_BROKEN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

// Each way to err, once: (CONSTANT, "name").
#define BROKEN_WAYS(X)                                                                                                 \
  X (SINGLE_QUOTES, "single quotes")                                                                                   \
  X (SMART_QUOTES, "typographic quotes")                                                                               \
  X (BACKTICKS, "backticks as quotes")                                                                                 \
  X (INNER_QUOTES, "quotes inside a text")                                                                             \
  X (UNQUOTED_KEYS, "keys without quotes")                                                                             \
  X (UNQUOTED_TEXTS, "texts without quotes")                                                                           \
  X (PYTHON_LITERALS, "literals of Python")                                                                            \
  X (PYTHON, "a dictionary of Python")                                                                                 \
  X (TRAILING_COMMAS, "a comma after the last")                                                                        \
  X (MISSING_COMMAS, "commas missing")                                                                                 \
  X (MISSING_COLONS, "colons missing")                                                                                 \
  X (COMMENTS, "comments")                                                                                             \
  X (RAW_BREAKS, "line breaks inside a text")                                                                          \
  X (ESCAPED, "every quote escaped")                                                                                   \
  X (CONCATENATED, "texts joined by plus signs")                                                                       \
  X (ODD_SPACE, "spaces that JSON does not know")                                                                      \
  X (UNCLOSED, "the last closers missing")                                                                             \
  X (SWAPPED, "the last closer exchanged")                                                                             \
  X (DOUBLED, "the last closer twice")                                                                                 \
  X (FENCED, "fenced")                                                                                                 \
  X (HALF_FENCED, "fenced, never closed")                                                                              \
  X (PROSE, "between prose")                                                                                           \
  X (FENCED_PROSE, "fenced, between prose")                                                                            \
  X (THOUGHT, "after a thought")                                                                                       \
  X (CALLED, "as the argument of a function")                                                                          \
  X (NO_OPENER, "without its first brace")                                                                             \
  X (CUT, "cut anywhere")

typedef enum {
#define BROKEN_ENUM(constant, name) BROKEN_##constant,
  BROKEN_WAYS (BROKEN_ENUM)
#undef BROKEN_ENUM
    BROKEN_COUNT
} broken_way_t;

const char *broken_name (broken_way_t way);
// An object as of a reply. A new reference.
json_t *broken_value (uint64_t *seed);
// What is written instead of it; the caller frees it. Some ways put their signs into the texts of the value first.
char *broken_text (uint64_t *seed, json_t *value, broken_way_t way);
// Whether `part` is `whole` as far as it came: members left out at the end, texts shortened, everything else equal.
// *leaves (may be NULL) counts what is there.
bool broken_is_part (json_t *part, json_t *whole, unsigned *leaves);

#endif

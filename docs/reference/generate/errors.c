// SPDX-License-Identifier: Apache-2.0
//
// The table of errors, and the one of their classes.

#include "generate/reference.h"

static const struct {
  const char *name;
  const char *meaning;
} classes[] = {
  [TROUPE_CLASS_NONE] = {"none", "no error"},
  [TROUPE_CLASS_CALLER] = {"caller", "the input is wrong: sending it again will fail again"},
  [TROUPE_CLASS_RETRYABLE] = {"retryable", "may succeed when sent again, after `retry_after_ms` if that is set"},
  [TROUPE_CLASS_PERMANENT] = {"permanent", "will not succeed again here, but the input may be right"},
  [TROUPE_CLASS_PEER] = {"peer", "the other side broke the protocol"},
};

void
reference_print_errors (FILE *out)
{
  fputs ("\n| class | what it tells the caller |\n|---|---|\n", out);
  for (size_t i = 1; i < sizeof classes / sizeof classes[0]; i++)
    fprintf (out, "| %s | %s |\n", classes[i].name, classes[i].meaning);
  fputs ("\n| error | class | exit code | meaning |\n|---|---|---|---|\n", out);
  for (int code = 1; code < TROUPE_ERR_COUNT; code++)
    fprintf (out, "| `%s` | %s | %d | %s |\n", troupe_err_name ((troupe_err_t)code),
             classes[troupe_err_class ((troupe_err_t)code)].name, troupe_err_exit ((troupe_err_t)code),
             troupe_err_text ((troupe_err_t)code));
  fputc ('\n', out);
}

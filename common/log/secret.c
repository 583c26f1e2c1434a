// SPDX-License-Identifier: Apache-2.0
//
// The secrets, searched at every byte of everything logged. Almost no byte begins a secret, so a table of first bytes
// answers for nearly all; the rest is a plain loop over the few secrets that a process has. Copies live as long as the
// process.

#include "log/secret.h"

#include <string.h>

static char *secrets[LOG_SECRETS_MAX];
static size_t sizes[LOG_SECRETS_MAX];
static size_t count;
static bool begins[256], all;

bool
log_secret_add (const char *value)
{
  size_t size = strlen (value);
  if (size < LOG_SECRET_MIN)
    return true;
  for (size_t i = 0; i < count; i++)
    if (strcmp (secrets[i], value) == 0)
      return true;
  char *copy = count < LOG_SECRETS_MAX ? strdup (value) : NULL;
  if (copy == NULL)
    return false;
  secrets[count] = copy;
  sizes[count++] = size;
  begins[(unsigned char)*value] = true;
  return true;
}

void
log_secret_hide_all (void)
{
  all = true;
}

bool
log_secret_hides_all (void)
{
  return all;
}

static size_t
longest_at (const char *text, size_t size)
{
  size_t longest = 0;
  if (size == 0 || !begins[(unsigned char)*text])
    return 0;
  for (size_t i = 0; i < count; i++)
    if (sizes[i] > longest && sizes[i] <= size && memcmp (secrets[i], text, sizes[i]) == 0)
      longest = sizes[i];
  return longest;
}

size_t
log_secret_at (const char *text, size_t size)
{
  size_t end = longest_at (text, size);
  for (size_t i = 1; i < end; i++) {
    size_t next = longest_at (text + i, size - i);
    if (i + next > end)
      end = i + next;
  }
  return end;
}

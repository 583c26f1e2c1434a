// SPDX-License-Identifier: Apache-2.0
//
// Inside the module: texts as values of a key's type.
#ifndef TROUPE_CONFIG_SCALAR_H
#define TROUPE_CONFIG_SCALAR_H

#include "config/key.h"
#include "config/report.h"

#include <stdint.h>

// The value of `text` for `key` (of any type but MAP, LIST and ANY), a new one. `shown` is what an error may quote of
// it. NULL: the reason is in `fault`, whose `why` is empty when there was no memory.
json_t *config_scalar (const config_key_t *key, const char *text, const char *shown, config_fault_t *fault);
// The value of a scalar whose type the schema leaves open: as in JSON when it is plain, a text when quoted.
json_t *config_scalar_any (const char *text, bool plain, config_fault_t *fault);

// 1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit.
bool config_name_check (const char *text, config_fault_t *fault);
// The bounds of INT, DURATION and SIZE keys; false: none.
bool config_scalar_bounds (const config_key_t *key, int64_t *least, int64_t *most);
// The words of an ENUM, NULL-terminated, in `words` (room for `max` + 1) and `buffer`.
void config_scalar_words (const config_key_t *key, const char **words, size_t max, char *buffer, size_t size);

#endif

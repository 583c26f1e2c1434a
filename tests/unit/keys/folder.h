// SPDX-License-Identifier: Apache-2.0
//
// A fresh directory for each test.
#ifndef TEST_KEYS_FOLDER_H
#define TEST_KEYS_FOLDER_H

#include "troupe/keys.h"

extern char folder[64];

void folder_open (void);
void folder_close (void);
// "<folder>/<name>", valid until the next call.
const char *folder_path (const char *name);
void folder_write (const char *name, const char *text);
// Makes a key there with rights as JSON, ' for ".
troupe_key_t folder_key (const char *name, const char *rights);

#endif

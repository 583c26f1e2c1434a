// SPDX-License-Identifier: Apache-2.0
//
// Identifiers: UUIDs of version 7 (RFC 9562 section 5.7), 16 bytes in a process and on the wire, 36 characters
// in JSON and for people. They sort by the time they were made (to the millisecond, then by a counter within
// this process), so a log sorted by id reads in order.
#ifndef TROUPE_ID_H
#define TROUPE_ID_H

#include <stdbool.h>
#include <stdint.h>

enum { TROUPE_ID_SIZE = 16, TROUPE_ID_TEXT_SIZE = 37 };

typedef struct {
  uint8_t bytes[TROUPE_ID_SIZE];
} troupe_id_t;

// A new id; strictly greater than the process's previous one. Thread-safe. Aborts if the kernel gives no
// random numbers (nothing that needs ids can go on).
troupe_id_t troupe_id_new (void);
// `text` receives 36 lower-case characters and a NUL.
void troupe_id_to_text (const troupe_id_t *id, char text[TROUPE_ID_TEXT_SIZE]);
// False unless `text` is 36 characters of the form 8-4-4-4-12 in hexadecimal (either case, any version).
bool troupe_id_of_text (troupe_id_t *out, const char *text);
bool troupe_id_equal (const troupe_id_t *a, const troupe_id_t *b);
bool troupe_id_is_zero (const troupe_id_t *id);

#endif

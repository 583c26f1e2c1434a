// SPDX-License-Identifier: Apache-2.0
//
// Base64 (RFC 4648, section 4), as data: URLs hold it.
#ifndef TROUPE_MODEL_BASE64_H
#define TROUPE_MODEL_BASE64_H

#include "model/bytes.h"

// Adds the text for these bytes; false when out of memory.
bool base64_encode (bytes_t *out, const void *data, size_t size);
// Adds the bytes of a text, up to the first character that is none of Base64's; false when out of memory.
bool base64_decode (bytes_t *out, const char *text);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Media are megabytes, so both ways go by blocks, and a character's value comes from a table that is made of the
// alphabet itself when it is needed.

#include "model/base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum { BLOCK = 3 * 1024 }; // bytes at a time: a whole number of threes

static size_t
encode_block (char *out, const unsigned char *data, size_t size)
{
  size_t length = 0;
  for (size_t i = 0; i < size; i += 3) {
    unsigned left = (unsigned)(size - i), bits = (unsigned)data[i] << 16;
    bits |= left > 1 ? (unsigned)data[i + 1] << 8 : 0;
    bits |= left > 2 ? data[i + 2] : 0;
    out[length++] = alphabet[bits >> 18];
    out[length++] = alphabet[bits >> 12 & 63];
    out[length++] = '=';
    out[length++] = '=';
    if (left > 1)
      out[length - 2] = alphabet[bits >> 6 & 63];
    if (left > 2)
      out[length - 1] = alphabet[bits & 63];
  }
  return length;
}

bool
base64_encode (bytes_t *out, const void *data, size_t size)
{
  char text[BLOCK / 3 * 4];
  const unsigned char *at = data;
  for (size_t piece; size > 0; at += piece, size -= piece) {
    piece = size < BLOCK ? size : BLOCK;
    if (!bytes_add (out, text, encode_block (text, at, piece)))
      return false;
  }
  return true;
}

bool
base64_decode (bytes_t *out, const char *text)
{
  signed char values[256];
  unsigned char bytes[BLOCK];
  unsigned bits = 0, count = 0;
  size_t size = 0;
  memset (values, -1, sizeof values);
  for (int i = 0; i < 64; i++)
    values[(unsigned char)alphabet[i]] = (signed char)i;
  for (; values[(unsigned char)*text] >= 0; text++) {
    bits = bits << 6 | (unsigned)values[(unsigned char)*text];
    count += 6;
    if (count < 8)
      continue;
    count -= 8;
    bytes[size++] = (unsigned char)(bits >> count);
    if (size == sizeof bytes && !bytes_add (out, bytes, size))
      return false;
    size %= sizeof bytes;
  }
  return size == 0 || bytes_add (out, bytes, size);
}

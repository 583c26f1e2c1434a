// SPDX-License-Identifier: Apache-2.0
//
// A message's content: text, or a list of blocks.
#ifndef TROUPE_MESSAGE_CONTENT_H
#define TROUPE_MESSAGE_CONTENT_H

#include "troupe/error.h"

// Whether `content` is of the form that "troupe/message.h" describes.
troupe_err_t content_check (const json_t *content, troupe_error_t *error);
// All its text in a new string of the caller's; NULL when out of memory.
char *content_text (const json_t *content);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// file: URLs, read from below one folder.
#ifndef TROUPE_MODEL_FILE_LINK_H
#define TROUPE_MODEL_FILE_LINK_H

#include "model/bytes.h"

// Adds the file's bytes, at most `most`. `folder` is a real path. permission: the file isn't there, or not below the
// folder: which of the two isn't told. bad_message: it is no regular file, or too large, or the URL is wrong.
troupe_err_t file_link_read (const char *folder, const char *url, size_t most, bytes_t *out, troupe_error_t *error);

#endif

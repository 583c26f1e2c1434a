// SPDX-License-Identifier: Apache-2.0
//
// Inside the module: key files, as YAML of a few known members.
#ifndef KEYS_DOCUMENT_H
#define KEYS_DOCUMENT_H

#include "troupe/error.h"

// Whether `name` can be a key's.
bool document_name_valid (const char *name);
// Whether `text` is a key in Z85.
bool document_key_valid (const char *text);
// Reads a file of at most 64 KiB: a new object of the caller's with the members that the file gives, each of its type.
// not_found, io, bad_config, no_memory.
troupe_err_t document_read (json_t **out, const char *path, troupe_error_t *error);
// Makes the object of rights (serves, calls, sessions, operator, broker) that `given` says, with every default. NULL: a
// member isn't of its type, whose name is then in *wrong, or out of memory (*wrong is NULL).
json_t *document_rights (const json_t *given, const char **wrong);
// Writes YAML: a comment, then the members. False: errno says why.
bool document_write (int fd, const char *comment, const json_t *members);

#endif

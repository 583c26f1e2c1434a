// SPDX-License-Identifier: Apache-2.0
//
// Inside the module: the errors of one configuration, collected.
#ifndef TROUPE_CONFIG_REPORT_H
#define TROUPE_CONFIG_REPORT_H

#include "troupe/error.h"

#include <stddef.h>

enum {
  CONFIG_ERRORS_MAX = 100,    // nobody reads on; a last line says that there may be more
  CONFIG_FILE_NAME_SIZE = 512 // of a longer path the end is shown
};

// A place in the file, counted from 1 in characters; a line of 0: the file as a whole.
typedef struct {
  size_t line, column;
} config_mark_t;

typedef struct {
  char file[CONFIG_FILE_NAME_SIZE]; // as it is shown: UTF-8 on one line, whatever the system's name is
  json_t *list;                     // of {"file", "line", "column", "path", "why", "hint"}
  size_t count;                     // of all errors, also those that the list has no room for
  bool no_memory;
} config_report_t;

// What is wrong with one value, before it is known where the value stands.
typedef struct {
  char why[TROUPE_ERROR_WHY_MAX];
  char hint[TROUPE_ERROR_NEXT_MAX];
} config_fault_t;

void config_report_init (config_report_t *self, const char *file);
// `path` and `hint` may be NULL. Texts are made one line and cut like those of an error record.
void config_report_add (config_report_t *self, config_mark_t mark, const char *path, const char *hint, const char *why,
                        ...) __attribute__ ((format (printf, 5, 6)));
// Orders the errors by their place.
void config_report_sort (config_report_t *self);
// The sum of it as a record: the first error, and how many more there are. `code` is that of the whole.
troupe_err_t config_report_sum (const config_report_t *self, troupe_err_t code, troupe_error_t *error);
// Sets a member; a failure is noted as being out of memory. Takes `value`, which may be NULL for the same reason.
void config_report_set (config_report_t *self, json_t *object, const char *key, json_t *value);

// Fills `self` and returns false, so that a check can end with it. `hint` may be NULL.
bool config_fault (config_fault_t *self, const char *hint, const char *why, ...)
  __attribute__ ((format (printf, 3, 4)));

#endif

// SPDX-License-Identifier: Apache-2.0
//
// A table of text in columns, each as wide as its widest cell. Cells are one line each; what others wrote in them is
// shown without control characters (output_text).
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stddef.h>
#include <stdio.h>

enum { TABLE_COLUMNS_MAX = 8 };

typedef struct {
  char **cells; // row after row
  size_t rows, columns;
  size_t widths[TABLE_COLUMNS_MAX];
} table_t;

// `heads` are the first row, `columns` of them (at most TABLE_COLUMNS_MAX).
void table_init (table_t *self, const char *const *heads, size_t columns);
// A row; its texts are copied. A row that there is no memory for is left out.
void table_add (table_t *self, const char *const *cells);
// Prints it, unless there are only heads.
void table_print (const table_t *self, FILE *file);
void table_free (table_t *self);

#endif

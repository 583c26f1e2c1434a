// SPDX-License-Identifier: Apache-2.0
//
// Tables (table.h). Widths are bytes: service names and the like are ASCII.
#include "cli/table.h"

#include "cli/output.h"

#include <stdlib.h>
#include <string.h>

void
table_init (table_t *self, const char *const *heads, size_t columns)
{
  *self = (table_t){.columns = columns};
  table_add (self, heads);
}

void
table_add (table_t *self, const char *const *cells)
{
  char **grown = realloc (self->cells, (self->rows + 1) * self->columns * sizeof *grown);
  if (!grown)
    return;
  self->cells = grown;
  char **row = grown + self->rows * self->columns;
  for (size_t i = 0; i < self->columns; i++) {
    row[i] = strdup (cells[i]);
    size_t width = row[i] ? strlen (row[i]) : 0;
    if (width > self->widths[i])
      self->widths[i] = width;
  }
  self->rows++;
}

void
table_print (const table_t *self, FILE *file)
{
  for (size_t i = 0; self->rows > 1 && i < self->rows * self->columns; i++) {
    const char *cell = self->cells[i] ? self->cells[i] : "";
    bool last = (i + 1) % self->columns == 0;
    output_text (file, cell);
    if (last)
      fputc ('\n', file);
    else
      fprintf (file, "%*s", (int)(self->widths[i % self->columns] - strlen (cell) + 2), "");
  }
}

void
table_free (table_t *self)
{
  for (size_t i = 0; i < self->rows * self->columns; i++)
    free (self->cells[i]);
  free (self->cells);
  *self = (table_t){0};
}

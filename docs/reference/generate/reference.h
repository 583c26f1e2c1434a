// SPDX-License-Identifier: Apache-2.0
//
// The reference: pages, their generated parts, and the example messages of the protocol.
#ifndef REFERENCE_H
#define REFERENCE_H

#include "troupe/buffer.h"
#include "troupe/wire.h"

// -- Pages -----------------------------------------------------------------------------------------------------------

// The pages that have generated parts, as paths within the source tree; ends with NULL.
extern const char *const reference_pages[];

// Prints a page with its parts generated anew. not_found (no such file, or a part that nobody generates), bad_message
// (a part without an end), io, no_memory.
troupe_err_t reference_render (const char *path, FILE *out, troupe_error_t *error);
// Writes a page, if it differs from what is there.
troupe_err_t reference_write (const char *path, bool *changed, troupe_error_t *error);
// Compares a page with what would be written: *same.
troupe_err_t reference_compare (const char *path, bool *same, troupe_error_t *error);
// Prints the part of this name; false when there is none.
bool reference_print_part (const char *name, FILE *out);

// -- Examples --------------------------------------------------------------------------------------------------------

enum { EXAMPLE_BODIES_MAX = 3 };

typedef struct {
  const char *name; // "hello"; part "example hello" shows it
  const char *what; // a line on it
  void (*fill) (troupe_header_t *header);
  const char *bodies[EXAMPLE_BODIES_MAX + 1]; // as JSON, packed one after the other; all but the first are memory
                                              // entries, whose sizes go into the header
} example_t;

extern const example_t examples[];
extern const size_t examples_count;

// Encodes an example: its header into `bytes`, its body into a new buffer.
troupe_err_t example_encode (const example_t *self, void *bytes, size_t *size, troupe_buffer_t **body,
                             troupe_error_t *error);

// -- Parts (see parts.c) ---------------------------------------------------------------------------------------------

void reference_print_commands (FILE *out);
void reference_print_minors (FILE *out);
void reference_print_fields (FILE *out);
void reference_print_statuses (FILE *out);
void reference_print_errors (FILE *out);
void reference_print_dictionary (FILE *out);
void reference_print_process_metrics (FILE *out);
void reference_print_broker_metrics (FILE *out);
void reference_print_node_metrics (FILE *out);
void reference_print_model_metrics (FILE *out);
void reference_print_agent_metrics (FILE *out);
void reference_print_queues (FILE *out);
void reference_print_example (const example_t *example, FILE *out);
void reference_print_joined (const example_t *example, FILE *out);
void reference_print_run (FILE *out); // of two of the examples
// What the type of models takes; false: there is no such type.
bool reference_print_provider (const char *type, FILE *out);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Inside the module: ${NAME} in scalars.
#ifndef TROUPE_CONFIG_EXPAND_H
#define TROUPE_CONFIG_EXPAND_H

#include "config/node.h"

// The scalar's text with its variables replaced, a new string; *expanded tells whether there were any. NULL: the errors
// are in `report`, or it is out of memory.
char *config_expand (const config_node_t *node, const char *path, bool *expanded, config_report_t *report);

// The reference that a secret's text consists of, "${NAME}" or "${NAME:-}", without any default: a new string. NULL:
// the text is, or holds, something that must not be shown; or out of memory.
char *config_expand_reference (const char *text);

#endif

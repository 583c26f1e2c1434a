// SPDX-License-Identifier: Apache-2.0
//
// What AgentScope's configurations of models and of agents have in common: a file of JSON that a key of ours names,
// whose parts become parts of our tree.
#ifndef TROUPE_CONFIG_AGENTSCOPE_H
#define TROUPE_CONFIG_AGENTSCOPE_H

#include "config/config.h"

// The list in the file that `key` names, a new one; an object alone is a list of it. NULL: the key isn't there, or the
// file is wrong, which is reported.
json_t *agentscope_read (troupe_config_t *self, const char *key, config_report_t *report);
// A value as it is written in our files.
json_t *agentscope_quote (const json_t *value);
// Reports what is wrong with item i.
void agentscope_wrong (const troupe_config_t *self, const char *key, size_t i, config_report_t *report,
                       const char *why);
// Puts parts, written as in a file of ours, beside those that are in `section`.
void agentscope_merge (troupe_config_t *self, const char *key, const char *section, const json_t *parts,
                       config_report_t *report);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// A player's tasks: each goes through the steps of its input (see main.c).
#ifndef TROUPE_BLACKBOX_PLAY_H
#define TROUPE_BLACKBOX_PLAY_H

#include "troupe/node.h"

#include <stdio.h>

void play_begin (troupe_node_t *node, const char *name);
troupe_serve_fn play_serve;
// Those that hold at this word go on.
void play_go (const char *word);
// A line on standard output, at once.
void play_print (const char *format, ...) __attribute__ ((format (printf, 1, 2)));

#endif

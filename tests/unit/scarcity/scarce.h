// SPDX-License-Identifier: Apache-2.0
//
// Scenes in which memory runs out: each is played again and again, and each time another allocation fails, until none
// is left. It must never crash, never leak (the sanitizer tells), and say that memory ran out, or come out right
// nevertheless.
#ifndef TESTS_UNIT_SCARCITY_SCARCE_H
#define TESTS_UNIT_SCARCITY_SCARCE_H

#include "sim/scarcity.h"
#include "troupe/error.h"

#include <stdbool.h>

// What is tested runs between scarce_begin and scarce_end; only there do allocations fail.
typedef void (scarce_scene_fn) (const void *arg);

// Plays it; fails when it needs fewer than `least` allocations, for then it doesn't do what it should.
void scarce_play (scarce_scene_fn *scene, const void *arg, unsigned least);
void scarce_begin (void);
void scarce_end (void);
// Whether an allocation has failed by now in this round.
bool scarce_struck (void);
// For the rest of the round there is memory, as if none had failed: for what must come right again.
void scarce_relieve (void);
// The outcome of a scene is right: TROUPE_OK, or `no_memory` once an allocation has failed.
void scarce_expect (troupe_err_t err, const troupe_error_t *error);

#endif

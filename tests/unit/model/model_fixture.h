// SPDX-License-Identifier: Apache-2.0
//
// A model without an engine, for the functions of its provider.
#ifndef TROUPE_TESTS_MODEL_FIXTURE_H
#define TROUPE_TESTS_MODEL_FIXTURE_H

#include "model/provider.h"

// A model of that configuration (JSON text); it must be right.
troupe_model_t *fixture_model (const char *config);

#endif

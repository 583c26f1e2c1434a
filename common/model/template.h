// SPDX-License-Identifier: Apache-2.0
//
// Templates: texts with {{...}} in them, which a rehearsal says. What may stand between the braces is listed in
// docs/reference/rehearsal.md; "{{{{" is two braces.
#ifndef TROUPE_MODEL_TEMPLATE_H
#define TROUPE_MODEL_TEMPLATE_H

#include "config/report.h"
#include "model/bytes.h"
#include "model/scene.h"

enum {
  TEMPLATE_RESULT_MAX = 1024 * 1024, // a text of a million characters is no reply of a model's
  TEMPLATE_SHORT_MAX = 200           // characters that {{last.short}} quotes
};

// What a rule's templates may quote.
typedef struct {
  size_t groups;       // of `last`: {{0}} is there when it is 1 or more
  size_t heard_groups; // of `heard`; with `heard`, {{heard}} is there
  bool heard;
} template_scope_t;

bool template_check (const char *text, const template_scope_t *scope, config_fault_t *fault);

// Appends the text for a scene. `rule` and `salt` tell the choices of one text from those of another. False: out of
// memory, or longer than TEMPLATE_RESULT_MAX; `out->size` tells which.
bool template_expand (const char *text, const scene_t *scene, uint64_t rule, uint64_t salt, bytes_t *out);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Services and their instances: who serves what, and with how much credit.
#ifndef BROKER_REGISTRY_H
#define BROKER_REGISTRY_H

#include "broker/state.h"

void registry_on_register (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body);
void registry_on_unregister (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body);
void registry_on_grant (broker_core_t *core, peer_t *peer, const troupe_header_t *header, troupe_buffer_t *body);

// -- Services --------------------------------------------------------------------------------------------------------

// The service of that name, also one that nobody serves any more but calls still refer to; NULL: none.
service_t *registry_find (const broker_core_t *core, troupe_text_t name);
// The same, made if need be; it must be released. NULL: `error` says why (bad_argument, overloaded, no_memory).
service_t *registry_take (broker_core_t *core, troupe_text_t name, troupe_error_t *error);
// A call refers to it no more.
void registry_release (broker_core_t *core, service_t *service);
// Frees it, unless an instance serves it or a call refers to it.
void registry_drop_unused (broker_core_t *core, service_t *service);
// `unknown_service`, naming the nearest that is there.
troupe_err_t registry_unknown (broker_core_t *core, const char *name, troupe_error_t *error);

// -- Instances -------------------------------------------------------------------------------------------------------

// The peer's instance that serves `service`; NULL: none.
instance_t *registry_instance (const peer_t *peer, const service_t *service);
// Ends an instance: no more offers, and what it runs is lost. `died`: it may have died, and how that was seen; NULL: it
// left.
void registry_end (broker_core_t *core, instance_t *instance, const char *event, const char *died);
// Ends an instance that runs nothing, without telling anybody.
void registry_forget (broker_core_t *core, instance_t *instance);
// Gives the credit of a call back that the instance ran.
void registry_return (broker_core_t *core, call_t *call);

// Whether one of its instances wants to hear at once what is said in hubs.
bool registry_is_live (const service_t *service);

// What stands for an instance's name where names are compared. It is keyed, so nobody can choose two that are the same.
uint64_t registry_identity (const broker_core_t *core, const char *name);

#endif

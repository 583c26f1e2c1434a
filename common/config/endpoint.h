// SPDX-License-Identifier: Apache-2.0
//
// Inside the module: ZeroMQ endpoints, URLs and Redis's addresses.
#ifndef TROUPE_CONFIG_ENDPOINT_H
#define TROUPE_CONFIG_ENDPOINT_H

#include "config/report.h"

enum {
  CONFIG_HOST_MAX = 255,   // RFC 1035 section 2.3.4
  CONFIG_SOCKET_MAX = 107, // bytes of a unix socket's path: sun_path less the NUL
  CONFIG_ENDPOINT_SIZE = 384
};

typedef struct {
  const char *path;               // of ipc://, in the text that was parsed; NULL: tcp
  char host[CONFIG_HOST_MAX + 1]; // of tcp: as written, brackets included
  unsigned port;                  // 0: any free one
} config_endpoint_t;

bool config_endpoint_parse (config_endpoint_t *out, const char *text, config_fault_t *fault);
// Where a broker binds: as an endpoint's host, or "*".
bool config_bind_parse (config_endpoint_t *out, const char *text, config_fault_t *fault);
// Whether only this machine can reach it.
bool config_endpoint_is_local (const config_endpoint_t *self);
// "tcp://host:port" in the form in which ZeroMQ takes it: localhost is an address.
void config_endpoint_print (const config_endpoint_t *self, char out[CONFIG_ENDPOINT_SIZE]);

// "host:port" to listen on, "*" for every address; port 0 for a free one.
bool config_address_check (const char *text, config_fault_t *fault);
bool config_url_check (const char *text, config_fault_t *fault);
bool config_redis_check (const char *text, config_fault_t *fault);
bool config_socket_check (const char *path, config_fault_t *fault);

#endif

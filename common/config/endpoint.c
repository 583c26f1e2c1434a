// SPDX-License-Identifier: Apache-2.0
//
// Addresses are checked by their form only: nothing is resolved or connected to, so a configuration is judged the same
// on every machine.

#include "config/endpoint.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_MAX = 65535, PORT_DIGITS = 5 };

static const char endpoint_hint[] = "write tcp://127.0.0.1:7100 or ipc:///run/troupe/broker.ipc";
static const char redis_hint[] =
  "write redis://host:6379, redis+sentinel://host:26379,host:26379/name or unix:///run/redis.sock";

bool
config_socket_check (const char *path, config_fault_t *fault)
{
  size_t size = strlen (path);
  if (size == 0)
    return config_fault (fault, endpoint_hint, "the path of the socket is missing");
  if (size > CONFIG_SOCKET_MAX)
    return config_fault (fault, "choose a shorter path, relative ones count as written",
                         "the socket's path \"%s\" has %zu bytes, the system allows %d", path, size, CONFIG_SOCKET_MAX);
  return true;
}

// The port that is all of `text`; `star` permits "*", which is 0.
static bool
parse_port (unsigned *out, const char *text, bool star)
{
  size_t digits = strspn (text, "0123456789");
  if (star && strcmp (text, "*") == 0) {
    *out = 0;
    return true;
  }
  if (digits == 0 || digits > PORT_DIGITS || text[digits] != '\0')
    return false;
  *out = (unsigned)strtoul (text, NULL, 10);
  return *out >= 1 && *out <= PORT_MAX;
}

// A name, an IPv4 address, or an IPv6 address in brackets.
static bool
is_host (const char *text, size_t size)
{
  char copy[CONFIG_HOST_MAX + 1];
  struct in6_addr address;
  if (size == 0 || size > CONFIG_HOST_MAX)
    return false;
  snprintf (copy, sizeof copy, "%.*s", (int)size, text);
  if (copy[0] == '[' && copy[size - 1] == ']') {
    copy[size - 1] = '\0';
    return inet_pton (AF_INET6, copy + 1, &address) == 1;
  }
  for (size_t i = 0; i < size; i++)
    if (!isalnum ((unsigned char)copy[i]) && strchr ("-._", copy[i]) == NULL)
      return false;
  return true;
}

bool
config_endpoint_parse (config_endpoint_t *out, const char *text, config_fault_t *fault)
{
  *out = (config_endpoint_t){0};
  if (strncmp (text, "ipc://", 6) == 0) {
    out->path = text + 6;
    if (strcmp (out->path, "*") == 0)
      return config_fault (fault, "name a path", "others couldn't find a socket of any name");
    return config_socket_check (out->path, fault);
  }
  if (strncmp (text, "tcp://", 6) != 0)
    return config_fault (fault, endpoint_hint, "not an endpoint");
  const char *host = text + 6, *colon = strrchr (host, ':');
  if (colon == NULL || strchr (host, '/') != NULL || !parse_port (&out->port, colon + 1, true))
    return config_fault (fault, endpoint_hint, "a tcp endpoint ends with a port from 1 to %d", PORT_MAX);
  size_t size = (size_t)(colon - host);
  if (!(size == 1 && *host == '*') && !is_host (host, size))
    return config_fault (fault, endpoint_hint, "not a host");
  snprintf (out->host, sizeof out->host, "%.*s", (int)size, host);
  return true;
}

bool
config_bind_parse (config_endpoint_t *out, const char *text, config_fault_t *fault)
{
  *out = (config_endpoint_t){0};
  if (strcmp (text, "*") != 0 && !is_host (text, strlen (text)))
    return config_fault (fault, "write *, 0.0.0.0, 10.0.0.5 or eth0", "not an address, nor an interface");
  snprintf (out->host, sizeof out->host, "%s", text);
  return true;
}

bool
config_endpoint_is_local (const config_endpoint_t *self)
{
  struct in_addr address;
  struct in6_addr address6;
  char copy[CONFIG_HOST_MAX + 1];
  if (self->path != NULL || strcasecmp (self->host, "localhost") == 0)
    return true;
  if (inet_pton (AF_INET, self->host, &address) == 1)
    return ntohl (address.s_addr) >> 24 == 127;
  snprintf (copy, sizeof copy, "%.*s", (int)strcspn (self->host + 1, "]"), self->host + 1);
  return self->host[0] == '[' && inet_pton (AF_INET6, copy, &address6) == 1 && IN6_IS_ADDR_LOOPBACK (&address6);
}

void
config_endpoint_print (const config_endpoint_t *self, char out[CONFIG_ENDPOINT_SIZE])
{
  // ZeroMQ binds to addresses and interfaces, not to names.
  const char *host = strcasecmp (self->host, "localhost") == 0 ? "127.0.0.1" : self->host;
  if (self->path != NULL)
    snprintf (out, CONFIG_ENDPOINT_SIZE, "ipc://%s", self->path);
  else if (self->port == 0)
    snprintf (out, CONFIG_ENDPOINT_SIZE, "tcp://%s:*", host);
  else
    snprintf (out, CONFIG_ENDPOINT_SIZE, "tcp://%s:%u", host, self->port);
}

bool
config_address_check (const char *text, config_fault_t *fault)
{
  unsigned port;
  const char *colon = strrchr (text, ':');
  size_t size = colon != NULL ? (size_t)(colon - text) : 0;
  bool good = colon != NULL && (strcmp (colon, ":0") == 0 || parse_port (&port, colon + 1, false)) &&
              ((size == 1 && *text == '*') || is_host (text, size));
  return good || config_fault (fault, "write host:port, such as 127.0.0.1:9464, or *:9464 for every address",
                               "not an address to listen on");
}

// A host with or without a port, all of `text`.
static bool
is_authority (const char *text)
{
  unsigned port;
  const char *bracket = strrchr (text, ']'), *colon = strrchr (bracket != NULL ? bracket : text, ':');
  size_t size = colon != NULL ? (size_t)(colon - text) : strlen (text);
  return is_host (text, size) && (colon == NULL || parse_port (&port, colon + 1, false));
}

bool
config_url_check (const char *text, config_fault_t *fault)
{
  size_t scheme = strncmp (text, "http://", 7) == 0 ? 7 : strncmp (text, "https://", 8) == 0 ? 8 : 0;
  char authority[CONFIG_HOST_MAX + 16];
  size_t size = strcspn (text + scheme, "/?#");
  if (scheme == 0)
    return config_fault (fault, "write https://host/path", "not an http:// or https:// URL");
  snprintf (authority, sizeof authority, "%.*s", (int)(size < sizeof authority ? size : sizeof authority),
            text + scheme);
  if (strchr (authority, '@') != NULL)
    return config_fault (fault, "give keys in api_key", "an URL must not hold credentials, because URLs are logged");
  if (size >= sizeof authority || !is_authority (authority))
    return config_fault (fault, "write https://host/path", "the URL's host is malformed");
  if (strpbrk (text, "?#") != NULL)
    return config_fault (fault, NULL, "the URL can't have a query or a fragment, because a path is appended to it");
  for (const char *at = text; *at != '\0'; at++)
    if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7F)
      return config_fault (fault, "write it as %XX", "a character that can't stand in an URL");
  return true;
}

// Behind the scheme: a user, hosts (of Sentinels: several), and, behind a slash, the master's name, and the database.
static bool
check_places (const char *text, bool sentinels, config_fault_t *fault)
{
  char authority[CONFIG_HOST_MAX + 16];
  const char *at = strchr (text, '@');
  if (at != NULL && memchr (text, ':', (size_t)(at - text)) != NULL)
    return config_fault (fault, "give it in store.password",
                         "the address must not hold a password, because it is logged");
  const char *host = at != NULL ? at + 1 : text, *end = host + strcspn (host, "/");
  for (size_t size; host <= end; host += size + 1) {
    size = sentinels ? strcspn (host, ",/") : (size_t)(end - host);
    snprintf (authority, sizeof authority, "%.*s", (int)(size < sizeof authority ? size : sizeof authority), host);
    if (size >= sizeof authority || !is_authority (authority))
      return config_fault (fault, redis_hint, "the host or port of %s is malformed",
                           sentinels ? "a Sentinel" : "Redis");
  }
  const char *database = *end == '/' ? end + 1 : "";
  if (sentinels && strcspn (database, "/") == 0)
    return config_fault (fault, redis_hint, "there is no /name behind the Sentinels, by which they know the master");
  if (sentinels) {
    database += strcspn (database, "/");
    database += *database == '/';
  }
  if (strspn (database, "0123456789") != strlen (database) || strlen (database) > PORT_DIGITS)
    return config_fault (fault, redis_hint, "the database of Redis must be a number");
  return true;
}

bool
config_redis_check (const char *text, config_fault_t *fault)
{
  static const char network[] = "redis://", sentinels[] = "redis+sentinel://";
  if (strncmp (text, "unix://", 7) == 0)
    return config_socket_check (text + 7, fault);
  if (strncmp (text, "rediss://", 9) == 0)
    return config_fault (fault, redis_hint, "TLS to Redis isn't supported");
  if (strncmp (text, sentinels, sizeof sentinels - 1) == 0)
    return check_places (text + sizeof sentinels - 1, true, fault);
  if (strncmp (text, network, sizeof network - 1) != 0)
    return config_fault (fault, redis_hint, "not an address of Redis");
  return check_places (text + sizeof network - 1, false, fault);
}

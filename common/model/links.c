// SPDX-License-Identifier: Apache-2.0
//
// Which addresses are public is IANA's registries of special-purpose addresses (RFC 6890 and its updates), as a table.
// An IPv6 address that stands for an IPv4 one (mapped, NAT64, 6to4) is judged as that one, else it would be a way
// around the table. What is judged is the address that a connection goes to, not the name in a URL: a name may mean
// another address a moment later.

#include "model/links.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { V4_SIZE = 4, V6_SIZE = 16 };

struct network {
  unsigned char bytes[V6_SIZE];
  size_t size; // V4_SIZE or V6_SIZE
  unsigned bits;
};

static const char *const not_public[] = {
  "0.0.0.0/8",    "10.0.0.0/8",   "100.64.0.0/10",  "127.0.0.0/8",   "169.254.0.0/16",  "172.16.0.0/12",
  "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
  "224.0.0.0/4",  "240.0.0.0/4",  "::/96",          "100::/64",      "2001::/23",       "2001:db8::/32",
  "fc00::/7",     "fe80::/10",    "fec0::/10",      "ff00::/8",
};

// Where an IPv4 address stands within an IPv6 one.
static const struct {
  const char *network;
  size_t offset;
} within[] = {{"::ffff:0:0/96", 12}, {"64:ff9b::/96", 12}, {"2002::/16", 2}};

// -- Networks --------------------------------------------------------------------------------------------------------

// An address with or without "/bits".
static bool
parse (network_t *out, const char *text)
{
  char address[INET6_ADDRSTRLEN + 1];
  size_t size = strcspn (text, "/");
  if (size >= sizeof address)
    return false;
  memcpy (address, text, size);
  address[size] = 0;
  out->size = strchr (address, ':') ? V6_SIZE : V4_SIZE;
  if (inet_pton (out->size == V6_SIZE ? AF_INET6 : AF_INET, address, out->bytes) != 1)
    return false;
  out->bits = (unsigned)out->size * 8;
  if (!text[size])
    return true;
  const char *digits = text + size + 1;
  size_t count = strspn (digits, "0123456789");
  unsigned long bits = strtoul (digits, NULL, 10);
  if (count == 0 || count > 3 || digits[count] || bits > out->bits)
    return false;
  out->bits = (unsigned)bits;
  return true;
}

static bool
holds (const network_t *self, const unsigned char *bytes, size_t size)
{
  if (size != self->size)
    return false;
  unsigned whole = self->bits / 8, rest = self->bits % 8;
  if (memcmp (bytes, self->bytes, whole) != 0)
    return false;
  return rest == 0 || (bytes[whole] ^ self->bytes[whole]) >> (8 - rest) == 0;
}

static bool
text_holds (const char *text, const unsigned char *bytes, size_t size)
{
  network_t network;
  return parse (&network, text) && holds (&network, bytes, size);
}

static bool
is_public (const unsigned char *bytes, size_t size)
{
  for (size_t i = 0; i < sizeof not_public / sizeof *not_public; i++)
    if (text_holds (not_public[i], bytes, size))
      return false;
  return true;
}

bool
links_allow (const links_t *self, const struct sockaddr *address)
{
  unsigned char bytes[V6_SIZE];
  size_t size = address->sa_family == AF_INET ? V4_SIZE : V6_SIZE;
  if (address->sa_family == AF_INET)
    memcpy (bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr, size);
  else if (address->sa_family == AF_INET6)
    memcpy (bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, size);
  else
    return false;
  for (size_t i = 0; i < sizeof within / sizeof *within; i++)
    if (size == V6_SIZE && text_holds (within[i].network, bytes, size)) {
      size = V4_SIZE;
      memmove (bytes, bytes + within[i].offset, size);
    }
  if (is_public (bytes, size))
    return true;
  for (size_t i = 0; i < self->network_count; i++)
    if (holds (&self->networks[i], bytes, size))
      return true;
  return false;
}

// -- The configuration -----------------------------------------------------------------------------------------------

static troupe_err_t
read_networks (links_t *self, const json_t *list, troupe_error_t *error)
{
  size_t count = json_array_size (list);
  self->networks = count ? calloc (count, sizeof *self->networks) : NULL;
  if (count && !self->networks)
    return troupe_error_set (error, TROUPE_NO_MEMORY, NULL, NULL, "no memory for a model");
  for (; self->network_count < count; self->network_count++) {
    const char *text = json_string_value (json_array_get (list, self->network_count));
    if (!text || !parse (&self->networks[self->network_count], text))
      return troupe_error_set (error, TROUPE_BAD_CONFIG, NULL, "a network is 10.1.0.0/16, fd00::/8 or one address",
                               "private_networks[%zu]: it is no network", self->network_count);
  }
  return TROUPE_OK;
}

troupe_err_t
links_read (links_t *self, const json_t *config, troupe_error_t *error)
{
  const char *mode = json_string_value (json_object_get (config, "links"));
  const char *files = json_string_value (json_object_get (config, "files"));
  self->mode = !mode || strcmp (mode, "auto") == 0 ? LINKS_AUTO
               : strcmp (mode, "fetch") == 0       ? LINKS_FETCH
                                                   : LINKS_PASS;
  if (files && !(self->files = realpath (files, NULL)))
    return troupe_error_set (error, TROUPE_BAD_CONFIG, NULL, NULL, "files: %s: %s", files, strerror (errno));
  return read_networks (self, json_object_get (config, "private_networks"), error);
}

void
links_clear (links_t *self)
{
  free (self->networks);
  free (self->files);
  *self = (links_t){0};
}

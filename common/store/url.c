// SPDX-License-Identifier: Apache-2.0
//
// Parsing of the store's url, by hand: it is cut from the left (scheme, user) and from the right (db, port), so that
// what remains is the host. Everything odd is an error that says what is odd; nothing is guessed.

#include "store/url.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define EXAMPLE "write redis://host:port or unix:///path/to/redis.sock"

// What is left to parse: [at, end).
typedef struct {
  const char *url;
  const char *at, *end;
  troupe_error_t *error;
} parser_t;

static troupe_err_t
bad (const parser_t *parser, const char *why)
{
  return troupe_error_set (parser->error, TROUPE_BAD_ARGUMENT, parser->url, EXAMPLE, "%s", why);
}

static troupe_err_t
copy (const parser_t *parser, char **out, const char *from, const char *to)
{
  *out = strndup (from, (size_t)(to - from));
  if (*out == NULL)
    return troupe_error_set (parser->error, TROUPE_NO_MEMORY, parser->url, NULL, "no memory for the url");
  return TROUPE_OK;
}

// Whether [from, to) is a number of at most `max`.
static bool
is_number (const char *from, const char *to, long max)
{
  long value = 0;
  if (from == to || to - from > 9)
    return false;
  for (const char *at = from; at < to; at++) {
    if (*at < '0' || *at > '9')
      return false;
    value = value * 10 + (*at - '0');
  }
  return value <= max;
}

static troupe_err_t
parse_path (parser_t *parser, store_url_t *out)
{
  size_t size = (size_t)(parser->end - parser->at);
  if (size == 0)
    return bad (parser, "there is no path after unix://");
  if (size >= sizeof ((struct sockaddr_un *)0)->sun_path)
    return bad (parser, "the path is longer than the 107 bytes that the system allows for a unix socket");
  return copy (parser, &out->path, parser->at, parser->end);
}

static troupe_err_t
parse_user (parser_t *parser, store_url_t *out)
{
  const char *at_sign = memrchr (parser->at, '@', (size_t)(parser->end - parser->at));
  if (at_sign == NULL)
    return TROUPE_OK;
  if (memchr (parser->at, ':', (size_t)(at_sign - parser->at)) != NULL)
    return troupe_error_set (parser->error, TROUPE_BAD_ARGUMENT, "store url", "give it as store.password",
                             "a password may not stand in the url, because urls are logged");
  const char *user = parser->at;
  parser->at = at_sign + 1;
  return user == at_sign ? bad (parser, "the user before @ is empty") : copy (parser, &out->user, user, at_sign);
}

static troupe_err_t
parse_db (parser_t *parser, store_url_t *out)
{
  const char *slash = memchr (parser->at, '/', (size_t)(parser->end - parser->at));
  if (slash == NULL)
    return TROUPE_OK;
  const char *db = slash + 1, *end = parser->end;
  parser->end = slash;
  if (db == end)
    return TROUPE_OK;
  if (!is_number (db, end, 1000 * 1000))
    return bad (parser, "what follows the / must be the number of a database");
  return copy (parser, &out->db, db, end);
}

static troupe_err_t
parse_port (parser_t *parser, store_url_t *out)
{
  static const char standard[] = "6379";
  const char *bracket = memrchr (parser->at, ']', (size_t)(parser->end - parser->at));
  const char *from = bracket != NULL ? bracket : parser->at;
  const char *colon = memrchr (from, ':', (size_t)(parser->end - from));
  if (colon == NULL)
    return copy (parser, &out->port, standard, standard + sizeof standard - 1);
  const char *port = colon + 1, *end = parser->end;
  parser->end = colon;
  if (!is_number (port, end, 65535))
    return bad (parser, "the port must be a number from 0 to 65535");
  return copy (parser, &out->port, port, end);
}

static troupe_err_t
parse_host (parser_t *parser, store_url_t *out)
{
  const char *from = parser->at, *to = parser->end;
  if (from >= to)
    return bad (parser, "there is no host");
  if (*from != '[') {
    if (memchr (from, ':', (size_t)(to - from)) != NULL)
      return bad (parser, "an IPv6 address must stand in brackets");
    return copy (parser, &out->host, from, to);
  }
  if (to[-1] != ']')
    return bad (parser, "the [ of the address is not closed");
  return to - from == 2 ? bad (parser, "there is no host") : copy (parser, &out->host, from + 1, to - 1);
}

troupe_err_t
store_url_parse (store_url_t *out, const char *text, troupe_error_t *error)
{
  static const char network[] = "redis://", local[] = "unix://";
  parser_t parser = {text, text, text + strlen (text), error};
  memset (out, 0, sizeof *out);
  if (strncmp (text, local, sizeof local - 1) == 0) {
    parser.at += sizeof local - 1;
    return parse_path (&parser, out);
  }
  if (strncmp (text, network, sizeof network - 1) != 0)
    return bad (&parser, "the url begins neither with redis:// nor with unix://");
  parser.at += sizeof network - 1;

  troupe_err_t (*const steps[]) (parser_t *, store_url_t *) = {parse_user, parse_db, parse_port, parse_host};
  troupe_err_t err = TROUPE_OK;
  for (size_t i = 0; i < sizeof steps / sizeof *steps && err == TROUPE_OK; i++)
    err = steps[i](&parser, out);
  if (err != TROUPE_OK)
    store_url_clear (out);
  return err;
}

void
store_url_clear (store_url_t *self)
{
  free (self->path);
  free (self->user);
  free (self->host);
  free (self->port);
  free (self->db);
  memset (self, 0, sizeof *self);
}

// SPDX-License-Identifier: Apache-2.0
//
// Parsing of the store's url, by hand: it is cut from the left (scheme, user) and from the right (db, port), so that
// what remains is the host. Everything odd is an error that says what is odd; nothing is guessed.

#include "store/url.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define EXAMPLE "write redis://host:port, redis+sentinel://host:port,host:port/name or unix:///path/to/redis.sock"

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
parse_port (parser_t *parser, store_place_t *out, const char *standard)
{
  const char *bracket = memrchr (parser->at, ']', (size_t)(parser->end - parser->at));
  const char *from = bracket != NULL ? bracket : parser->at;
  const char *colon = memrchr (from, ':', (size_t)(parser->end - from));
  if (colon == NULL)
    return copy (parser, &out->port, standard, standard + strlen (standard));
  const char *port = colon + 1, *end = parser->end;
  parser->end = colon;
  if (!is_number (port, end, 65535))
    return bad (parser, "the port must be a number from 0 to 65535");
  return copy (parser, &out->port, port, end);
}

static troupe_err_t
parse_host (parser_t *parser, store_place_t *out)
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

static troupe_err_t
parse_place (parser_t *parser, store_url_t *out)
{
  troupe_err_t err = parse_port (parser, &out->place, "6379");
  return err == TROUPE_OK ? parse_host (parser, &out->place) : err;
}

// -- Sentinels -------------------------------------------------------------------------------------------------------

// The master's name, from behind the first slash to the next one, if there is one.
static troupe_err_t
parse_master (parser_t *parser, store_url_t *out)
{
  const char *slash = memchr (parser->at, '/', (size_t)(parser->end - parser->at));
  const char *name = slash != NULL ? slash + 1 : parser->end, *end = parser->end;
  if (name == end || *name == '/')
    return bad (parser, "there is no /name behind the Sentinels, by which they know the master");
  const char *next = memchr (name, '/', (size_t)(end - name));
  troupe_err_t err = copy (parser, &out->master, name, next != NULL ? next : end);
  if (err == TROUPE_OK && next != NULL) {
    parser_t rest = *parser;
    rest.at = next;
    err = parse_db (&rest, out);
  }
  parser->end = slash;
  return err;
}

static troupe_err_t
parse_sentinels (parser_t *parser, store_url_t *out)
{
  for (const char *end = parser->end; parser->at <= end;) {
    const char *comma = memchr (parser->at, ',', (size_t)(end - parser->at)), *next = comma != NULL ? comma : end;
    if (out->sentinels_count == STORE_SENTINELS_MAX)
      return bad (parser, "there are more than 16 Sentinels");
    store_place_t *sentinel = &out->sentinels[out->sentinels_count++];
    parser->end = next;
    troupe_err_t err = parse_port (parser, sentinel, "26379");
    if (err == TROUPE_OK)
      err = parse_host (parser, sentinel);
    if (err != TROUPE_OK)
      return err;
    parser->at = next + 1;
  }
  return TROUPE_OK;
}

// -- All -------------------------------------------------------------------------------------------------------------

typedef troupe_err_t (step_fn) (parser_t *parser, store_url_t *out);

static bool
begins_with (parser_t *parser, const char *scheme)
{
  size_t size = strlen (scheme);
  if (strncmp (parser->at, scheme, size) != 0)
    return false;
  parser->at += size;
  return true;
}

troupe_err_t
store_url_parse (store_url_t *out, const char *text, troupe_error_t *error)
{
  static step_fn *const of_redis[] = {parse_user, parse_db, parse_place};
  static step_fn *const of_sentinels[] = {parse_user, parse_master, parse_sentinels};
  parser_t parser = {text, text, text + strlen (text), error};
  memset (out, 0, sizeof *out);
  if (begins_with (&parser, "unix://"))
    return parse_path (&parser, out);
  bool sentinels = begins_with (&parser, "redis+sentinel://");
  if (!sentinels && !begins_with (&parser, "redis://"))
    return bad (&parser, "the url begins neither with redis:// nor with redis+sentinel:// or unix://");
  troupe_err_t err = TROUPE_OK;
  for (size_t i = 0; i < 3 && err == TROUPE_OK; i++)
    err = (sentinels ? of_sentinels : of_redis)[i](&parser, out);
  if (err != TROUPE_OK)
    store_url_clear (out);
  return err;
}

void
store_place_clear (store_place_t *self)
{
  free (self->host);
  free (self->port);
  *self = (store_place_t){0};
}

void
store_url_clear (store_url_t *self)
{
  free (self->path);
  free (self->user);
  free (self->db);
  free (self->master);
  store_place_clear (&self->place);
  for (unsigned i = 0; i < self->sentinels_count; i++)
    store_place_clear (&self->sentinels[i]);
  memset (self, 0, sizeof *self);
}

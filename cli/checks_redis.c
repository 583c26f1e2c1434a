// SPDX-License-Identifier: Apache-2.0
//
// Checks of Redis: the program, when the mesh has a private one, or else the server that store.url names: whether it
// answers, takes the password, and is new enough for Functions. With Sentinels, each of them is asked for that server.
#include "cli/checks.h"

#include "cli/process.h"
#include "store/url.h"

#include <hiredis.h>
#include <stdlib.h>
#include <string.h>

enum {
  REDIS_VERSION_MIN = 7, // Functions came with 7.0
  VERSION_SIZE = 512,
  TIMEOUT_S = 3
};

static void
check_program (checks_t *self, const char *program)
{
  const char *arguments[] = {program, "--version", NULL};
  troupe_error_t error = {0};
  char *text = process_read (arguments, VERSION_SIZE, &error);
  const char *found = text ? strstr (text, "v=") : NULL;
  long version = found ? strtol (found + 2, NULL, 10) : 0;
  if (!text)
    checks_add (self, "redis", false, "install it (Debian: apt install redis-server), or set store.program", "%s %s",
                program, error.why);
  else
    checks_add (self, "redis", version >= REDIS_VERSION_MIN, "install Redis 7.0 or later", "%s %.*s", program,
                found ? (int)strcspn (found, " \n") : 16, found ? found : "tells no version");
  free (text);
}

static redisContext *
connect_to (const char *path, const store_place_t *place)
{
  struct timeval timeout = {.tv_sec = TIMEOUT_S};
  redisContext *redis = path ? redisConnectUnixWithTimeout (path, timeout)
                             : redisConnectWithTimeout (place->host, (int)strtol (place->port, NULL, 10), timeout);
  if (redis && !redis->err)
    redisSetTimeout (redis, timeout);
  return redis;
}

static redisReply *
log_in (redisContext *redis, const char *user, const char *password)
{
  if (!password)
    return redisCommand (redis, "PING");
  return user ? redisCommand (redis, "AUTH %s %s", user, password) : redisCommand (redis, "AUTH %s", password);
}

// The reply's error, or the connection's; NULL: neither.
static const char *
failure_of (const redisContext *redis, const redisReply *reply)
{
  if (reply)
    return reply->type == REDIS_REPLY_ERROR ? reply->str : NULL;
  return redis && redis->err ? redis->errstr : "out of memory";
}

// -- Sentinels -------------------------------------------------------------------------------------------------------

static bool
is_address (const redisReply *reply)
{
  return reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[0]->type == REDIS_REPLY_STRING &&
         reply->element[1]->type == REDIS_REPLY_STRING;
}

// What one Sentinel says; its place is left as it was when it says nothing of use.
static void
ask_sentinel (checks_t *self, const store_place_t *sentinel, const store_url_t *url, const char *password,
              store_place_t *master)
{
  char what[TROUPE_ERROR_WHY_MAX];
  redisContext *redis = connect_to (NULL, sentinel);
  redisReply *reply = redis && !redis->err ? log_in (redis, NULL, password) : NULL;
  const char *failure = failure_of (redis, reply);
  if (!failure) {
    freeReplyObject (reply);
    reply = redisCommand (redis, "SENTINEL get-master-addr-by-name %s", url->master);
    failure = failure_of (redis, reply);
  }
  bool found = !failure && is_address (reply);
  snprintf (what, sizeof what, "the Sentinel at %s:%s %s %s%s%s", sentinel->host, sentinel->port,
            failure ? "says:" : found ? "names" : "knows no master",
            failure ? failure : found ? reply->element[0]->str : url->master, found ? ":" : "",
            found ? reply->element[1]->str : "");
  checks_add (self, "redis", found, "see store.url, store.sentinel_password and its configuration", "%s", what);
  if (found && !master->host)
    *master = (store_place_t){strdup (reply->element[0]->str), strdup (reply->element[1]->str)};
  freeReplyObject (reply);
  if (redis)
    redisFree (redis);
}

// False: none of them names one.
static bool
ask_sentinels (checks_t *self, store_url_t *url, const char *password)
{
  for (unsigned i = 0; i < url->sentinels_count; i++)
    ask_sentinel (self, &url->sentinels[i], url, password, &url->place);
  return url->place.host && url->place.port;
}

// -- Redis itself ----------------------------------------------------------------------------------------------------

static void
check_version (checks_t *self, const char *url, redisContext *redis)
{
  static const char key[] = "redis_version:";
  redisReply *reply = redisCommand (redis, "INFO server");
  const char *failure = failure_of (redis, reply);
  const char *found = !failure && reply->type == REDIS_REPLY_STRING ? strstr (reply->str, key) : NULL;
  found = found ? found + strlen (key) : NULL;
  if (failure)
    checks_add (self, "redis", false, "give its user the command INFO", "%s: %s", url, failure);
  else
    checks_add (self, "redis", found && strtol (found, NULL, 10) >= REDIS_VERSION_MIN, "run Redis 7.0 or later there",
                "%s answers, version %.*s", url, found ? (int)strcspn (found, "\r\n") : 7, found ? found : "unknown");
  freeReplyObject (reply);
}

static void
check_server (checks_t *self, const char *text, const char *password, const char *sentinel_password)
{
  store_url_t url;
  troupe_error_t error = {0};
  if (store_url_parse (&url, text, &error) != TROUPE_OK) {
    checks_add (self, "redis", false, error.next, "%s: %s", text, error.why);
    return;
  }
  if (url.master && !ask_sentinels (self, &url, sentinel_password)) {
    store_url_clear (&url);
    return;
  }
  redisContext *redis = connect_to (url.path, &url.place);
  redisReply *reply = redis && !redis->err ? log_in (redis, url.user, password) : NULL;
  const char *failure = failure_of (redis, reply);
  if (failure)
    checks_add (self, "redis", false, "is Redis running there, and store.password right?", "%s: %s", text, failure);
  else
    check_version (self, text, redis);
  freeReplyObject (reply);
  if (redis)
    redisFree (redis);
  store_url_clear (&url);
}

// NULL: none was given.
static const char *
password_of (const mesh_t *mesh, const char *key)
{
  const char *password = json_string_value (troupe_config_get (mesh->config, key));
  return password && *password ? password : NULL;
}

void
checks_redis (checks_t *self, const mesh_t *mesh)
{
  if (troupe_config_bool (mesh->config, "store.private"))
    check_program (self, troupe_config_text (mesh->config, "store.program"));
  else
    check_server (self, troupe_config_text (mesh->config, "store.url"), password_of (mesh, "store.password"),
                  password_of (mesh, "store.sentinel_password"));
}

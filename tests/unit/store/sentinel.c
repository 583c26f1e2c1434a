// SPDX-License-Identifier: Apache-2.0
//
// The store where Sentinels say which Redis is the master: real ones, one of which is told what to say.
#include "troupe/store.h"

#include "fixture/redis.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum { SERVERS = 2 };

typedef struct {
  troupe_loop_t *loop;
  redis_server_t servers[SERVERS], sentinel;
  int ports[SERVERS], sentinel_port;
  char url[96];
  troupe_store_t *commands, *channel;
  int ups, downs, messages;
  char why[TROUPE_ERROR_WHY_MAX], last[256];
} stand_t;

static int
free_port (void)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int fd = socket (AF_INET, SOCK_STREAM, 0);
  cr_assert (fd >= 0 && bind (fd, (struct sockaddr *)&address, size) == 0 &&
             getsockname (fd, (struct sockaddr *)&address, &size) == 0);
  close (fd);
  return ntohs (address.sin_port);
}

static void
start_server (redis_server_t *server, int port)
{
  char text[16];
  snprintf (text, sizeof text, "%d", port);
  redis_start (server, (const char *[]){"--port", text, NULL});
}

// Its configuration is a file, which it rewrites.
static void
start_sentinel (stand_t *self, const char *more)
{
  char path[64];
  self->sentinel_port = free_port ();
  strcpy (self->sentinel.folder, "/tmp/troupe-test-XXXXXX");
  cr_assert_not_null (mkdtemp (self->sentinel.folder));
  snprintf (self->sentinel.path, sizeof self->sentinel.path, "%s/redis.sock", self->sentinel.folder);
  snprintf (path, sizeof path, "%s/sentinel.conf", self->sentinel.folder);
  FILE *file = fopen (path, "w");
  cr_assert_not_null (file);
  fprintf (file, "port %d\nunixsocket %s\ndir %s\nlogfile redis.log\n%s\n", self->sentinel_port, self->sentinel.path,
           self->sentinel.folder, more);
  fclose (file);
  const char *argv[] = {"setpriv", "--pdeathsig", "KILL", "redis-server", path, "--sentinel", NULL};
  char *copies[8] = {0};
  for (int i = 0; argv[i] != NULL; i++)
    copies[i] = strdup (argv[i]);
  cr_assert_eq (posix_spawnp (&self->sentinel.pid, "setpriv", NULL, NULL, copies, environ), 0);
  for (int i = 0; i < 8; i++)
    free (copies[i]);
  redis_wait (&self->sentinel);
}

// What it says from now on.
static void
name_master (stand_t *self, int server)
{
  char command[96];
  redisReply *removed = redis_run (&self->sentinel, "SENTINEL REMOVE troupe"); // it may know none yet
  freeReplyObject (removed);
  snprintf (command, sizeof command, "SENTINEL MONITOR troupe 127.0.0.1 %d 1", self->ports[server]);
  redis_do (&self->sentinel, command);
}

static void
on_state (void *context, bool up, const troupe_error_t *error)
{
  stand_t *self = context;
  self->ups += up;
  self->downs += !up;
  if (!up)
    snprintf (self->why, sizeof self->why, "%s", error->why);
}

static void
on_message (void *context, const char *data, size_t size)
{
  stand_t *self = context;
  (void)data, (void)size;
  self->messages++;
}

static void
on_reply (void *context, const struct redisReply *reply)
{
  stand_t *self = context;
  if (reply != NULL && reply->type == REDIS_REPLY_STRING)
    snprintf (self->last, sizeof self->last, "%s", reply->str);
}

static void
start (stand_t *self)
{
  *self = (stand_t){0};
  for (int i = 0; i < SERVERS; i++)
    start_server (&self->servers[i], self->ports[i] = free_port ());
  start_sentinel (self, "");
  name_master (self, 0);
  snprintf (self->url, sizeof self->url, "redis+sentinel://127.0.0.1:%d/troupe", self->sentinel_port);
  cr_assert_eq (troupe_loop_new (&self->loop), TROUPE_OK);
}

static void
open_commands (stand_t *self, const char *url, const char *password)
{
  troupe_store_options_t options = {.url = url, .sentinel_password = password, .state = on_state, .context = self};
  cr_assert_eq (troupe_store_new (&self->commands, self->loop, &options, NULL), TROUPE_OK);
}

static void
open_channel (stand_t *self)
{
  troupe_store_options_t options = {
    .url = self->url, .channel = "news", .with = self->commands, .message = on_message, .context = self};
  cr_assert_eq (troupe_store_new (&self->channel, self->loop, &options, NULL), TROUPE_OK);
}

static void
stop (stand_t *self)
{
  troupe_store_destroy (&self->channel);
  troupe_store_destroy (&self->commands);
  troupe_loop_destroy (&self->loop);
  redis_stop (&self->sentinel);
  for (int i = 0; i < SERVERS; i++)
    redis_stop (&self->servers[i]);
}

// Whether the store is connected to that server: it finds what was put there.
static bool
is_at (stand_t *self, int server)
{
  redis_do (&self->servers[server], server == 0 ? "SET here 0" : "SET here 1");
  self->last[0] = '\0';
  if (troupe_store_command (self->commands, 2, (const char *[]){"GET", "here"}, NULL, on_reply, self) != TROUPE_OK)
    return false;
  LOOP_UNTIL (self->loop, self->last[0] != '\0' || !troupe_store_up (self->commands));
  return self->last[0] == '0' + server;
}

Test (sentinel, both_connections_follow_the_master)
{
  stand_t s;
  start (&s);
  open_commands (&s, s.url, NULL);
  open_channel (&s);
  LOOP_UNTIL (s.loop, troupe_store_up (s.commands) && troupe_store_up (s.channel));
  cr_expect (is_at (&s, 0));
  name_master (&s, 1);
  redis_kill (&s.servers[0]);
  LOOP_UNTIL (s.loop, s.downs == 1 && troupe_store_up (s.commands));
  cr_expect (is_at (&s, 1));
  while (s.messages == 0) { // it subscribes when the other one is there
    redis_do (&s.servers[1], "PUBLISH news x");
    cr_assert_eq (troupe_loop_turn (s.loop, 50), TROUPE_OK);
  }
  stop (&s);
}

// The old master runs on, and the channel's connection to it holds.
Test (sentinel, a_channel_leaves_the_old_master_with_the_commands)
{
  stand_t s;
  start (&s);
  open_commands (&s, s.url, NULL);
  open_channel (&s);
  LOOP_UNTIL (s.loop, troupe_store_up (s.commands) && troupe_store_up (s.channel));
  name_master (&s, 1);
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_STORE_UNAVAILABLE, "test", NULL, "READONLY");
  troupe_store_restart (s.commands, &error);
  LOOP_UNTIL (s.loop, s.downs == 1 && troupe_store_up (s.commands));
  LOOP_UNTIL (s.loop, redis_number (&s.servers[1], "PUBLISH news x") == 1);
  cr_expect_eq (redis_number (&s.servers[0], "PUBLISH news x"), 0);
  stop (&s);
}

Test (sentinel, who_is_no_master_is_not_taken_whatever_the_sentinels_say)
{
  stand_t s;
  char command[64];
  start (&s);
  snprintf (command, sizeof command, "REPLICAOF 127.0.0.1 %d", s.ports[0]);
  redis_do (&s.servers[1], command);
  name_master (&s, 1);
  open_commands (&s, s.url, NULL);
  for (int i = 0; i < 20; i++)
    cr_assert_eq (troupe_loop_turn (s.loop, 20), TROUPE_OK);
  cr_expect_eq (s.ups, 0);
  redis_do (&s.servers[1], "REPLICAOF NO ONE");
  LOOP_UNTIL (s.loop, s.ups == 1);
  cr_expect (is_at (&s, 1));
  stop (&s);
}

Test (sentinel, the_next_one_is_asked_when_one_is_gone_or_knows_nothing)
{
  stand_t s;
  char url[128];
  start (&s);
  snprintf (url, sizeof url, "redis+sentinel://127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d/troupe", free_port (), s.ports[0],
            s.sentinel_port); // nothing, no Sentinel, and one
  open_commands (&s, url, NULL);
  LOOP_UNTIL (s.loop, s.ups == 1);
  cr_expect (is_at (&s, 0));
  troupe_store_destroy (&s.commands);
  snprintf (url, sizeof url, "redis+sentinel://127.0.0.1:%d/another", s.sentinel_port);
  open_commands (&s, url, NULL);
  for (int i = 0; i < 20; i++)
    cr_assert_eq (troupe_loop_turn (s.loop, 20), TROUPE_OK);
  cr_expect_eq (s.ups, 1, "there is no such master");
  stop (&s);
}

Test (sentinel, has_a_password_of_its_own)
{
  stand_t s;
  start (&s);
  redis_stop (&s.sentinel);
  char more[96];
  snprintf (more, sizeof more, "requirepass watch\nsentinel monitor troupe 127.0.0.1 %d 1", s.ports[0]);
  start_sentinel (&s, more);
  snprintf (s.url, sizeof s.url, "redis+sentinel://127.0.0.1:%d/troupe", s.sentinel_port);
  open_commands (&s, s.url, "wrong");
  for (int i = 0; i < 20; i++)
    cr_assert_eq (troupe_loop_turn (s.loop, 20), TROUPE_OK);
  cr_expect_eq (s.ups, 0);
  troupe_store_destroy (&s.commands);
  open_commands (&s, s.url, "watch");
  LOOP_UNTIL (s.loop, s.ups == 1);
  cr_expect (is_at (&s, 0));
  stop (&s);
}

// SPDX-License-Identifier: Apache-2.0
//
// The store against a real redis-server: what works, and what happens when Redis goes away, freezes, or isn't Redis.
#include "troupe/store.h"

#include "fixture/redis.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

typedef struct {
  redis_server_t redis;
  troupe_loop_t *loop;
  troupe_store_t *store;
  int ups, downs, replies, lost, errors, messages;
  bool lost_before_down;
  char why[TROUPE_ERROR_WHY_MAX];
  char last[256];
} fixture_t;

static void
on_state (void *context, bool up, const troupe_error_t *error)
{
  fixture_t *f = context;
  cr_expect_eq (troupe_store_up (f->store), up);
  if (up)
    f->ups++;
  else {
    f->downs++;
    snprintf (f->why, sizeof f->why, "%s", error->why);
  }
}

static void
on_message (void *context, const char *data, size_t size)
{
  fixture_t *f = context;
  f->messages++;
  snprintf (f->last, sizeof f->last, "%.*s", (int)size, data);
}

static void
on_reply (void *context, const struct redisReply *reply)
{
  fixture_t *f = context;
  if (reply == NULL) {
    f->lost++;
    f->lost_before_down = f->lost_before_down || f->downs == 0;
    return;
  }
  f->replies++;
  f->errors += reply->type == REDIS_REPLY_ERROR;
  if (reply->str != NULL)
    snprintf (f->last, sizeof f->last, "%s", reply->str);
}

static void
open_store (fixture_t *f, const troupe_store_options_t *given)
{
  troupe_store_options_t options = *given;
  options.state = on_state;
  options.message = on_message;
  options.context = f;
  if (f->loop == NULL)
    cr_assert_eq (troupe_loop_new (&f->loop), TROUPE_OK);
  cr_assert_eq (troupe_store_new (&f->store, f->loop, &options, NULL), TROUPE_OK);
}

static void
start (fixture_t *f, const char *const *extra)
{
  redis_start (&f->redis, extra);
  open_store (f, &(troupe_store_options_t){.url = f->redis.url});
  LOOP_UNTIL (f->loop, f->ups == 1);
}

static void
stop (fixture_t *f)
{
  troupe_store_destroy (&f->store);
  troupe_loop_destroy (&f->loop);
  redis_stop (&f->redis);
}

static void
run (fixture_t *f, int argc, const char *const *argv)
{
  int before = f->replies;
  cr_assert_eq (troupe_store_command (f->store, argc, argv, NULL, on_reply, f), TROUPE_OK);
  LOOP_UNTIL (f->loop, f->replies > before);
}

Test (store, commands_are_binary_safe_and_answered_in_order)
{
  fixture_t f = {0};
  start (&f, NULL);
  static const char key[] = "k\0\r\n", value[] = "\xff\0$1\r\n";
  const char *set[] = {"SET", key, value}, *get[] = {"GET", key};
  const size_t sizes[] = {3, sizeof key, sizeof value};
  cr_assert_eq (troupe_store_command (f.store, 3, set, sizes, on_reply, &f), TROUPE_OK);
  cr_assert_eq (troupe_store_command (f.store, 2, get, sizes, on_reply, &f), TROUPE_OK);
  run (&f, 1, (const char *[]){"NOSUCHCOMMAND"});
  cr_expect_eq (f.replies, 3);
  cr_expect_eq (f.errors, 1);
  cr_expect_eq (troupe_store_pending (f.store), 0);
  redisContext *client = redis_connect (&f.redis);
  redisReply *reply = redisCommand (client, "GET %b", key, sizeof key);
  cr_assert_eq (reply->len, sizeof value);
  cr_expect_eq (memcmp (reply->str, value, sizeof value), 0);
  freeReplyObject (reply);
  redisFree (client);
  stop (&f);
}

Test (store, a_reply_larger_than_any_buffer_arrives_whole)
{
  fixture_t f = {0};
  start (&f, NULL);
  size_t size = 16 * 1024 * 1024;
  char *large = malloc (size + 1);
  memset (large, 'x', size);
  large[size] = '\0';
  run (&f, 3, (const char *[]){"SET", "large", large});
  run (&f, 2, (const char *[]){"STRLEN", "large"});
  run (&f, 2, (const char *[]){"GET", "large"});
  cr_expect_eq (f.errors, 0);
  free (large);
  stop (&f);
}

Test (store, a_killed_redis_loses_each_command_once_and_comes_back)
{
  fixture_t f = {0};
  start (&f, NULL);
  run (&f, 2, (const char *[]){"ECHO", "before"});
  kill (f.redis.pid, SIGSTOP);
  for (int i = 0; i < 1000; i++)
    cr_assert_eq (troupe_store_command (f.store, 2, (const char *[]){"ECHO", "x"}, NULL, on_reply, &f), TROUPE_OK);
  cr_assert_eq (troupe_loop_turn (f.loop, 0), TROUPE_OK);
  redis_kill (&f.redis);
  LOOP_UNTIL (f.loop, f.downs == 1 && f.lost == 1000);
  cr_expect_not (f.lost_before_down, "the state is told first");
  cr_expect_eq (troupe_store_command (f.store, 1, (const char *[]){"PING"}, NULL, on_reply, &f),
                TROUPE_STORE_UNAVAILABLE);
  redis_launch (&f.redis, NULL);
  LOOP_UNTIL (f.loop, f.ups == 2);
  run (&f, 2, (const char *[]){"ECHO", "after"});
  cr_expect_str_eq (f.last, "after");
  cr_expect_eq (f.lost, 1000);
  stop (&f);
}

Test (store, a_frozen_redis_is_noticed_within_three_seconds)
{
  fixture_t f = {0};
  start (&f, NULL);
  kill (f.redis.pid, SIGSTOP);
  int64_t frozen = troupe_loop_now ();
  LOOP_UNTIL (f.loop, f.downs == 1);
  int64_t noticed = troupe_loop_now () - frozen;
  cr_expect_lt (noticed, 3500, "after %d ms", (int)noticed);
  cr_expect_not_null (strstr (f.why, "not answered"), "%s", f.why);
  kill (f.redis.pid, SIGCONT);
  LOOP_UNTIL (f.loop, f.ups == 2);
  stop (&f);
}

Test (store, an_idle_connection_stays_up)
{
  fixture_t f = {0};
  start (&f, NULL);
  int64_t until = troupe_loop_now () + 3500; // longer than the longest silence that is allowed
  LOOP_UNTIL (f.loop, troupe_loop_now () >= until);
  cr_expect_eq (f.downs, 0, "%s", f.why);
  stop (&f);
}

Test (store, a_store_that_was_frozen_itself_believes_what_has_come_meanwhile)
{
  fixture_t f = {0};
  start (&f, NULL);
  cr_assert_eq (troupe_store_command (f.store, 2, (const char *[]){"ECHO", "x"}, NULL, on_reply, &f), TROUPE_OK);
  cr_assert_eq (troupe_loop_turn (f.loop, 0), TROUPE_OK);
  usleep (3000 * 1000); // this process stands still; nothing else can show it
  LOOP_UNTIL (f.loop, f.replies == 1);
  cr_expect_eq (f.downs, 0, "%s", f.why);
  stop (&f);
}

Test (store, a_password_opens_and_a_wrong_one_does_not)
{
  fixture_t f = {0};
  redis_start (&f.redis, (const char *[]){"--requirepass", "right", NULL});
  open_store (&f, &(troupe_store_options_t){.url = f.redis.url, .password = "wrong"});
  for (int i = 0; i < 10; i++)
    cr_assert_eq (troupe_loop_turn (f.loop, 20), TROUPE_OK);
  cr_expect_eq (f.ups, 0);
  troupe_store_destroy (&f.store);
  open_store (&f, &(troupe_store_options_t){.url = f.redis.url, .password = "right"});
  LOOP_UNTIL (f.loop, f.ups == 1);
  stop (&f);
}

static int
free_port (void)
{
  int fd = socket (AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  cr_assert_eq (bind (fd, (struct sockaddr *)&address, size), 0);
  cr_assert_eq (getsockname (fd, (struct sockaddr *)&address, &size), 0);
  close (fd);
  return ntohs (address.sin_port);
}

// localhost has two addresses, of which this Redis listens on the second.
Test (store, over_tcp_as_a_user_in_a_database)
{
  fixture_t f = {0};
  char port[8], url[64];
  snprintf (port, sizeof port, "%d", free_port ());
  redis_start (&f.redis, (const char *[]){"--port", port, "--bind", "127.0.0.1", NULL});
  redis_do (&f.redis, "ACL SETUSER troupe on >secret ~* &* +@all");
  snprintf (url, sizeof url, "redis://troupe@localhost:%s/5", port);
  open_store (&f, &(troupe_store_options_t){.url = url, .password = "secret"});
  LOOP_UNTIL (f.loop, f.ups == 1);
  run (&f, 3, (const char *[]){"SET", "a", "b"});
  run (&f, 2, (const char *[]){"ACL", "WHOAMI"});
  cr_expect_str_eq (f.last, "troupe");
  redisContext *client = redis_connect (&f.redis);
  freeReplyObject (redisCommand (client, "SELECT 5"));
  redisReply *reply = redisCommand (client, "DBSIZE");
  cr_expect_eq (reply->integer, 1);
  freeReplyObject (reply);
  redisFree (client);
  stop (&f);
}

Test (store, a_host_that_does_not_exist_blocks_nothing)
{
  fixture_t f = {0};
  open_store (&f, &(troupe_store_options_t){.url = "redis://nowhere.invalid:6379"});
  int64_t began = troupe_loop_now ();
  for (int i = 0; i < 5; i++)
    cr_assert_eq (troupe_loop_turn (f.loop, 10), TROUPE_OK);
  cr_expect_lt (troupe_loop_now () - began, 1000);
  cr_expect_eq (f.ups, 0);
  troupe_store_destroy (&f.store);
  troupe_loop_destroy (&f.loop);
}

Test (store, a_channel_brings_messages_and_takes_no_commands)
{
  fixture_t f = {0};
  redis_start (&f.redis, NULL);
  open_store (&f, &(troupe_store_options_t){.url = f.redis.url, .channel = "news"});
  LOOP_UNTIL (f.loop, f.ups == 1);
  cr_expect_eq (troupe_store_command (f.store, 1, (const char *[]){"PING"}, NULL, on_reply, &f),
                TROUPE_STORE_UNAVAILABLE);
  cr_expect_eq (redis_number (&f.redis, "PUBLISH news hello"), 1);
  LOOP_UNTIL (f.loop, f.messages == 1);
  cr_expect_str_eq (f.last, "hello");
  int64_t until = troupe_loop_now () + 3000; // its own signs of life are no messages
  LOOP_UNTIL (f.loop, troupe_loop_now () >= until);
  cr_expect_eq (f.messages, 1);
  cr_expect_eq (f.downs, 0, "%s", f.why);
  stop (&f);
}

Test (store, a_restart_loses_what_is_outstanding_and_says_why)
{
  fixture_t f = {0};
  start (&f, NULL);
  cr_assert_eq (troupe_store_command (f.store, 1, (const char *[]){"PING"}, NULL, on_reply, &f), TROUPE_OK);
  troupe_error_t error;
  troupe_error_set (&error, TROUPE_STORE_UNAVAILABLE, "test", NULL, "because the test says so");
  troupe_store_restart (f.store, &error);
  cr_expect_not (troupe_store_up (f.store));
  LOOP_UNTIL (f.loop, f.ups == 2);
  cr_expect_eq (f.lost, 1);
  cr_expect_str_eq (f.why, "because the test says so");
  stop (&f);
}

Test (store, destroying_it_answers_what_is_outstanding)
{
  fixture_t f = {0};
  start (&f, NULL);
  for (int i = 0; i < 3; i++)
    cr_assert_eq (troupe_store_command (f.store, 1, (const char *[]){"PING"}, NULL, on_reply, &f), TROUPE_OK);
  troupe_store_destroy (&f.store);
  cr_expect_eq (f.lost, 3);
  cr_expect_eq (f.downs, 0);
  stop (&f);
}

// -- What isn't Redis ------------------------------------------------------------------------------------------------

// Serves one answer to each who connects, `count` times; returns when the store has come for the last.
static void
serve_nonsense (fixture_t *f, int listener, const char *answer, size_t size, int count)
{
  for (int served = 0; served < count;) {
    int fd;
    LOOP_UNTIL (f->loop, (fd = accept (listener, NULL, NULL)) >= 0);
    ssize_t written = send (fd, answer, size, MSG_NOSIGNAL);
    cr_assert_eq (written, (ssize_t)size);
    // Until the store hangs up.
    char byte[256];
    ssize_t got;
    LOOP_UNTIL (f->loop, (got = recv (fd, byte, sizeof byte, MSG_DONTWAIT)) == 0 || (got < 0 && errno != EAGAIN));
    close (fd);
    served++;
  }
}

Test (store, nonsense_from_the_other_side_is_a_broken_connection_only)
{
  static const struct {
    const char *bytes;
    size_t size;
  } answers[] = {
    {"HTTP/1.1 400 Bad Request\r\n\r\n", 28},
    {"-ERR max number of clients reached\r\n", 36},
    {"+PONG\r\n+PONG\r\n+PONG\r\n", 21},
    {"-LOADING Redis is loading the dataset in memory\r\n", 49},
    {"*1000000000\r\n", 13},
    {"*-7\r\n$-9\r\n", 10},
    {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", 40},
    {"$99999999999999999999\r\n", 23},
    {"\0\0\0\0", 4},
  };
  char path[64];
  snprintf (path, sizeof path, "/tmp/troupe-test-%d.sock", (int)getpid ());
  unlink (path);
  int listener = socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_storage address = {.ss_family = AF_UNIX};
  strcpy ((char *)&address + sizeof (sa_family_t), path);
  cr_assert_eq (bind (listener, (struct sockaddr *)&address, (socklen_t)(sizeof (sa_family_t) + strlen (path) + 1)), 0);
  cr_assert_eq (listen (listener, 8), 0);
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    fixture_t f = {0};
    char url[80];
    snprintf (url, sizeof url, "unix://%s", path);
    open_store (&f, &(troupe_store_options_t){.url = url});
    serve_nonsense (&f, listener, answers[i].bytes, answers[i].size, 2);
    troupe_store_destroy (&f.store);
    troupe_loop_destroy (&f.loop);
  }
  close (listener);
  unlink (path);
}

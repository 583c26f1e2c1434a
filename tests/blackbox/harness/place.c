// SPDX-License-Identifier: Apache-2.0
//
// The mark is TROUPE_TEST_ID in the environment, which children inherit; /proc shows it. (Process groups and sessions
// don't do: a supervisor may give its children their own.) Redis overwrites its environment with its title, so a
// process that works in the test's directory counts as well. A zombie has neither any more and doesn't count.

#include "blackbox/harness/place.h"

#include "blackbox/harness/process.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PIDS_MAX = 256, PROC_FILE_MAX = 128 * 1024 };

static char directory[PATH_MAX];
static char mark[64];

void
place_enter (void)
{
  signal (SIGPIPE, SIG_IGN);
  const char *folder = getenv ("TMPDIR");
  snprintf (directory, sizeof directory, "%s/troupe-test-XXXXXX", folder ? folder : "/tmp");
  cr_assert_not_null (mkdtemp (directory), "%s", directory);
  cr_assert_eq (chdir (directory), 0);
  const char *id = strrchr (directory, '-') + 1;
  snprintf (mark, sizeof mark, "TROUPE_TEST_ID=%d-%s", (int) getpid (), id);
  setenv ("TROUPE_TEST_ID", strchr (mark, '=') + 1, 1);
  setenv ("HOME", directory, 1); // nothing of the user's
  unsetenv ("OPENAI_API_KEY");
  unsetenv ("OPENAI_BASE_URL");
}

// Reads a file of /proc/PID, NUL-terminated; 0 when it is gone or empty.
static size_t
read_proc (pid_t pid, const char *name, char *bytes, size_t capacity)
{
  char path[64];
  snprintf (path, sizeof path, "/proc/%d/%s", (int) pid, name);
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return 0;
  size_t size = 0;
  for (ssize_t count; size < capacity - 1 && (count = read (fd, bytes + size, capacity - 1 - size)) > 0;)
    size += (size_t) count;
  close (fd);
  bytes[size] = 0;
  return size;
}

// Whether one of the NUL-terminated strings in `bytes` is `wanted`.
static bool
holds (const char *bytes, size_t size, const char *wanted)
{
  for (const char *at = bytes; at < bytes + size; at += strlen (at) + 1)
    if (strcmp (at, wanted) == 0)
      return true;
  return false;
}

static bool
works_here (pid_t pid)
{
  char path[64], folder[PATH_MAX];
  snprintf (path, sizeof path, "/proc/%d/cwd", (int) pid);
  ssize_t size = readlink (path, folder, sizeof folder);
  size_t wanted = strlen (directory);
  return size >= (ssize_t) wanted && memcmp (folder, directory, wanted) == 0;
}

static bool
is_wanted (pid_t pid, const char *name, const char *argument)
{
  static char bytes[PROC_FILE_MAX];
  if (!works_here (pid) && !holds (bytes, read_proc (pid, "environ", bytes, sizeof bytes), mark))
    return false;
  if (argument && !holds (bytes, read_proc (pid, "cmdline", bytes, sizeof bytes), argument))
    return false;
  if (!name)
    return true;
  size_t size = read_proc (pid, "comm", bytes, sizeof bytes);
  return size > 0 && strncmp (bytes, name, size - 1) == 0 && strlen (name) == size - 1; // ends with a line feed
}

size_t
place_find (const char *name, const char *argument, pid_t *pids, size_t count)
{
  DIR *proc = opendir ("/proc");
  cr_assert_not_null (proc);
  size_t found = 0;
  for (struct dirent *entry; (entry = readdir (proc));) {
    pid_t pid = (pid_t) strtol (entry->d_name, NULL, 10);
    if (pid <= 0 || pid == getpid () || !is_wanted (pid, name, argument))
      continue;
    if (found < count)
      pids[found] = pid;
    found++;
  }
  closedir (proc);
  return found;
}

static bool
await_exit (pid_t pid, int timeout_ms)
{
  int fd = pidfd_open (pid, 0);
  if (fd < 0)
    return true;
  struct pollfd ended = { .fd = fd, .events = POLLIN };
  bool gone = poll (&ended, 1, timeout_ms) > 0;
  close (fd);
  return gone;
}

void
place_await_exit (pid_t pid)
{
  cr_assert (await_exit (pid, DEADLINE_MS), "process %d is still there", (int) pid);
}

void
place_await_empty (void)
{
  pid_t pid;
  while (place_find (NULL, NULL, &pid, 1) > 0)
    place_await_exit (pid);
}

void
place_expect_empty (void)
{
  pid_t pid;
  cr_assert_eq (place_find (NULL, NULL, &pid, 1), 0, "process %d is left", (int) pid);
}

// Kills and names what is left.
static size_t
sweep (char *names, size_t capacity)
{
  pid_t pids[PIDS_MAX];
  size_t left = place_find (NULL, NULL, pids, PIDS_MAX), size = 0;
  for (size_t i = 0; i < left && i < PIDS_MAX; i++) {
    char line[256];
    for (size_t at = read_proc (pids[i], "cmdline", line, sizeof line); at > 0; at--)
      if (!line[at - 1])
        line[at - 1] = ' ';
    if (size < capacity)
      size += (size_t) snprintf (names + size, capacity - size, "\n  %d %s", (int) pids[i], line);
    kill (pids[i], SIGKILL);
    await_exit (pids[i], DEADLINE_MS);
  }
  return left;
}

// Criterion doesn't count what fails in a teardown, so scripts/run-test does, by this file.
static void
report_left (const char *names)
{
  const char *folder = getenv ("TROUPE_TEST_REPORTS");
  char path[PATH_MAX];
  snprintf (path, sizeof path, "%s/left-%d", folder ? folder : "/nowhere", (int) getpid ());
  FILE *file = folder ? fopen (path, "w") : NULL;
  FILE *out = file ? file : stderr;
  fprintf (out, "processes of a test were left:%s\n", names);
  if (file)
    fclose (file);
}

static int
remove_entry (const char *path, const struct stat *status, int type, struct FTW *walk)
{
  (void) status, (void) type, (void) walk;
  return remove (path);
}

void
place_leave (void)
{
  char names[4096] = "";
  process_destroy_all ();
  size_t left = sweep (names, sizeof names);
  if (chdir ("/") == 0)
    nftw (directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  if (left > 0)
    report_left (names);
}

void
place_write (const char *path, const char *text)
{
  FILE *file = fopen (path, "w");
  cr_assert_not_null (file, "%s", path);
  cr_assert_geq (fputs (text, file), 0);
  cr_assert_eq (fclose (file), 0);
}

// Below the range that the kernel gives out by itself, and beginning at another one in each test: a port that a test
// has found free and not bound yet is then hardly taken by another's.
int
place_free_port (void)
{
  enum { FIRST = 16000, COUNT = 16000 };
  static int next;
  for (int tries = 0; tries < COUNT; tries++) {
    int port = FIRST + (getpid () * 16 + next++) % COUNT;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons ((uint16_t) port),
                                   .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_free = bind (fd, (struct sockaddr *) &address, sizeof address) == 0;
    close (fd);
    if (is_free)
      return port;
  }
  cr_assert_fail ("no port is free");
  return 0;
}

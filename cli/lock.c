// SPDX-License-Identifier: Apache-2.0
//
// The lock is one of open file descriptions (fcntl F_OFD_SETLK): shared with children that inherit the descriptor,
// gone with the last of them, and unlike flock it can be looked at without being taken, so that `troupe chat` never
// disturbs a `troupe up` that is about to take it. The file stays when the lock is given up: removing it would let
// two runs lock two files of the same name.
#include "cli/lock.h"

#include "troupe/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  ORPHANS_MS = 12 * 1000, // agents have 10 s to end
  ORPHANS_POLL_MS = 10
};

troupe_err_t
lock_make_directory (const char *path, troupe_error_t *error)
{
  char *part = strdup (path);
  if (!part)
    return troupe_error_set (error, TROUPE_NO_MEMORY, path, NULL, "out of memory");
  int failed = 0;
  for (char *slash = part; slash && !failed;) {
    slash = strchr (slash + 1, '/');
    if (slash)
      *slash = '\0';
    failed = mkdir (part, 0700) != 0 && errno != EEXIST ? errno : 0;
    if (slash)
      *slash = '/';
  }
  free (part);
  if (!failed && access (path, R_OK | W_OK | X_OK) != 0)
    failed = errno;
  if (!failed)
    return TROUPE_OK;
  return troupe_error_set (error, failed == EACCES || failed == EROFS ? TROUPE_PERMISSION : TROUPE_IO, path,
                           "start it where you may write, or set `state` in the configuration",
                           "the state directory can't be made or written: %s", strerror (failed));
}

static int
open_lock (const char *directory, int flags)
{
  char *path;
  if (asprintf (&path, "%s/lock", directory) < 0)
    return -1;
  int fd = open (path, flags | O_CLOEXEC, 0600);
  int why = errno;
  free (path);
  errno = why;
  return fd;
}

static bool
try_lock (int fd)
{
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  return fcntl (fd, F_OFD_SETLK, &whole) == 0;
}

static pid_t
read_owner (int fd)
{
  char text[32];
  ssize_t size = pread (fd, text, sizeof text - 1, 0);
  text[size > 0 ? size : 0] = '\0';
  return (pid_t)strtol (text, NULL, 10);
}

static bool
alive (pid_t pid)
{
  return pid > 0 && (kill (pid, 0) == 0 || errno == EPERM);
}

// Waits for the children of a dead owner.
static bool
outlive (int fd)
{
  int64_t end = troupe_loop_now () + ORPHANS_MS;
  bool told = false;
  while (!try_lock (fd)) {
    int64_t now = troupe_loop_now ();
    if (now >= end || alive (read_owner (fd)))
      return false;
    if (!told && now > end - ORPHANS_MS + 500) {
      fprintf (stderr, "troupe: waiting for the processes of the previous run to end\n");
      told = true;
    }
    poll (NULL, 0, ORPHANS_POLL_MS);
  }
  return true;
}

troupe_err_t
lock_take (int *out, const char *directory, troupe_error_t *error)
{
  int fd = open_lock (directory, O_RDWR | O_CREAT);
  if (fd < 0)
    return troupe_error_set (error, TROUPE_IO, directory, "check the directory's owner and mode",
                             "the lock can't be opened: %s", strerror (errno));
  if (!outlive (fd)) {
    pid_t owner = read_owner (fd);
    close (fd);
    if (alive (owner))
      return troupe_error_set (error, TROUPE_CONFLICT, directory,
                               "end that one, or give this mesh another name (`mesh:`)",
                               "this mesh is running already, by `troupe up` with pid %ld", (long)owner);
    return troupe_error_set (error, TROUPE_CONFLICT, directory, "`fuser` on the file `lock` in it lists them",
                             "processes of a previous run, whose `troupe up` (pid %ld) is gone, don't end",
                             (long)owner);
  }
  char text[32];
  int size = snprintf (text, sizeof text, "%ld\n", (long)getpid ());
  if (ftruncate (fd, 0) != 0 || pwrite (fd, text, (size_t)size, 0) != size) {
    close (fd);
    return troupe_error_set (error, TROUPE_IO, directory, "is the disk full?", "the lock can't be written: %s",
                             strerror (errno));
  }
  *out = fd;
  return TROUPE_OK;
}

bool
lock_held (const char *directory, pid_t *owner)
{
  int fd = open_lock (directory, O_RDWR);
  if (fd < 0)
    return false;
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  bool held = fcntl (fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
  if (owner)
    *owner = read_owner (fd);
  close (fd);
  return held;
}

bool
lock_owned (const char *directory)
{
  pid_t owner = 0;
  return lock_held (directory, &owner) && alive (owner);
}

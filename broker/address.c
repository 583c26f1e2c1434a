// SPDX-License-Identifier: Apache-2.0
//
// libzmq removes whatever file lies at an ipc address and binds its own: two brokers started by mistake under one name
// would take turns in stealing each other's peers. So the address is claimed first, by a lock on a file next to it
// (<path>.lock, which stays): the kernel gives it back when its holder dies, however it dies, so what a dead broker
// left is taken over and what a living one holds is not. For something else that listens there, the socket is tried.
//
// tcp needs none of that: the kernel refuses a port that is in use.

#include "broker/address.h"

#include "troupe/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char ipc[] = "ipc://";

static troupe_err_t
failed (troupe_error_t *error, const char *path, const char *what)
{
  return troupe_error_set (error, errno == EACCES || errno == EPERM ? TROUPE_PERMISSION : TROUPE_IO, path,
                           "choose another state directory in the configuration", "%s: %s", what, strerror (errno));
}

static troupe_err_t
in_use (troupe_error_t *error, const char *endpoint)
{
  return troupe_error_set (error, TROUPE_ADDRESS_IN_USE, endpoint,
                           "end that process, or give this broker another endpoint in the configuration",
                           "another process listens there");
}

static troupe_err_t
make_directory (const char *path, troupe_error_t *error)
{
  char directory[PATH_MAX];
  if (strlen (path) >= sizeof directory)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, path, NULL, "the path is longer than %d bytes", PATH_MAX - 1);
  strcpy (directory, path);
  for (char *slash = strchr (directory + 1, '/'); slash != NULL; slash = strchr (slash + 1, '/')) {
    *slash = '\0';
    if (mkdir (directory, 0700) != 0 && errno != EEXIST)
      return failed (error, directory, "the directory can't be made");
    *slash = '/';
  }
  return TROUPE_OK;
}

// Whether somebody answers at the socket.
static bool
is_served (const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen (path) >= sizeof address.sun_path)
    return false; // bind will say that it is too long
  strcpy (address.sun_path, path);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return false;
  bool served = connect (fd, (const struct sockaddr *)&address, sizeof address) == 0 || errno == EAGAIN;
  close (fd);
  return served;
}

static troupe_err_t
lock (int *claim, const char *endpoint, const char *path, troupe_error_t *error)
{
  char name[PATH_MAX];
  if (snprintf (name, sizeof name, "%s.lock", path) >= (int)sizeof name)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, path, NULL, "the path is longer than %d bytes", PATH_MAX - 6);
  int fd = open (name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return failed (error, name, "the lock file can't be opened");
  if (flock (fd, LOCK_EX | LOCK_NB) != 0) {
    troupe_err_t err = errno == EWOULDBLOCK ? in_use (error, endpoint) : failed (error, name, "it can't be locked");
    close (fd);
    return err;
  }
  *claim = fd;
  return TROUPE_OK;
}

troupe_err_t
address_claim (int *claim, const char *endpoint, troupe_error_t *error)
{
  *claim = -1;
  if (strncmp (endpoint, ipc, strlen (ipc)) != 0)
    return TROUPE_OK;
  const char *path = endpoint + strlen (ipc);
  troupe_err_t err = make_directory (path, error);
  if (err == TROUPE_OK)
    err = lock (claim, endpoint, path, error);
  if (err == TROUPE_OK && is_served (path)) {
    close (*claim); // the file is the other's
    *claim = -1;
    err = in_use (error, endpoint);
  }
  return err;
}

troupe_err_t
address_tell_token (const char *endpoint, const char *token, troupe_error_t *error)
{
  char name[PATH_MAX];
  if (strncmp (endpoint, ipc, strlen (ipc)) != 0)
    return TROUPE_OK;
  if (snprintf (name, sizeof name, "%s%s", endpoint + strlen (ipc), TROUPE_TOKEN_SUFFIX) >= (int)sizeof name)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, endpoint, NULL, "the path is longer than %d bytes",
                             PATH_MAX - 7);
  if (unlink (name) != 0 && errno != ENOENT)
    return failed (error, name, "an old token can't be removed");
  int fd = token != NULL ? open (name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
  if (token == NULL)
    return TROUPE_OK;
  bool written = fd >= 0 && dprintf (fd, "%s\n", token) > 0;
  if (fd >= 0)
    close (fd);
  return written ? TROUPE_OK : failed (error, name, "the token can't be written");
}

void
address_release (int *claim, const char *endpoint)
{
  if (*claim < 0)
    return;
  address_tell_token (endpoint, NULL, NULL);
  unlink (endpoint + strlen (ipc));
  close (*claim);
  *claim = -1;
}

// SPDX-License-Identifier: Apache-2.0
//
// Whether a file lies below the folder is asked about the file that was opened, by its descriptor, and not about its
// name: a link within the folder may lead out of it, and a name may mean another file a moment later. It is opened
// without waiting, so that a pipe holds nobody up.

#include "model/file_link.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static troupe_err_t
refuse (const char *url, troupe_error_t *error, troupe_err_t code, const char *why)
{
  return troupe_error_set (error, code, NULL, NULL, "%.200s: %s", url, why);
}

static bool
is_below (const char *folder, int fd)
{
  char link[32], real[PATH_MAX];
  snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink (link, real, sizeof real - 1);
  size_t length = strlen (folder);
  if (size <= 0)
    return false;
  real[size] = 0;
  if (strcmp (folder, "/") == 0)
    return true;
  return strncmp (real, folder, length) == 0 && real[length] == '/';
}

static troupe_err_t
read_all (int fd, const char *url, size_t most, bytes_t *out, troupe_error_t *error)
{
  char piece[64 * 1024], why[96];
  struct stat status;
  if (fstat (fd, &status) != 0 || !S_ISREG (status.st_mode))
    return refuse (url, error, TROUPE_BAD_MESSAGE, "it is no regular file");
  for (ssize_t got; (got = read (fd, piece, sizeof piece)) != 0;) {
    if (got < 0)
      return refuse (url, error, TROUPE_BAD_MESSAGE, strerror (errno));
    if (out->size + (size_t)got > most) {
      snprintf (why, sizeof why, "more than %zu bytes, which is the most", most);
      return refuse (url, error, TROUPE_BAD_MESSAGE, why);
    }
    if (!bytes_add (out, piece, (size_t)got))
      return troupe_error_set (error, TROUPE_NO_MEMORY, NULL, NULL, "no memory for a file");
  }
  return TROUPE_OK;
}

// The path that the URL names, to be freed by curl_free; NULL: none on this host.
static char *
path_of (const char *url)
{
  char *path = NULL;
  CURLU *parts = curl_url ();
  if (!parts || curl_url_set (parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
      curl_url_get (parts, CURLUPART_PATH, &path, CURLU_URLDECODE) != CURLUE_OK)
    path = NULL;
  curl_url_cleanup (parts);
  return path;
}

troupe_err_t
file_link_read (const char *folder, const char *url, size_t most, bytes_t *out, troupe_error_t *error)
{
  char *path = path_of (url);
  if (!path)
    return refuse (url, error, TROUPE_BAD_MESSAGE, "it names no file of this host");
  int fd = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  curl_free (path);
  troupe_err_t code;
  if (fd < 0 || !is_below (folder, fd))
    code = refuse (url, error, TROUPE_PERMISSION, "there is no such file below the folder of the model's key files");
  else
    code = read_all (fd, url, most, out, error);
  if (fd >= 0)
    close (fd);
  return code;
}

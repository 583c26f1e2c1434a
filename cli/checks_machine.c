// SPDX-License-Identifier: Apache-2.0
//
// Checks of this machine: programs, clock, directories, sockets and ports. Nothing is left changed, but for the
// state directory, which `troupe up` would make too.
#include "cli/checks.h"

#include "cli/lock.h"
#include "cli/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum {
  EARLIEST = 1767225600, // 2026-01-01: before this was written no clock is right
  SOCKET_PATH_MAX = sizeof ((struct sockaddr_un *)0)->sun_path - 1
};

void
checks_programs (checks_t *self)
{
  static const char *const names[] = {"troupe-broker", "troupe-model", "troupe-agent"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char *path = process_sibling (names[i]);
    bool there = path && access (path, X_OK) == 0;
    if (!there || i == 0)
      checks_add (self, "programs", there, "build or install Troupe again", "%s %s", path ? path : names[i],
                  there ? "and those beside it" : "can't be run");
    free (path);
    if (!there)
      return;
  }
}

void
checks_clock (checks_t *self)
{
  char text[64];
  time_t now = time (NULL);
  struct tm parts;
  strftime (text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", gmtime_r (&now, &parts));
  checks_add (self, "clock", now >= EARLIEST, "set the clock (NTP): ids and timestamps carry the time", "%s", text);
}

void
checks_state (checks_t *self, const mesh_t *mesh)
{
  troupe_error_t error = {0};
  bool fine = lock_make_directory (mesh->directory, &error) == TROUPE_OK;
  checks_add (self, "state", fine, error.next, "%s%s%s", mesh->directory, fine ? " is writable" : ": ", error.why);
}

static void
check_path (checks_t *self, const char *what, const char *path)
{
  size_t size = strlen (path);
  checks_add (self, "socket", size <= SOCKET_PATH_MAX,
              "set a shorter `state`, or start it from a directory nearer to it", "%s: %s, %zu of at most %d bytes",
              what, path, size, SOCKET_PATH_MAX);
}

// Whether somebody could listen there: tries it, as a broker would.
static void
check_port (checks_t *self, const char *name, const char *endpoint)
{
  void *context = zmq_ctx_new (), *socket = context ? zmq_socket (context, ZMQ_ROUTER) : NULL;
  bool bound = socket && zmq_bind (socket, endpoint) == 0;
  int why = zmq_errno ();
  checks_add (self, "port", bound, "end what listens there, or choose another port", "%s: %s %s", name, endpoint,
              bound ? "is free" : zmq_strerror (why));
  if (socket)
    zmq_close (socket);
  if (context)
    zmq_ctx_term (context);
}

void
checks_endpoints (checks_t *self, const mesh_t *mesh)
{
  static const char ipc[] = "ipc://";
  size_t i;
  json_t *broker;
  bool running = mesh_running (mesh);
  json_array_foreach (troupe_config_get (mesh->config, "brokers"), i, broker)
  {
    const char *name = json_string_value (json_object_get (broker, "name"));
    const char *endpoint = json_string_value (json_object_get (broker, "endpoint"));
    const char *publish = json_string_value (json_object_get (broker, "publish"));
    if (strncmp (endpoint, ipc, strlen (ipc)) == 0)
      check_path (self, name,
                  (publish && strncmp (publish, ipc, strlen (ipc)) == 0 ? publish : endpoint) + strlen (ipc));
    else if (running)
      checks_add (self, "port", true, NULL, "%s: %s is this mesh's own", name, endpoint);
    else
      check_port (self, name, endpoint);
  }
}

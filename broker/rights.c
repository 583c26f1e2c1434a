// SPDX-License-Identifier: Apache-2.0
//
// Names belong to keys. A connection's identity is settled when it says hello: libzmq knows whose it is, and it stays
// so until the connection ends. So each message is asked only what its command needs, and most of them nothing: to
// stream, to read a memory or what was said, a peer must run that attempt of the call, which only an instance of the
// service can, and to be one is what a key allows. An outcome may also come to a broker that doesn't have the call;
// then the store is told for which services the key may speak (settling.c).
//
// A broker without a guard (ipc, where the file's permissions decide, or insecure) has no identities, and asks nothing.
//
// Sessions are asked for where one is entered: by calls that aren't nested. What is nested, or for an attempt at hand,
// is in the session of its parent, and the store proves that with the parent's attempt.

#include "broker/rights.h"

#include "broker/answer.h"
#include "broker/calls.h"
#include "broker/peers.h"

static troupe_err_t
refuse (broker_core_t *core, const peer_t *peer, const char *object, const char *next, const char *what,
        troupe_error_t *error)
{
  core->counters[BROKER_COUNT_REFUSED_BY_KEY]++;
  return troupe_error_set (error, TROUPE_PERMISSION, object, next, "the key %s may not %s",
                           troupe_identity_name (peer->identity), what);
}

troupe_err_t
rights_to_come (broker_core_t *core, const troupe_identity_t *identity, troupe_error_t *error)
{
  if (!core->options.guarded || identity != NULL)
    return TROUPE_OK;
  core->counters[BROKER_COUNT_REFUSED_BY_KEY]++;
  return troupe_error_set (error, TROUPE_PERMISSION, core->name, "have it put back into the broker's directory of keys",
                           "the broker doesn't know this process's key any more");
}

static troupe_err_t
check_register (broker_core_t *core, const peer_t *peer, const troupe_header_t *header, troupe_error_t *error)
{
  char name[TROUPE_SERVICE_NAME_MAX + 1], next[TROUPE_ERROR_NEXT_MAX];
  if (troupe_identity_serves (peer->identity, header->service))
    return TROUPE_OK;
  snprintf (name, sizeof name, "%.*s", (int)header->service.size, header->service.data);
  snprintf (next, sizeof next, "add it to `serves` in the .pub file of %s", troupe_identity_name (peer->identity));
  return refuse (core, peer, name, next, "serve it", error);
}

// Whether it is asked for the sake of an attempt that the peer runs.
static bool
is_within (const troupe_header_t *header)
{
  return troupe_header_has (header, TROUPE_F (PARENT)) || troupe_header_has (header, TROUPE_F (WAITER)) ||
         troupe_header_has (header, TROUPE_F (ATTEMPT));
}

// A nested call is made in the name of its parent. (If another broker has that, the store sees that its attempt runs.)
static troupe_err_t
check_parent (broker_core_t *core, const peer_t *peer, const troupe_header_t *header, troupe_error_t *error)
{
  if (!troupe_header_has (header, TROUPE_F (PARENT)) || header->path_count == 0)
    return TROUPE_OK;
  const call_t *parent = calls_find (core, &header->path[header->path_count - 1]);
  if (parent == NULL || parent->service == NULL ||
      troupe_identity_serves (peer->identity, troupe_text (parent->service->name)))
    return TROUPE_OK;
  return refuse (core, peer, parent->service->name, "call it without a parent", "make calls for it", error);
}

static troupe_err_t
check_call (broker_core_t *core, const peer_t *peer, const troupe_header_t *header, troupe_error_t *error)
{
  char session[128 + 1];
  bool runs = header->command == TROUPE_CMD_AWAIT && troupe_header_has (header, TROUPE_F (ATTEMPT));
  if (!runs && !troupe_identity_calls (peer->identity))
    return refuse (core, peer, troupe_command_name (header->command), "set `calls: true` in its .pub file",
                   "call services", error);
  troupe_err_t err = check_parent (core, peer, header, error);
  if (err != TROUPE_OK)
    return err;
  if (is_within (header) || !troupe_header_has (header, TROUPE_F (SESSION)) ||
      troupe_identity_enters (peer->identity, header->session))
    return TROUPE_OK;
  snprintf (session, sizeof session, "%.*s", (int)header->session.size, header->session.data);
  return refuse (core, peer, session, "see `sessions` in its .pub file", "enter that session", error);
}

troupe_err_t
rights_check (broker_core_t *core, const peer_t *peer, const troupe_header_t *header, troupe_error_t *error)
{
  if (peer->identity == NULL)
    return TROUPE_OK;
  switch (header->command) {
  case TROUPE_CMD_REGISTER:
    return check_register (core, peer, header, error);
  case TROUPE_CMD_CALL:
  case TROUPE_CMD_AWAIT:
  case TROUPE_CMD_CANCEL:
    return check_call (core, peer, header, error);
  case TROUPE_CMD_END:
    return check_call (core, peer, header, error);
  case TROUPE_CMD_STATUS:
  case TROUPE_CMD_SESSIONS:
  case TROUPE_CMD_LETTERS:
  case TROUPE_CMD_LETTER:
  case TROUPE_CMD_RESEND:
  case TROUPE_CMD_DISCARD:
    if (troupe_identity_operates (peer->identity))
      return TROUPE_OK;
    return refuse (core, peer, core->name, "set `operator: true` in its .pub file", "see reports and dead letters",
                   error);
  default:
    return TROUPE_OK;
  }
}

bool
rights_speak (broker_core_t *core, const peer_t *peer, const char *service)
{
  if (peer->identity == NULL || troupe_identity_serves (peer->identity, troupe_text (service)))
    return true;
  core->counters[BROKER_COUNT_REFUSED_BY_KEY]++;
  return false;
}

static peer_t *
first_of (const broker_core_t *core, const char *user)
{
  for (list_link_t *link = core->all_peers.next; link != &core->all_peers; link = link->next) {
    peer_t *peer = LIST_ITEM (link, peer_t, in_core);
    if (peer->identity != NULL && strcmp (troupe_identity_user (peer->identity), user) == 0)
      return peer;
  }
  return NULL;
}

// Each is told, so that it says hello again at once, and hears why not.
void
rights_revoke (broker_core_t *core, const char *user)
{
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_RESET);
  troupe_header_set_peer (&header, troupe_text (core->name));
  for (peer_t *peer; (peer = first_of (core, user)) != NULL;) {
    broker_connection_t connection = peer->connection;
    peers_end (core, peer, "lost", "its key was revoked, or has other rights now");
    core->options.outlet.send (core->options.outlet.context, connection, &header, NULL);
  }
}

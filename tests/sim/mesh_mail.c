// SPDX-License-Identifier: Apache-2.0
//
// A request and its result outlive those who made them: what they point to is copied, into a list that the mail has.

#include "sim/mesh_mail.h"

#include <stdlib.h>

struct mesh_copy {
  mesh_copy_t *next;
  char bytes[];
};

static void *
copy (mesh_mail_t *mail, const void *data, size_t size)
{
  if (data == NULL || size == 0)
    return NULL;
  mesh_copy_t *made = mesh_need (malloc (sizeof *made + size));
  made->next = mail->copies;
  mail->copies = made;
  return memcpy (made->bytes, data, size);
}

static char *
copy_text (mesh_mail_t *mail, const char *text)
{
  return text != NULL ? copy (mail, text, strlen (text) + 1) : NULL;
}

static void
copy_calls (mesh_mail_t *mail)
{
  ledger_result_t *result = &mail->result;
  ledger_call_t *calls = copy (mail, result->calls, result->calls_count * sizeof *calls);
  for (size_t i = 0; i < result->calls_count; i++) {
    calls[i].session = copy_text (mail, calls[i].session);
    calls[i].service = copy_text (mail, calls[i].service);
    calls[i].owner = copy_text (mail, calls[i].owner);
    calls[i].trace = copy_text (mail, calls[i].trace);
    calls[i].path = copy (mail, calls[i].path, calls[i].path_count * sizeof *calls[i].path);
    troupe_buffer_ref (calls[i].body);
  }
  result->calls = mail->calls = calls;
  mail->calls_count = result->calls_count;
}

static void
copy_brokers (mesh_mail_t *mail)
{
  ledger_result_t *result = &mail->result;
  ledger_broker_t *brokers = copy (mail, result->brokers, result->brokers_count * sizeof *brokers);
  for (size_t i = 0; i < result->brokers_count; i++)
    brokers[i].name = copy_text (mail, brokers[i].name);
  result->brokers = brokers;
}

void
mesh_mail_keep (mesh_mail_t *mail, const ledger_result_t *result)
{
  mail->result = *result;
  mail->result.why = copy_text (mail, result->why);
  mail->result.owner = copy_text (mail, result->owner);
  mail->result.sizes = copy (mail, result->sizes, result->sizes_count * sizeof *result->sizes);
  mail->value = mail->result.body = troupe_buffer_ref (result->body);
  mail->result.said = copy (mail, result->said, result->said_count * sizeof *result->said);
  mail->result.hubs = copy (mail, result->hubs, result->hubs_count * sizeof *result->hubs); // whose sessions stay
  copy_calls (mail);
  copy_brokers (mail);
}

void
mesh_mail_free (void *thing)
{
  mesh_mail_t *mail = thing;
  for (size_t i = 0; i < mail->calls_count; i++) {
    troupe_buffer_t *body = mail->calls[i].body;
    troupe_buffer_unref (&body);
  }
  for (mesh_copy_t *made; (made = mail->copies) != NULL;) {
    mail->copies = made->next;
    free (made);
  }
  troupe_buffer_unref (&mail->body);
  troupe_buffer_unref (&mail->value);
  free (mail);
}

mesh_mail_t *
mesh_mail_new (mesh_broker_t *broker, const ledger_request_t *request)
{
  mesh_mail_t *mail = mesh_need (calloc (1, sizeof *mail));
  mail->broker = broker;
  mail->life = broker->life;
  mail->request = *request;
  mail->request.session = copy_text (mail, request->session);
  mail->request.service = copy_text (mail, request->service);
  mail->request.path = copy (mail, request->path, request->path_count * sizeof *request->path);
  mail->request.inputs = copy (mail, request->inputs, request->inputs_count * sizeof *request->inputs);
  mail->request.sizes = copy (mail, request->sizes, request->sizes_count * sizeof *request->sizes);
  mail->request.hubs = copy (mail, request->hubs, request->hubs_count * sizeof *request->hubs);
  mail->request.members = NULL; // the step that the operation was made from has them
  mail->request.members_count = 0;
  mail->request.unknown = mail->request.live = NULL;
  mail->request.trace = mail->request.instance = mail->request.broker = NULL;
  mail->body = mail->request.body = troupe_buffer_ref (request->body);
  return mail;
}

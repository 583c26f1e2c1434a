// SPDX-License-Identifier: Apache-2.0
//
// What actors hear. Each call has a cut in each hub that its actor is in, the same in all hubs of an opener: where it
// stands itself, or the first of its group, or its nearest ancestor that was made by that opener. When it replies, its
// actor must have heard what members said before the cut while it was one itself: all of it, in the order of the logs,
// once, and nothing else.
//
// One that stands among the hubs of an opener for no such reason, since it is nested under a call that has nothing to
// do with them, waits for nothing that is younger than its root, and so may hear less of what was accepted after that;
// but without a gap, in all of them together.

#include "sim/mesh_state.h"

#include <stdlib.h>

enum { PATH_MAX_CALLS = TROUPE_PATH_MAX + 1 };

// -- Cuts ------------------------------------------------------------------------------------------------------------

static mesh_cut_t *
find_cut (mesh_cut_t *cuts, unsigned count, const mesh_hub_t *hub)
{
  for (unsigned i = 0; i < count; i++)
    if (cuts[i].hub == hub)
      return &cuts[i];
  return NULL;
}

static void
set_cut (mesh_cut_t **cuts, unsigned *count, const mesh_cut_t *cut)
{
  mesh_cut_t *known = find_cut (*cuts, *count, cut->hub);
  if (known == NULL) {
    *cuts = mesh_need (realloc (*cuts, (*count + 1) * sizeof **cuts));
    known = &(*cuts)[(*count)++];
  }
  *known = *cut;
}

static uint64_t
cut_of_fan (mesh_t *self, const mesh_call_t *call)
{
  const mesh_place_t *place = &call->place;
  for (const mesh_fan_t *fan = self->fans; fan != NULL; fan = fan->next)
    if (fan->parent == place->parent && fan->session == call->session && troupe_id_equal (&fan->id, &place->fan))
      return fan->at;
  mesh_fan_t *fan = mesh_need (calloc (1, sizeof *fan));
  *fan = (mesh_fan_t){.next = self->fans,
                      .id = place->fan,
                      .session = call->session,
                      .parent = place->parent,
                      .at = place->sequence - 1,
                      .since = self->clock.now};
  self->fans = fan;
  return fan->at;
}

static bool
has_opened (const mesh_t *self, const mesh_call_t *call)
{
  for (const mesh_hub_t *hub = self->hubs; hub != NULL; hub = hub->next)
    if (hub->parent == call)
      return true;
  return false;
}

static void
stand (mesh_t *self, mesh_call_t *call)
{
  mesh_place_t *place = &call->place;
  place->stands = place->parent != NULL ? has_opened (self, place->parent) : place->hubs_count > 0;
  place->at = place->sequence - 1;
  if (place->stands && !troupe_id_is_zero (&place->fan))
    place->at = cut_of_fan (self, call);
}

// The one of the call itself and its ancestors that the opener made, and that stands among its hubs; NULL: none.
static const mesh_call_t *
made_by (const mesh_call_t *call, const mesh_call_t *opener)
{
  while (call != NULL && !(call->place.parent == opener && call->place.stands))
    call = call->place.parent;
  return call;
}

static const mesh_call_t *
root_of (const mesh_call_t *call)
{
  while (call->place.parent != NULL)
    call = call->place.parent;
  return call;
}

// A younger call of the same actor waits: nobody may hear before it what it doesn't.
static bool
overtakes (const mesh_t *self, const ledger_model_call_t *stored, uint64_t root)
{
  for (size_t i = 0; i < ledger_model_count (self->model); i++) {
    const ledger_model_call_t *other = ledger_model_at (self->model, i);
    if (other != stored && other->status == TROUPE_STATUS_NONE && strcmp (other->session, stored->session) == 0 &&
        strcmp (other->service, stored->service) == 0 &&
        root_of (mesh_call_find (self, &other->id))->place.sequence > root)
      return true;
  }
  return false;
}

void
mesh_hub_stand (mesh_t *self, mesh_call_t *call, const ledger_model_call_t *stored)
{
  mesh_place_t *place = &call->place;
  uint64_t root = root_of (call)->place.sequence;
  stand (self, call);
  place->cuts_count = 0;
  for (mesh_hub_t *hub = self->hubs; hub != NULL && mesh_services[call->service].actor; hub = hub->next) {
    if (hub->session != call->session || hub->members[call->service].count == 0)
      continue;
    const mesh_call_t *stands = made_by (call, hub->parent);
    mesh_cut_t cut = {.hub = hub, .at = place->sequence - 1};
    if (stands != NULL)
      cut.at = stands->place.at;
    else if (call->observes) {
      cut.loose = true;
    } else if (place->parent != NULL) {
      cut.loose = true;
      cut.least = overtakes (self, stored, root) ? 0 : root - 1;
    }
    set_cut (&place->cuts, &place->cuts_count, &cut);
  }
}

// -- What there is to hear -------------------------------------------------------------------------------------------

static bool
concerned (const mesh_hub_t *hub, unsigned service, const mesh_entry_t *entry, uint64_t cut)
{
  const mesh_member_t *member = &hub->members[service];
  if (entry->service == service || entry->sequence <= member->heard || entry->sequence > cut)
    return false;
  for (unsigned i = 0; i < member->count; i++)
    if (entry->sequence > member->stays[i].from && entry->sequence <= member->stays[i].to)
      return true;
  return false;
}

bool
mesh_hub_concerns (const mesh_hub_t *hub, unsigned service, const mesh_entry_t *entry, uint64_t cut)
{
  return entry->sequence > hub->gone_to && concerned (hub, service, entry, cut);
}

void
mesh_hub_check_turn (mesh_t *self, const mesh_call_t *call)
{
  for (unsigned i = 0; i < call->place.cuts_count; i++) {
    const mesh_cut_t *cut = &call->place.cuts[i];
    uint64_t at = cut->loose ? cut->least : cut->at;
    for (unsigned e = 0; e < cut->hub->entries_count && cut->hub->pending > 0; e++) {
      const mesh_entry_t *entry = &cut->hub->entries[e];
      if (entry->pending && mesh_hub_concerns (cut->hub, call->service, entry, at))
        mesh_found (self, MESH_CHECK_HUB_TURN, "%s gets its turn before %s, which it is to hear, has settled",
                    mesh_id_text (&call->id), mesh_id_text (&entry->call->id));
    }
  }
}

// -- What was heard --------------------------------------------------------------------------------------------------

typedef struct {
  const mesh_cut_t *cut;
  const mesh_entry_t *entry;
} news_t;

static int
by_sequence (const void *a, const void *b)
{
  const news_t *left = a, *right = b;
  if (left->entry->sequence != right->entry->sequence)
    return left->entry->sequence > right->entry->sequence ? 1 : -1;
  return (left->cut > right->cut) - (left->cut < right->cut);
}

// With what was given up since: an attempt may have read it before.
static news_t *
collect (const mesh_call_t *call, size_t *count)
{
  size_t all = 0;
  for (unsigned i = 0; i < call->place.cuts_count; i++)
    all += call->place.cuts[i].hub->entries_count;
  news_t *news = mesh_need (calloc (all + 1, sizeof *news));
  for (unsigned i = 0; i < call->place.cuts_count; i++) {
    const mesh_cut_t *cut = &call->place.cuts[i];
    for (unsigned e = 0; e < cut->hub->entries_count; e++) {
      const mesh_entry_t *entry = &cut->hub->entries[e];
      if ((entry->filled || entry->pending) && concerned (cut->hub, call->service, entry, cut->at))
        news[(*count)++] = (news_t){cut, entry};
    }
  }
  qsort (news, *count, sizeof *news, by_sequence);
  return news;
}

static bool
must_hear (const news_t *news)
{
  return news->entry->sequence > news->cut->hub->gone_to &&
         (!news->cut->loose || news->entry->sequence <= news->cut->least);
}

typedef struct {
  const mesh_call_t *call;
  const json_t *heard;
  size_t at;      // of `heard`
  uint64_t *stop; // of each cut: the first entry that was not heard in a hub of its opener; 0: none yet
} walk_t;

static size_t
number_of (const walk_t *walk, const news_t *news)
{
  return (size_t)(news->cut - walk->call->place.cuts);
}

static void
stop (walk_t *walk, const news_t *news)
{
  for (unsigned i = 0; i < walk->call->place.cuts_count; i++)
    if (walk->call->place.cuts[i].hub->parent == news->cut->hub->parent && walk->stop[i] == 0)
      walk->stop[i] = news->entry->sequence;
}

static bool
is_past (const news_t *news)
{
  return news->entry->sequence <= news->cut->hub->gone_to;
}

// Of what was given up one can't tell whether it was heard, when the same number comes again later (the same call was
// made twice): it is the later one that was heard, unless there are more of that number.
static bool
comes_again (const walk_t *walk, const news_t *news, size_t count, size_t rest)
{
  size_t heard = 0, later = 0;
  bool past = true;
  for (size_t i = 0; i < count; i++)
    past = past && is_past (&news[i]);
  for (size_t i = walk->at; i < json_array_size (walk->heard); i++)
    heard += (unsigned)json_integer_value (json_array_get (walk->heard, i)) == news->entry->number;
  for (size_t i = count; i < rest; i++)
    later += !is_past (&news[i]) && news[i].entry->number == news->entry->number;
  return past && later >= heard;
}

// Goes past the news of which the first `count` say the same, of `rest`; false: they were not heard, and had to be.
static bool
match (walk_t *walk, const news_t *news, size_t count, size_t rest)
{
  bool must = false, may = !comes_again (walk, news, count, rest);
  bool reached = false;
  for (size_t i = 0; i < count; i++) {
    must |= must_hear (&news[i]);
    reached |= walk->stop[number_of (walk, &news[i])] == 0;
  }
  may = may && reached;
  const json_t *next = json_array_get (walk->heard, walk->at);
  if (may && !news->entry->pending && next != NULL && (unsigned)json_integer_value (next) == news->entry->number) {
    walk->at++;
    return true;
  }
  for (size_t i = 0; i < count; i++)
    if (!is_past (&news[i]))
      stop (walk, &news[i]);
  return !must;
}

// How far the actor has heard the hub of a cut by this call.
static uint64_t
heard_to (const walk_t *walk, const mesh_cut_t *cut, const news_t *news, size_t count)
{
  uint64_t stop = walk->stop[cut - walk->call->place.cuts], to = cut->loose ? 0 : cut->at;
  for (size_t n = 0; n < count && cut->loose; n++)
    if (news[n].cut->hub->parent == cut->hub->parent && (stop == 0 || news[n].entry->sequence < stop))
      to = news[n].entry->sequence;
  return to;
}

static void
pass (const walk_t *walk, const news_t *news, size_t count)
{
  for (unsigned i = 0; i < walk->call->place.cuts_count; i++) {
    const mesh_cut_t *cut = &walk->call->place.cuts[i];
    mesh_member_t *member = &cut->hub->members[walk->call->service];
    uint64_t to = heard_to (walk, cut, news, count);
    if (walk->call->observes && to > member->heard)
      member->told = to; // the rest it has heard when it was called
    member->heard = to > member->heard ? to : member->heard;
  }
}

static void
trace (const mesh_t *self, const walk_t *walk, const news_t *news, size_t count)
{
  if (!self->options.traced || (count == 0 && json_array_size (walk->heard) == 0))
    return;
  for (unsigned i = 0; i < walk->call->place.cuts_count; i++) {
    const mesh_cut_t *cut = &walk->call->place.cuts[i];
    mesh_trace (self, "%s of %s stands at %d in the hub of %s%s, and had heard up to %d",
                mesh_id_text (&walk->call->id), mesh_services[walk->call->service].name, (int)cut->at,
                mesh_id_text (&cut->hub->id), cut->loose ? " or before" : "",
                (int)cut->hub->members[walk->call->service].heard);
  }
  for (size_t i = 0; i < count; i++)
    mesh_trace (self, "  %u at %d in the hub of %s%s", news[i].entry->number, (int)news[i].entry->sequence,
                mesh_id_text (&news[i].cut->hub->id), news[i].entry->pending ? ", not said yet" : "");
  for (size_t i = 0; i < json_array_size (walk->heard); i++)
    mesh_trace (self, "  it has heard %d", (int)json_integer_value (json_array_get (walk->heard, i)));
}

void
mesh_hub_check_heard (mesh_t *self, const mesh_call_t *call, const json_t *value)
{
  if (!mesh_services[call->service].actor)
    return;
  size_t count = 0;
  news_t *news = collect (call, &count);
  walk_t walk = {.call = call, .heard = json_object_get (value, "news")};
  walk.stop = mesh_need (calloc (call->place.cuts_count + 1, sizeof *walk.stop));
  trace (self, &walk, news, count);
  for (size_t i = 0, same; i < count; i += same) {
    for (same = 1; i + same < count && news[i + same].entry->sequence == news[i].entry->sequence;)
      same++;
    if (!match (&walk, &news[i], same, count - i))
      mesh_found (self, MESH_CHECK_HUB_HEARD, "%s of %s replies, and has not heard %u, at %d in the hub of %s%s",
                  mesh_id_text (&call->id), mesh_services[call->service].name, news[i].entry->number,
                  (int)news[i].entry->sequence, mesh_id_text (&news[i].cut->hub->id),
                  news[i].entry->pending ? ", which nobody has said yet" : "");
  }
  if (walk.at < json_array_size (walk.heard))
    mesh_found (self, MESH_CHECK_HUB_HEARD, "%s of %s replies, and has heard %d, which is not for it, or not then",
                mesh_id_text (&call->id), mesh_services[call->service].name,
                (int)json_integer_value (json_array_get (walk.heard, walk.at)));
  self->tally.heard += (unsigned)walk.at;
  pass (&walk, news, count);
  free (walk.stop);
  free (news);
}

// -- Mailboxes -------------------------------------------------------------------------------------------------------

// From the first call that is said in a nested hub down to this one; of others just itself.
static unsigned
chain (const mesh_call_t *call, uint64_t out[PATH_MAX_CALLS])
{
  unsigned count = 0, top = 1;
  uint64_t up[PATH_MAX_CALLS];
  for (const mesh_call_t *at = call; at != NULL && count < PATH_MAX_CALLS; at = at->place.parent) {
    up[count++] = at->place.sequence;
    if (at->place.parent != NULL && at->place.hubs_count > 0)
      top = count;
  }
  for (unsigned i = 0; i < top; i++)
    out[i] = up[top - 1 - i];
  return top;
}

bool
mesh_hub_before (const mesh_call_t *a, const mesh_call_t *b)
{
  uint64_t left[PATH_MAX_CALLS], right[PATH_MAX_CALLS];
  unsigned lefts = chain (a, left), rights = chain (b, right);
  for (unsigned i = 0; i < lefts && i < rights; i++)
    if (left[i] != right[i])
      return left[i] < right[i];
  return lefts < rights;
}

// SPDX-License-Identifier: Apache-2.0
//
// Critique: answers that somebody judges, and that are improved until they are accepted or the rounds are over.

#include "blackbox/workflow/flow.h"

#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite (critiques, .init = place_enter, .fini = place_leave);

// The writer finds its own first answer wrong and its second right; the critic wants it to be better; the grump wants
// everything better, always.
static const char rules[] =
  "rules:\n"
  "  - { agent: grump, json: { thought: no, accepted: false, remarks: make it better } }\n"
  "  - agent: critic\n"
  "    heard: 'better answer'\n"
  "    json: { thought: yes, accepted: true, remarks: '' }\n"
  "  - { agent: critic, json: { thought: no, accepted: false, remarks: make it better } }\n"
  "  - { agent: writer, turn: 3, say: \"{'thought': 'hm', 'accepted': no, 'remarks': 'longer',\" }\n"
  "  - last: could not be used\n"
  "    json: { thought: hm, accepted: false, remarks: make it better }\n"
  "  - { agent: writer, turn: 7, json: { thought: yes, accepted: true, remarks: '' } }\n"
  "  - { last: make it better, say: better answer }\n"
  "  - say: first answer\n";

static const char mesh[] = "models:\n"
                           "  m: { type: rehearsal, rules: critique.yaml }\n";

static const char prelude[] = "local function make (name) return DialogAgent {name = name, model = 'm'} end\n";

static void
write_mesh (void)
{
  place_write ("troupe.yaml", mesh);
  place_write ("critique.yaml", rules);
}

static void
check (const char *script)
{
  char *text;
  write_mesh ();
  cr_assert_gt (asprintf (&text, "%s%s", prelude, script), 0);
  free (flow_run (text));
  free (text);
  place_expect_empty ();
}

Test (critiques, by_oneself_improve_an_answer)
{
  check ("local step = critique.self {author = make 'writer', about = 'facts'}\n"
         "local x = step (msg ('me', 'Tell me'))\n"
         "assert (x.content == 'better answer' and x.name == 'writer' and x.accepted == true, x.content)\n"
         "assert (#x.critique == 2 and x.critique[1].draft == 'first answer' and not x.critique[1].accepted)\n"
         "assert (x.critique[1].remarks == 'make it better' and x.critique[1].round == 1)\n"
         "assert (x.critique[2].accepted and x.critique[2].by == 'writer')\n");
}

Test (critiques, by_another_improve_an_answer)
{
  check ("local step = critique.pair {author = make 'author', critic = make 'critic', rounds = 5}\n"
         "local x = pipeline.sequential ({step, function (x) return x end}, 'Tell me')\n"
         "assert (x.content == 'better answer' and x.accepted and #x.critique == 2)\n"
         "assert (x.critique[1].by == 'critic' and x.critique[1].remarks == 'make it better')\n");
}

Test (critiques, end_at_their_limit)
{
  check ("local step = critique.pair {author = make 'author', critic = make 'grump', rounds = 3}\n"
         "local x = step 'Tell me'\n"
         "assert (x.accepted == false and #x.critique == 3 and x.content == 'better answer')\n"
         "for i, round in ipairs (x.critique) do assert (round.round == i and not round.accepted) end\n");
}

Test (critiques, by_a_person_improve_an_answer)
{
  write_mesh ();
  process_t *run =
    flow_start ("local author = DialogAgent {name = 'author', model = 'm'}\n"
                "local x = critique.human {author = author, person = UserAgent {name = 'me'}} 'Tell me'\n"
                "print ('END', x.content, x.accepted, #x.critique, x.critique[1].remarks)\n");
  process_expect (run, "author: first answer");
  process_send (run, "Please make it better\n");
  process_expect (run, "author: better answer");
  process_send (run, "OK.\n");
  process_expect (run, "END\tbetter answer\ttrue\t2\tPlease make it better");
  flow_end (&run, 0);
  place_expect_empty ();
}

Test (critiques, refuse_wrong_settings)
{
  check ("local a = make 'author'\n"
         "local function wrong (kind, settings, part)\n"
         "  local ok, err = pcall (critique[kind], settings)\n"
         "  assert (not ok and tostring (err):match (part), tostring (err))\n"
         "end\n"
         "wrong ('self', nil, 'critique.self {author = agent')\n"
         "wrong ('self', {}, 'author: an agent')\n"
         "wrong ('pair', {author = a}, 'critic: an agent')\n"
         "wrong ('pair', {author = a, critic = 'x'}, 'critic: an agent')\n"
         "wrong ('human', {author = a, person = a, about = 'x'}, 'unknown setting about')\n"
         "wrong ('self', {author = a, rounds = 0}, 'rounds: 1 to 16')\n"
         "wrong ('self', {author = a, rounds = 17}, 'rounds: 1 to 16')\n"
         "wrong ('self', {author = a, about = 5}, 'about: a text')\n");
}

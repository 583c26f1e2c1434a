// SPDX-License-Identifier: Apache-2.0
//
// What a rehearsal says when it is given no rules: enough small talk to try out a mesh and to see that messages,
// memory and streaming work. It is written as a file of rules, so it is an example of one, and it never lets anyone
// believe that a model is speaking: every reply begins with "[rehearsal]", and the first one explains it.

#include "model/rules.h"

// "my name is Ann"; the second group is the name.
#define TELLS_NAME "{regex: '(my name is|call me|i am called) ([^][ .,;:!?\"()]+)', ignore_case: true}\n"
#define ASKS_NAME                                                                                                      \
  "{regex: '(what.{0,3}s|what is|know|remember|tell me|say) my name|who am i([^a-z]|$)', ignore_case: true}\n"
#define NOTE                                                                                                           \
  " I am a rehearsal, not a real model: I play a few built-in rules. For real answers, configure a model of type "     \
  "openai_chat."

const char rules_small_talk[] =
  "chunk: word\n"
  "chunk_delay: 20ms\n"
  "rules:\n"
  "  - turn: 0\n"
  "    say: '[rehearsal] {{choice:Hello|Hi}}, {{agent}} here. Nobody has said anything yet." NOTE "'\n"

  "  - last: " ASKS_NAME "    heard: " TELLS_NAME "    say:\n"
  "      - '[rehearsal] Your name is {{heard.2}}. You told me so, and I remember it.'\n"
  "      - '[rehearsal] You said \"{{heard.0}}\", so your name is {{heard.2}}.'\n"

  "  - last: " TELLS_NAME "    turn: 1\n"
  "    say: '[rehearsal] {{choice:Nice to meet you|Hello|Welcome}}, {{2}}!" NOTE "'\n"

  "  - last: " TELLS_NAME
  "    say: '[rehearsal] {{choice:Nice to meet you|Hello|Welcome}}, {{2}}! I will remember your name.'\n"

  "  - last: " ASKS_NAME
  "    say: '[rehearsal] You have not told me your name yet. Say \"my name is ...\", and I will remember it.'\n"

  "  - last: {regex: 'how (many|often)|which turn', ignore_case: true}\n"
  "    say: '[rehearsal] You have spoken to me {{turn}} times in this conversation, counting this one.'\n"

  "  - last: {regex: '(who|what|which model) are you|are you (a|an|real|there|human)|your name', ignore_case: true}\n"
  "    say: '[rehearsal] I am {{agent}}, speaking with the model {{model}}." NOTE "'\n"

  "  - last: {regex: '(what did i|repeat|earlier|before|first)', ignore_case: true}\n"
  "    heard: {regex: '.+'}\n"
  "    say: '[rehearsal] Just before, I heard: \"{{heard.0}}\".'\n"

  "  - last: {regex: '(^|[^a-z])(bye|goodbye|good night|see you)', ignore_case: true}\n"
  "    say: '[rehearsal] {{choice:Goodbye|See you soon|Farewell}}! We spoke {{turn}} times.'\n"

  "  - last: {regex: '(^|[^a-z])thank', ignore_case: true}\n"
  "    say: '[rehearsal] {{choice:You are welcome|With pleasure|Any time}}. I only follow my rules.'\n"

  "  - last: {regex: '^[^a-z]*(hello|hi|hey|good (morning|day|evening))([^a-z]|$)', ignore_case: true}\n"
  "    turn: ..1\n"
  "    say: '[rehearsal] {{choice:Hello|Hi|Good to see you}}! I am {{agent}}." NOTE "'\n"

  "  - last: {regex: '^[^a-z]*(hello|hi|hey|good (morning|day|evening))([^a-z]|$)', ignore_case: true}\n"
  "    say: '[rehearsal] {{choice:Hello|Hi}} again! This is your turn {{turn}}.'\n"

  "  - turn: ..1\n"
  "    say: '[rehearsal] I heard: \"{{last.short}}\"." NOTE "'\n"

  "  - last: {regex: '[?][^a-z]*$', ignore_case: true}\n"
  "    say:\n"
  "      - '[rehearsal] A good question, your turn {{turn}}: \"{{last.short}}\" A real model would answer it.'\n"
  "      - '[rehearsal] I heard \"{{last.short}}\", but my rules have no answer to it. That was turn {{turn}}.'\n"

  "  - say:\n"
  "      - '[rehearsal] I heard: \"{{last.short}}\". That was your turn {{turn}}.'\n"
  "      - '[rehearsal] {{choice:Noted|I see|Understood}}: \"{{last.short}}\". We are at turn {{turn}}.'\n";

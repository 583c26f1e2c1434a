// SPDX-License-Identifier: Apache-2.0
//
// The verbs, their options and what their help says. Tables only.
#include "cli/commands.h"

#include "cli/verbs.h"

#define OPTION_FILE                                                                                                    \
  {                                                                                                                    \
    "file", 'f', "FILE", "the mesh's configuration (else $TROUPE_CONFIG, else ./troupe.yaml)", NULL, false             \
  }
#define OPTION_BROKER                                                                                                  \
  {                                                                                                                    \
    "broker", 'b', "ENDPOINT", "a broker of the mesh, instead of those in the configuration", NULL, true               \
  }
#define OPTION_JSON(help)                                                                                              \
  {                                                                                                                    \
    "json", 'j', NULL, help, NULL, false                                                                               \
  }
#define OPTION_SESSION                                                                                                 \
  {                                                                                                                    \
    "session", 's', "NAME", "the session to go on with, 1 to 128 characters (else a new one)", NULL, false             \
  }
#define OPTION_DEADLINE                                                                                                \
  {                                                                                                                    \
    "deadline", 'd', "TIME", "how long a call may take: 500ms, 30s, 2m (else as `limits.deadline` says)", NULL, false  \
  }

static const troupe_option_t up_options[] = {
  OPTION_FILE,
  {"log-dir", 0, "DIR", "write each process's log to DIR/<process>.log instead of standard error", NULL, false},
  OPTION_JSON ("print each change as a line of JSON on standard output"),
  {NULL},
};

static const troupe_option_t run_options[] = {
  OPTION_FILE,
  OPTION_BROKER,
  OPTION_SESSION,
  {NULL},
};

static const troupe_option_t chat_options[] = {
  OPTION_FILE,     OPTION_BROKER,
  OPTION_SESSION,  {"name", 'n', "NAME", "your name, as the agents see it", "user", false},
  OPTION_DEADLINE, OPTION_JSON ("print each reply, or error, as a line of JSON"),
  {NULL},
};

static const troupe_option_t call_options[] = {
  OPTION_FILE,
  OPTION_BROKER,
  OPTION_SESSION,
  OPTION_DEADLINE,
  {"stream", 0, NULL, "print the parts of the reply as they come: {\"part\"} lines, then a {\"value\"} line", NULL,
   false},
  {"once", 0, NULL, "run it at most once: it fails when its worker or broker is lost, instead of running again", NULL,
   false},
  {"wait", 'w', NULL, "wait for the service to appear instead of failing at once", NULL, false},
  {"verbose", 'v', NULL, "print the call's id and session on standard error", NULL, false},
  {NULL},
};

static const troupe_option_t ps_options[] = {
  OPTION_FILE,
  OPTION_BROKER,
  OPTION_JSON ("print the brokers' reports"),
  {NULL},
};

static const troupe_option_t dead_options[] = {
  OPTION_FILE,
  OPTION_BROKER,
  {"all", 'a', NULL, "all of them, instead of those with the ids", NULL, false},
  {"detach", 0, NULL, "retry: don't wait for how it ends", NULL, false},
  OPTION_JSON ("list: print all that is known of each"),
  {NULL},
};

static const troupe_option_t session_options[] = {
  OPTION_FILE,
  OPTION_BROKER,
  OPTION_JSON ("list: print all that is known of each"),
  {NULL},
};

static const troupe_option_t probe_options[] = {OPTION_FILE, {NULL}};

static const troupe_option_t doctor_options[] = {
  OPTION_FILE,
  OPTION_JSON ("print the checks as a list"),
  {NULL},
};

static const troupe_option_t keygen_options[] = {
  OPTION_FILE,
  {"mesh", 'm', NULL, "make all keys that the mesh of the configuration needs and that aren't there", NULL, false},
  {"directory", 'o', "DIR", "where the keys are written (else `keys.directory` of the configuration)", NULL, false},
  {"serves", 's', "SERVICE", "a service that it may serve; * stands for any characters", NULL, true},
  {"sessions", 0, "SESSION", "sessions that it may enter, in the same way (else all)", NULL, true},
  {"operator", 0, NULL, "it may see the brokers' reports: troupe ps", NULL, false},
  {"no-calls", 0, NULL, "it may not call services", NULL, false},
  {NULL},
};

static const troupe_option_t new_options[] = {
  OPTION_FILE,
  {"model", 'm', "NAME", "the model that it speaks with (else the mesh's first)", NULL, false},
  {"compose", 'c', NULL, "write a compose file too, which brings it into a mesh of containers", NULL, false},
  {"directory", 'o', "DIR", "where the files are written (else beside the mesh's configuration)", NULL, false},
  {NULL},
};

static const troupe_option_t model_options[] = {OPTION_FILE, {NULL}};

static const troupe_option_t repair_options[] = {
  {"want", 'w', "KIND", "what is looked for: any, object or list", "any", false},
  {"all", 'a', NULL, "print every JSON value of the reply, not only the one that wins", NULL, false},
  {"list", 'l', NULL, "tell on standard error what was changed: the byte, its kind, a sentence", NULL, false},
  {NULL},
};

static const troupe_option_t parse_options[] = {
  {"with", 'w', "NAME", "the parser: json, list, code, tagged, regex or tool_calls", NULL, false},
  {"config", 'c', "JSON", "its settings, an object or @FILE", NULL, false},
  {"set", 's', "KEY=VALUE", "one of its settings: JSON, or else a text", NULL, true},
  {"instruction", 'i', NULL, "print what the prompt must say, before the reply if there is a FILE", NULL, false},
  OPTION_JSON ("print all of it: fields, content, memory, metadata, repairs, and the feedback for the model"),
  {NULL},
};

static const troupe_option_t config_options[] = {
  OPTION_FILE,
  OPTION_JSON ("print JSON"),
  {NULL},
};

static const troupe_option_t bench_options[] = {
  {"seconds", 0, "N", "calls: how long each measurement takes (else 1); chaos: over how long the calls are spread; soak: how long it takes "
   "(else 120)", NULL, false},
  {"count", 0, "N", "calls: how many each client makes, instead of a time", NULL, false},
  {"sweep", 0, NULL, "calls: measure also how they grow with clients, workers, brokers and sessions", NULL, false},
  {"messages", 0, "N", "hub: how many are broadcast (else 20000); chaos: how many are said in hubs (else 1000)", NULL,
   false},
  {"subscribers", 0, "N,...", "hub: how many processes hear them", "1,8,50", false},
  {"rounds", 0, "N", "how often each is repeated (else calls 5 times, hub once, repair 9 times)", NULL, false},
  {"calls", 0, "N", "chaos: how many calls are made (else 10000)", NULL, false},
  {"seed", 0, "N", "chaos: what the faults depend on (else the time)", NULL, false},
  {"freeze", 0, "N", "chaos: for how many seconds a process is frozen at most", "30", false},
  {"harm", 0, "KIND", "chaos: what is killed and frozen: redis, broker, worker, or all", "all", false},
  {"fsync", 0, "always|everysec", "chaos: Redis's appendfsync", "always", false},
  {"no-faults", 0, NULL, "chaos: nothing is killed or frozen", NULL, false},
  {"keep", 0, NULL, "chaos: keep the directory, with the logs and Redis's files", NULL, false},
  {"directory", 0, "DIR",
   "where the temporary directory is made (else in $TMPDIR, else /tmp): `always` waits for its disk", NULL, false},
  OPTION_JSON ("print JSON"),
  {NULL}};

static const troupe_verb_t verbs[] = {
  {"up", "", "Run the mesh here and keep it running.",
   "Starts what the configuration describes, each part a process of its own: a private redis-server (unless "
   "`store.url` names another), the brokers, the models and the agents. What dies, or hangs for 10 s, is started "
   "again, after 100 ms at first and up to 10 s later. One line tells of each change.\n"
   "\n"
   "Ctrl-C (or SIGTERM) stops it: agents first, then models, brokers and Redis; calls that run have 10 s to "
   "end. Again to hurry. Nothing is left behind, also when it is killed.\n"
   "\n"
   "Before the mesh was ever ready, a process with a wrong configuration, or one that ends five times in a row, "
   "ends everything.\n"
   "\n"
   "Exit status: 0 stopped, 1 a process doesn't start or the mesh runs already, 3 configuration, 4 not found.\n",
   up_options, 0, 0, up_run},
  {"run", "WORKFLOW.lua [-- ARGUMENT...]", "Run a workflow.",
   "Runs a program in Lua that calls agents, brings them together in hubs and makes agents of its own, in one session "
   "of the mesh that runs; if none does, and its brokers are on this machine, runs one until the workflow ends, its logs "
   "in <state>/<mesh>/log. The arguments are in the table `arg`. docs/reference/workflows.md tells what there is.\n"
   "\n"
   "It ends when the workflow has ended and the agents that it made have said what they were asked. Ctrl-C cancels what "
   "is under way; again to leave at once.\n"
   "\n"
   "  troupe run debate.lua\n"
   "  troupe run -f mesh.yaml --session night-1 werewolf.lua -- --rounds 3\n"
   "\n"
   "Exit status: 0; what os.exit says; 1 an error in the script, or that of the error that it didn't catch; 2 no Lua, 3 "
   "configuration, 4 no such file, 5 no mesh, 7 interrupted.\n",
   run_options, 1, -1, run_run},
  {"chat", "[AGENT]", "Talk with an agent.",
   "Talks with the mesh that runs; if none does, and its brokers are on this machine, runs one until the conversation "
   "ends, its logs in <state>/<mesh>/log. AGENT is a name in the configuration; without it, the first one there.\n"
   "\n"
   "On a terminal: lines are edited and remembered, replies appear as they come, Ctrl-C stops a reply; at the "
   "prompt, twice ends, as do `exit`, `quit` and Ctrl-D. Otherwise each line of standard input is said, and "
   "each reply printed as text; --json prints replies as messages.\n"
   "\n"
   "You are a service too, agent/NAME: when an agent calls it, its message appears and your next line answers "
   "it. Without --name that is agent/user-…, for this conversation only.\n"
   "\n"
   "  troupe chat\n"
   "  troupe chat alice -f examples/conversation/rehearsal.yaml\n"
   "  echo 'What is a placeholder?' | troupe chat --json\n"
   "\n"
   "Exit status: 0, or that of the first call that failed when standard input is no terminal; 3 configuration, "
   "4 unknown agent, 5 no mesh.\n",
   chat_options, 0, 1, chat_run},
  {"call", "SERVICE INPUT", "Call a service once.",
   "INPUT is JSON, `-` for JSON from standard input, or `@FILE`. Prints the value as JSON, laid out on a "
   "terminal and on one line otherwise. Ctrl-C cancels the call.\n"
   "\n"
   "  troupe call agent/alice '\"Hello!\"'\n"
   "  troupe call model/gpt '{\"messages\": [{\"name\": \"me\", \"content\": \"Hi\"}]}' --stream\n"
   "  troupe call tool/echo @input.json --wait --deadline 30s\n"
   "\n"
   "Exit status: 0 a value was printed; else as the error's code says: 1 failed, 2 wrong input, 4 unknown "
   "service, 5 unavailable (try again), 6 deadline, 7 cancelled, 8 protocol.\n",
   call_options, 2, 2, call_run},
  {"ps", "", "Show services, instances, load and brokers.",
   "What the brokers that live report, a line for each instance at each broker: the calls it runs of those it "
   "takes at once, the calls that wait for its service, and how long it has been there.\n"
   "\n"
   "Exit status: 0; 1 the key may not see reports, 5 no broker answers within 2 s.\n",
   ps_options, 0, 0, ps_run},
  {"dead", "list|show|retry|drop [ID...]", "Look into calls that killed their workers.",
   "A call under which as many instances died as `limits.attempts` says fails as service_died, and is kept as a dead "
   "letter. `list` shows them, `show` all that is known of one, with its input, as JSON. `retry` runs it once more, as a new "
   "call in the same session: it prints its id on standard error and its value on standard output, and the letter is gone. "
   "`drop` throws it away. ID is a call's id, or a beginning or end of it that no other one has.\n"
   "\n"
   "  troupe dead list\n"
   "  troupe dead show 9b1f\n"
   "  troupe dead retry 9b1f\n"
   "  troupe dead drop --all\n"
   "\n"
   "Exit status: 0; for `retry`, that of the call's error; 2 usage, 4 no such letter, 5 no mesh.\n",
   dead_options, 1, -1, dead_run},
  {"session", "list|end [NAME...]", "Look which sessions there are, and end one.",
   "`list` shows the sessions that have actors, hubs or calls that have not settled, and for how long each has been idle. "
   "`end` ends those with these names: what is under way in them is cancelled, their hubs are closed, and what their agents "
   "remember is forgotten. A call to a session that has ended begins it anew. Sessions end by themselves when they have been "
   "idle for `sessions.idle`; those that `troupe run` makes for itself end with the workflow.\n"
   "\n"
   "  troupe session list\n"
   "  troupe session end night-1\n"
   "\n"
   "Exit status: 0; 2 usage, 4 no such session, 5 no mesh.\n",
   session_options, 1, -1, session_run},
  {"probe", "[URL]", "Ask a process whether it is ready.",
   "Asks the health endpoint of a process, and prints what it answers, or why there is no answer, on one line. URL is "
   "http://host:port, with or without /readyz or /healthz; without it, what `health.listen` of the configuration says is "
   "asked: of the processes of `troupe up`, the first broker. For containers' health checks, which need no other program "
   "then.\n"
   "\n"
   "  troupe probe http://127.0.0.1:9464/readyz\n"
   "\n"
   "Exit status: 0 ready, 1 not ready, or no answer within 3 s; 3 configuration, 4 there is no configuration.\n",
   probe_options, 0, 1, probe_run},
  {"doctor", "", "Check this machine and the mesh, and say what to do.",
   "Checks the programs, the configuration, Redis, the state directory, sockets, ports and keys, the mesh if it runs, "
   "the clock, and whether each model's server answers and takes the key.\n"
   "\n"
   "Exit status: 0 when every check is fine, else 1.\n",
   doctor_options, 0, 0, doctor_run},
  {"config", "validate|show", "Check the configuration, or show it whole.",
   "`validate` prints every error as file:line:column. `show` prints what the programs read: with all defaults, times "
   "in milliseconds, sizes in bytes, and without secrets.\n"
   "\n"
   "Exit status: 0 fine, 3 it has errors, 4 there is no such file.\n",
   config_options, 1, 1, config_run},
  {"keygen", "[NAME]", "Make keys, by which processes are known over tcp.",
   "Writes NAME.key, which is secret, and NAME.pub, which says what that key may do; who has no .pub file in the brokers' "
   "directory of keys may not come. Prints the files that it made. A key that exists is never overwritten. "
   "docs/how-to/keys.md tells how they are used.\n"
   "\n"
   "  troupe keygen --mesh\n"
   "  troupe keygen search --serves tool/search -o keys\n"
   "  troupe keygen ann --sessions 'ann-*' -o keys\n"
   "\n"
   "Exit status: 0 they are there, 1 such a key exists, or can't be written; 2 usage, 3 configuration.\n",
   keygen_options, 0, 1, keygen_run},
  {"new", "agent NAME", "Write the files of a new agent.",
   "Writes NAME.yaml, in which the agent stands with what it needs to find the mesh, to be edited; and prints the files "
   "that it made. Nothing that exists is overwritten, and the mesh's own configuration stays as it is.\n"
   "\n"
   "  troupe new agent weather && troupe-agent -f weather.yaml --name weather\n"
   "  troupe new agent weather -f compose/troupe.yaml --compose\n"
   "\n"
   "Exit status: 0, 1 it exists, or can't be written; 2 usage, 3 configuration, 4 no such file or model.\n",
   new_options, 2, 2, new_run},
  {"model", "show-prompt NAME INPUT", "Show what a model would be sent.",
   "Shows the request that the model NAME of the configuration would be sent for an ask, and sends nothing: which layout "
   "its history gets, what is left out to fit its window. INPUT is JSON as for `troupe call model/NAME`, or a text.\n"
   "\n"
   "  troupe model show-prompt gpt '{\"messages\": [{\"name\": \"Ann\", \"content\": \"Hello\"}]}'\n"
   "\n"
   "Exit status: 0, 1 the ask is wrong, 2 usage, 3 configuration, 4 not found.\n",
   model_options, 3, 3, model_run},
  {"repair", "FILE", "Mend the JSON in what a model replied.",
   "Finds the JSON in the file (`-`: standard input), however it is fenced, quoted, cut off or commented, and prints it "
   "right. Valid JSON comes out as it is; no value is made up. docs/reference/replies.md tells what is mended, and which "
   "value wins when there are several. A reply is at most 4 MiB.\n"
   "\n"
   "  troupe repair reply.txt --list\n"
   "  echo \"{'a': True,\" | troupe repair -\n"
   "\n"
   "Exit status: 0, 1 there is no such JSON, or too much; 2 usage, 4 no such file.\n",
   repair_options, 1, 1, repair_run},
  {"parse", "[FILE]", "Read what a model replied with a parser.",
   "Prints the fields that a program gets from the reply in the file (`-`: standard input), which is mended first; or "
   "says what is wrong with it. The parsers and their settings stand in docs/reference/replies.md. A reply is at most 4 "
   "MiB.\n"
   "\n"
   "  troupe parse --with json --set 'required={\"speak\": \"string\"}' reply.txt\n"
   "  troupe parse --with code --set language=python - < reply.txt\n"
   "  troupe parse --config @parser.json --instruction\n"
   "\n"
   "Exit status: 0, 1 the reply is not of the form, or too large; 2 usage, 3 the parser's settings, 4 no such file.\n",
   parse_options, 0, 1, parse_run},
  {"bench", "calls|hub|repair|chaos|laggard|soak", "Measure how fast calls, hubs, or repair are on this machine; or what they survive.",
   "calls. In a temporary directory, with a mesh of its own: a client, a broker and a worker, each a process, 256-byte "
   "bodies, 1 "
   "and 100 calls in flight. Side by side, round by round:\n"
   "\n"
   "  a  libzmq alone: client, ROUTER/DEALER proxy, worker\n"
   "  b  volatile calls: the same through our nodes and broker, without Redis\n"
   "  c  Redis's part of durable calls alone: the Functions accept and settle, pipelined\n"
   "  d  durable calls\n"
   "\n"
   "c and d with Redis's appendfsync always and everysec. Told are calls a second (median, least and most of the "
   "rounds), "
   "percentiles of a call's duration, how often Redis was asked for each call, the processor time of each process, and "
   "the "
   "ratios b/a and d/c. A run of the defaults takes two minutes, with --sweep about ten.\n"
   "\n"
   "hub. In such a mesh: one process broadcasts 256-byte messages in a hub, 100 under way at once, and 1, 8 and 50 "
   "processes observe them:\n"
   "\n"
   "  a  libzmq alone: PUB, XSUB/XPUB proxy, SUBs, as fast as they go\n"
   "  b  Redis's part of a broadcast alone: the Function accept, pipelined\n"
   "  c  the hub: each broadcast stored, and handed to an agent's observe\n"
   "\n"
   "Told are broadcasts a second until the last process had all, how many were received a second by all together, and "
   "the time from said to observed by the last of 8. Each process sees that every message came, once and in order; if "
   "not, the benchmark fails. A run of the defaults takes half a minute.\n"
   "\n"
   "repair. Needs no mesh. How many bytes of replies are mended a second, next to jansson, which only parses: JSON as it "
   "should be, and with something wrong everywhere, of three sizes. And texts that are repeated up to 64 KiB, then twice "
   "as many, up to 1 MiB: if time grows faster than the size, the benchmark fails. A run takes a few seconds.\n"
   "\n"
   "chaos. In such a mesh, with two brokers and three workers: four clients make numbered durable calls, three speakers say "
   "numbered messages in two hubs, while Redis, brokers and workers are killed and frozen as the seed says. Then what "
   "the callers were told is compared with what Redis holds and what the workers did: no accepted call may be lost or "
   "have two outcomes, each is remembered once and in its caller's order, and all members of a hub heard the same in the "
   "same order. A line on standard error tells of each fault, the seed comes first.\n"
   "\n"
   "  troupe bench chaos --calls 1000000 --messages 100000 --seed 7\n"
   "\n"
   "laggard. 50 processes hear what is said in a hub, and one of them is frozen for longer than a lease: the others must "
   "hear as fast as before, the brokers need no more memory, and it must hear all of it when it wakes.\n"
   "\n"
   "soak. In such a mesh, under an even load and with nothing harmed: memory and open files of each process, Redis's "
   "memory, keys, inboxes and logs. What grows after the warm-up (two fifths of the time), or stays in Redis when all calls "
   "are over, makes it fail.\n"
   "\n"
   "Exit status: 0, 1 a message was lost, a promise was broken, or something grows, 5 a part didn't come up, 7 "
   "interrupted; whatever it is, nothing is left behind, but with --keep.\n",
   bench_options, 1, 1, bench_run},
  {NULL},
};

const troupe_program_t commands = {
  "troupe", "runs LLM agents as a mesh of small processes", verbs,
  "Which mesh: --broker, else -f FILE, else $TROUPE_CONFIG, else ./troupe.yaml, else the only one that runs "
  "under ./.troupe.\n"
  "\n"
  "Data goes to standard output, messages to standard error. NO_COLOR switches colours off.\n"
  "\n"
  "Exit status: 0 success, 1 failure, 2 usage, 3 configuration, 4 not found, 5 unavailable (try again), 6 "
  "deadline, 7 cancelled, 8 protocol.\n"};

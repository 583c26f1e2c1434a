// SPDX-License-Identifier: Apache-2.0
//
// Command lines: one table of commands and options gives a program its parsing, its help and its errors.
//
// Long options take "--name value" or "--name=value", short ones "-n value" or "-nvalue"; "--" ends options; options
// and operands may be mixed. --help (-h) and --version are understood everywhere. An unknown or incomplete option is
// an error that names the nearest one that exists. A program with verbs also has the verbs help and version.
//
//   static const troupe_option_t options[] = {
//     { "file", 'f', "FILE", "the mesh's configuration", "troupe.yaml" },
//     { NULL } };
//   static const troupe_verb_t verbs[] = { { "up", "", "Run the mesh.", details, options, 0, 0, up_run }, { NULL } };
//   int main (int argc, char **argv)
//   {
//     return troupe_option_main (&(troupe_program_t){ "troupe", "agents as a mesh of processes", verbs }, argc, argv);
//   }
#ifndef TROUPE_OPTION_H
#define TROUPE_OPTION_H

#include "troupe/error.h"

#include <stddef.h>

typedef struct troupe_args troupe_args_t;

typedef struct {
  const char *name;     // "file" for --file
  char letter;          // 'f' for -f; 0: none
  const char *value;    // what its value is called in the help; NULL: a flag
  const char *help;     // half a sentence
  const char *fallback; // its default as shown in the help; NULL: none. troupe_args_value returns it when not given
  bool repeats;         // may be given several times
  const char *variable; // the environment's variable that gives it when the command line doesn't; NULL: none
} troupe_option_t;

typedef struct {
  const char *name;      // NULL in a program without verbs
  const char *operands;  // as the help shows them: "SERVICE JSON"
  const char *summary;   // one line
  const char *details;   // paragraphs for its own help, filled to 80 columns; lines that begin with a space stay as
                         // they are (examples). May be NULL
  const troupe_option_t *options;         // ends with a NULL name; may be NULL
  int operands_min, operands_max;         // -1: no bound
  int (*run) (const troupe_args_t *args); // returns the exit status
} troupe_verb_t;

typedef struct {
  const char *name;
  const char *summary;
  const troupe_verb_t *verbs; // ends with a NULL run. A program without verbs has one, without a name
  const char *details;        // for the end of the program's help; may be NULL
} troupe_program_t;

// Parses, runs and returns the exit status: 2 (usage) for a wrong command line, with the reason on stderr.
int troupe_option_main (const troupe_program_t *program, int argc, char **argv);

// The value of an option, or of its variable unless that is empty, or its default; NULL: none of these. For an option
// of the verb's table only.
const char *troupe_args_value (const troupe_args_t *self, const char *name);
bool troupe_args_flag (const troupe_args_t *self, const char *name);
// The values of an option that repeats: NULL after the last.
const char *troupe_args_nth (const troupe_args_t *self, const char *name, size_t n);
size_t troupe_args_count (const troupe_args_t *self);               // operands
const char *troupe_args_operand (const troupe_args_t *self, size_t n); // NULL beyond the last

// The word of `words` (NULL-terminated) nearest to `word` by edit distance, if near enough to be meant; else NULL.
const char *troupe_did_you_mean (const char *word, const char *const *words);

#endif

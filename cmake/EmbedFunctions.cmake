# SPDX-License-Identifier: Apache-2.0
#
# Writes OUTPUT, a C file that holds the files INPUTS (separated by commas), one after another, as bytes: a library of
# Redis Functions. @DIGEST@ in it is replaced by the SHA-256 of the whole; that and the library's revision, and
# the oldest that it works with, become constants as well. broker/ledger_library.h declares them.

string (REPLACE "," ";" inputs "${INPUTS}")
foreach (input IN LISTS inputs)
  file (READ ${input} part)
  string (APPEND text "${part}\n")
endforeach ()
string (SHA256 digest "${text}")
if (NOT text MATCHES "\nlocal REVISION = ([0-9]+)\n")
  message (FATAL_ERROR "${INPUTS}: no line \"local REVISION = <number>\"")
endif ()
set (revision ${CMAKE_MATCH_1})
if (NOT text MATCHES "\nlocal OLDEST = ([0-9]+)\n")
  message (FATAL_ERROR "${INPUTS}: no line \"local OLDEST = <number>\"")
endif ()
set (oldest ${CMAKE_MATCH_1})
if (NOT text MATCHES "@DIGEST@")
  message (FATAL_ERROR "${INPUTS}: nothing says @DIGEST@, so a stale copy in Redis would not be noticed")
endif ()
string (REPLACE "@DIGEST@" "${digest}" text "${text}")

file (WRITE ${OUTPUT}.lua "${text}")
file (READ ${OUTPUT}.lua bytes HEX)
string (REGEX REPLACE "(................................................................)" "\\1\n" bytes "${bytes}")
string (REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file (WRITE ${OUTPUT} "// Made from broker/functions/*.lua by cmake/EmbedFunctions.cmake.
#include \"broker/ledger_library.h\"

const long long ledger_library_revision = ${revision};
const long long ledger_library_oldest = ${oldest};
const char ledger_library_digest[] = \"${digest}\";
const char ledger_library_code[] = {\n${bytes}0};
const size_t ledger_library_size = sizeof ledger_library_code - 1;
")

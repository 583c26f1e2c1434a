# SPDX-License-Identifier: Apache-2.0
#
# Writes OUTPUT, a C file that holds INPUT (a library of Redis Functions) as bytes, with @DIGEST@ in it replaced by the
# SHA-256 of the file, and its revision and digest as constants: broker/ledger_library.h declares them.

file (READ ${INPUT} text)
string (SHA256 digest "${text}")
if (NOT text MATCHES "\nlocal REVISION = ([0-9]+)\n")
  message (FATAL_ERROR "${INPUT}: no line \"local REVISION = <number>\"")
endif ()
set (revision ${CMAKE_MATCH_1})
if (NOT text MATCHES "@DIGEST@")
  message (FATAL_ERROR "${INPUT}: nothing says @DIGEST@, so a stale copy in Redis would not be noticed")
endif ()
string (REPLACE "@DIGEST@" "${digest}" text "${text}")

file (WRITE ${OUTPUT}.lua "${text}")
file (READ ${OUTPUT}.lua bytes HEX)
string (REGEX REPLACE "(................................................................)" "\\1\n" bytes "${bytes}")
string (REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file (WRITE ${OUTPUT} "// Made from functions.lua by cmake/EmbedFunctions.cmake.
#include \"broker/ledger_library.h\"

const long long ledger_library_revision = ${revision};
const char ledger_library_digest[] = \"${digest}\";
const char ledger_library_code[] = {\n${bytes}0};
const size_t ledger_library_size = sizeof ledger_library_code - 1;
")

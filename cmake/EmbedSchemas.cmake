# SPDX-License-Identifier: Apache-2.0
#
# Writes OUTPUT, a C file with the JSON files INPUTS (separated by commas) as texts, each with its URI: BASE, and "meta/"
# for all but schema.json. common/schema/load.h declares the table.

string (REPLACE "," ";" inputs "${INPUTS}")
set (rows "")
foreach (input IN LISTS inputs)
  get_filename_component (name ${input} NAME_WE)
  file (READ ${input} bytes HEX)
  string (REGEX REPLACE "(................................................................)" "\\1\n" bytes "${bytes}")
  string (REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  if (name STREQUAL "schema")
    set (uri "${BASE}schema")
  else ()
    set (uri "${BASE}meta/${name}")
  endif ()
  string (APPEND rows "  {\"${uri}\", (const char[]){\n${bytes}0}},\n")
endforeach ()
file (WRITE ${OUTPUT} "// Made from common/schema/draft2020-12/*.json by cmake/EmbedSchemas.cmake.
#include \"schema/load.h\"

const builtin_t load_builtin[] = {\n${rows}  {0}};
")

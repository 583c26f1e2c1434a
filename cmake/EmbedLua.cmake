# SPDX-License-Identifier: Apache-2.0
#
# Writes OUTPUT, a C file that holds the Lua files INPUTS (separated by commas), each as bytes under its name.
# common/script/prelude.h declares them.

string (REPLACE "," ";" inputs "${INPUTS}")
set (arrays "")
set (rows "")
foreach (input IN LISTS inputs)
  get_filename_component (name ${input} NAME_WE)
  file (READ ${input} bytes HEX)
  string (REGEX REPLACE "(................................................................)" "\\1\n" bytes "${bytes}")
  string (REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string (APPEND arrays "static const char ${name}[] = {\n${bytes}};\n")
  string (APPEND rows "  {\"=[${name}]\", ${name}, sizeof ${name}},\n")
endforeach ()
file (WRITE ${OUTPUT} "// Made from common/script/lua/*.lua by cmake/EmbedLua.cmake.
#include \"script/prelude.h\"

${arrays}
const prelude_part_t prelude_parts[] = {
${rows}  {0}};
")

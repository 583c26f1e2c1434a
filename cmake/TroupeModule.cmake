# SPDX-License-Identifier: Apache-2.0
#
# The three kinds of thing that are built.
#
#   troupe_module (wire DEPENDS error LIBRARIES PkgConfig::MSGPACK)
#     The static library libtroupe-wire.a (target lib-wire) of every .c file of the current folder. Public headers are
#     common/include/troupe/*.h; the folder's own headers are included as "wire/codec.h".
#   troupe_program (troupe-agent DEPENDS agent node config)
#     The program of every .c file of the current folder, in <build>/bin.
#   troupe_unit_test (wire [DEPENDS ...])
#     The Criterion program unit-wire of every .c file of tests/unit/wire.

include (CMakeParseArguments)

function (troupe_link target)
  cmake_parse_arguments (A "" "" "DEPENDS;LIBRARIES" ${ARGN})
  foreach (module IN LISTS A_DEPENDS)
    target_link_libraries (${target} PUBLIC lib-${module})
  endforeach ()
  target_link_libraries (${target} PUBLIC ${A_LIBRARIES})
endfunction ()

function (troupe_module name)
  file (GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  add_library (lib-${name} STATIC ${sources})
  set_target_properties (lib-${name} PROPERTIES OUTPUT_NAME troupe-${name} LINKER_LANGUAGE C)
  target_include_directories (lib-${name} PUBLIC ${CMAKE_SOURCE_DIR}/common/include ${CMAKE_SOURCE_DIR}/common)
  troupe_link (lib-${name} ${ARGN})
endfunction ()

function (troupe_program name)
  file (GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  add_executable (${name} ${sources})
  target_include_directories (${name} PRIVATE ${CMAKE_SOURCE_DIR})
  troupe_link (${name} ${ARGN})
  install (TARGETS ${name} RUNTIME)
endfunction ()

function (troupe_unit_test name)
  file (GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.c)
  add_executable (unit-${name} ${sources})
  target_include_directories (unit-${name} PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions (unit-${name} PRIVATE TROUPE_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                                                   TROUPE_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
  target_link_libraries (unit-${name} PRIVATE PkgConfig::CRITERION)
  troupe_link (unit-${name} ${ARGN})
  add_test (NAME unit-${name} COMMAND ${CMAKE_SOURCE_DIR}/scripts/run-test $<TARGET_FILE:unit-${name}>)
endfunction ()

# SPDX-License-Identifier: Apache-2.0
#
# How everything is compiled: C11 with POSIX and GNU extensions of glibc, warnings as errors, hardening in release
# builds, and a sanitizer when TROUPE_SANITIZE names one ("address", "thread").

set (CMAKE_C_STANDARD 11)
set (CMAKE_C_STANDARD_REQUIRED ON)
set (CMAKE_C_EXTENSIONS OFF)
set (CMAKE_EXPORT_COMPILE_COMMANDS ON)
set (CMAKE_C_FLAGS_RELEASE "-O2") # without NDEBUG: an assertion is a caller's bug, and better said than passed over
set (CMAKE_POSITION_INDEPENDENT_CODE ON)

set (TROUPE_SANITIZE "" CACHE STRING "Sanitizer: empty, address (with undefined) or thread")

add_compile_definitions (_GNU_SOURCE TROUPE_VERSION="${PROJECT_VERSION}")
add_compile_options (
  -Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wcast-qual -Wwrite-strings -Wstrict-prototypes
  -Wmissing-prototypes -Wold-style-definition -Wformat=2 -Wvla -Wundef
  -Wno-missing-field-initializers $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation> -fno-strict-aliasing -fstack-protector-strong)

if (TROUPE_SANITIZE STREQUAL "address")
  add_compile_options (-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options (-fsanitize=address,undefined)
elseif (TROUPE_SANITIZE STREQUAL "thread")
  add_compile_options (-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options (-fsanitize=thread)
elseif (CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_definitions (_FORTIFY_SOURCE=2)
  add_link_options (-Wl,-z,relro,-z,now)
endif ()

find_program (TROUPE_CCACHE ccache)
if (TROUPE_CCACHE)
  set (CMAKE_C_COMPILER_LAUNCHER ${TROUPE_CCACHE})
endif ()

if (TROUPE_FUZZ) # coverage of every module, for the fuzz targets of tests/fuzz
  add_compile_options (-fsanitize=fuzzer-no-link)
  add_link_options (-fsanitize=fuzzer-no-link)
endif ()

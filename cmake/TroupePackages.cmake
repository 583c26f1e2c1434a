# SPDX-License-Identifier: Apache-2.0
#
# The libraries, as Debian 12 has them. scripts/install-packages installs them by name.

find_package (PkgConfig REQUIRED)
find_package (Threads REQUIRED)
pkg_check_modules (ZMQ REQUIRED IMPORTED_TARGET libzmq>=4.3.4)
pkg_check_modules (SODIUM REQUIRED IMPORTED_TARGET libsodium>=1.0.18) # libzmq is built on it: no library more
pkg_search_module (MSGPACK REQUIRED IMPORTED_TARGET msgpack-c>=4.0 msgpack>=4.0) # its C part; renamed in version 6
pkg_check_modules (CURL REQUIRED IMPORTED_TARGET libcurl>=7.88)
pkg_check_modules (MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd>=0.9.75)
pkg_check_modules (HIREDIS REQUIRED IMPORTED_TARGET hiredis>=0.14)
pkg_check_modules (JANSSON REQUIRED IMPORTED_TARGET jansson>=2.14)
pkg_check_modules (YAML REQUIRED IMPORTED_TARGET yaml-0.1>=0.2.5)
pkg_check_modules (EDIT REQUIRED IMPORTED_TARGET libedit>=3.1)
pkg_search_module (LUA REQUIRED IMPORTED_TARGET lua5.4>=5.4.4 lua-5.4>=5.4.4 lua54>=5.4.4 lua>=5.4.4) # each system names it otherwise
pkg_check_modules (PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8>=10.40)

# SPDX-License-Identifier: Apache-2.0
#
# Where no registry has Redis's image: one of Debian's package, with what the official one has of users and folders.
ARG BASE
FROM ${BASE}
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --no-install-recommends -y redis-server && \
    rm -rf /var/lib/apt/lists/* /etc/redis && groupadd --gid 999 keeper && useradd --uid 999 --gid 999 keeper && \
    install -d -o keeper -g keeper /data && install -d /etc/redis
VOLUME /data
WORKDIR /data

# Debian's packages on the base image, in place of an image from a registry.
ARG DEBIAN
FROM ${DEBIAN}
ARG PACKAGES
# The paths that the official images have.
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ${PACKAGES} >/dev/null \
    && { [ ! -x /usr/bin/prometheus-node-exporter ] || ln -s /usr/bin/prometheus-node-exporter /bin/node_exporter; } \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /usr/share/doc/* /usr/share/man/* /var/log/*

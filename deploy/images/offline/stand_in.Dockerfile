# A replacement for a registry image: Debian's packages on the base image.
ARG DEBIAN
FROM ${DEBIAN}
ARG PACKAGES
# Add the paths of the official images.
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ${PACKAGES} >/dev/null \
    && { [ ! -x /usr/bin/prometheus-node-exporter ] || ln -s /usr/bin/prometheus-node-exporter /bin/node_exporter; } \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /usr/share/doc/* /usr/share/man/* /var/log/*

# The image of a Python service: its own code, the shared code and its locked packages, without installers and compilers.
#   docker build -f deploy/images/service.Dockerfile --build-arg SERVICE=api .
#   docker build -f deploy/images/service.Dockerfile --build-arg SERVICE=simulator --build-arg SOURCE=simulator .
ARG PYTHON_BUILD_IMAGE=python:3.11-slim-bookworm
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_BUILD_IMAGE} AS packages
COPY deploy/images/ca/ /usr/local/share/ca-certificates/
RUN update-ca-certificates
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt
# Your own package index: --build-arg PIP_INDEX_URL=…
ARG PIP_INDEX_URL
ARG SERVICE
COPY requirements/${SERVICE}.txt /build/requirements.txt
RUN python3 -m venv --without-pip /opt/venv \
    && python3 -m pip --python /opt/venv/bin/python install --require-hashes --no-cache-dir --no-input \
       --disable-pip-version-check --root-user-action=ignore -r /build/requirements.txt

FROM ${PYTHON_IMAGE}
ARG SERVICE
ARG SOURCE=services/${SERVICE}
ARG VERSION=0.8.0
LABEL org.opencontainers.image.title="DispyCluster Live: ${SERVICE}" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=packages /opt/venv /opt/venv
COPY deploy/images/dispycluster deploy/images/patiently deploy/images/probe deploy/images/serve /usr/local/bin/
COPY access /app/access
COPY contract /app/contract
COPY dispycluster /app/dispycluster
COPY runtime /app/runtime
COPY ${SOURCE} /app/${SERVICE}
# The root file system is read-only at run time, so bytecode is compiled now.
RUN /opt/venv/bin/python -m compileall -q /app \
    && install -d -o 10001 -g 10001 -m 0755 /shared \
    && install -d -o 10001 -g 10001 -m 0700 /access /access/users /access/tokens
ENV SERVICE=${SERVICE} PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=2
# Port and path of the health check; empty for a service without one. The check is part of the image, so an older image has its
# own check. The start period covers the slow start on a small board.
ARG PROBE=
ENV PROBE=${PROBE}
HEALTHCHECK --interval=2s --timeout=40s --start-period=90s --retries=5 CMD [ -z "$PROBE" ] || patiently probe "$PROBE"
WORKDIR /app
USER 10001:10001
ENTRYPOINT ["/usr/local/bin/serve"]

#!/bin/sh
# Load the images of this bundle into the Docker engine of this machine. Needs no network.
set -eu
cd "$(dirname "$0")"

fail() {
  echo "load: $*" >&2
  exit 1
}

echo "load: checking the unpacked files …"
if command -v sha256sum >/dev/null; then sum=sha256sum; else sum='shasum -a 256'; fi
if ! report=$($sum -c SHA256SUMS 2>&1); then
  failed=$(echo "$report" | grep FAILED) || fail "the checksums cannot be checked: $report"
  # People may edit settings and nodes.
  if broken=$(echo "$failed" | grep -v -e '^\.env: FAILED$' -e '^deploy/compose/config/[a-z]*\.yaml: FAILED$'); then
    fail "files differ from the packed ones; copy or unpack the archive again:
$broken"
  fi
fi

command -v docker >/dev/null || fail "the docker command is not installed: https://docs.docker.com/engine/install/"
arch=$(docker version --format '{{.Server.Arch}}') || fail "the Docker engine does not answer; see the error above"
[ "$arch" = "@ARCH@" ] || echo "load: note: the images are for @ARCH@, but this machine is $arch"

echo "load: loading the images …"
docker load --quiet --input images.tar.gz || fail "the images could not be loaded; see the error above"

cat <<END

The images are loaded. To start the product:

    cd $PWD && docker compose up -d --wait

or, with Python 3.9 or later, with checks of this machine and the URLs of the pages:

    cd $PWD && python3 -m deploy.compose up

END

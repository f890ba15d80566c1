#!/bin/sh
# Bring the images of this archive to this machine's Docker engine. Needs no network.
set -eu
cd "$(dirname "$0")"

refuse() {
  echo "load: $*" >&2
  exit 1
}

echo "load: checking what was unpacked …"
if command -v sha256sum >/dev/null; then sum=sha256sum; else sum='shasum -a 256'; fi
if ! report=$($sum -c SHA256SUMS 2>&1); then
  failed=$(echo "$report" | grep FAILED) || refuse "the sums cannot be checked: $report"
  # Settings and nodes are there to be edited.
  if broken=$(echo "$failed" | grep -v -e '^\.env: FAILED$' -e '^deploy/compose/config/[a-z]*\.yaml: FAILED$'); then
    refuse "not all is as it was packed; copy or unpack the archive again:
$broken"
  fi
fi

command -v docker >/dev/null || refuse "there is no docker command here: https://docs.docker.com/engine/install/"
arch=$(docker version --format '{{.Server.Arch}}') || refuse "the Docker engine does not answer; why is said above"
[ "$arch" = "@ARCH@" ] || echo "load: note: the images are for @ARCH@, and this machine is $arch"

echo "load: loading the images …"
docker load --quiet --input images.tar.gz || refuse "the images could not be loaded; why is said above"

cat <<END

The images are here. To start:

    cd $PWD && docker compose up -d --wait

and, where Python 3.9 or later is, with checks of this machine and the addresses to open:

    cd $PWD && python3 -m deploy.compose up

END

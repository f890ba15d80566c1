"""``python3 -m deploy.images.offline [--arch arm64]``: build all images without a container registry."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from contract import VERSION
from deploy.images.offline.architecture import ImagesError, chosen_architecture, require_emulation, tag_suffix
from deploy.images.offline.base_images import PRODUCT, BaseImages, say

ROOT = Path(__file__).resolve().parents[3]
_HEADING = (
    "# Base images that `make images-offline` built on this machine. Without these lines the official images are used."
)


def require_docker() -> None:
    """Check that a Docker engine answers.

    Raises:
        ImagesError: docker is missing, or the engine does not answer this user.
    """
    if shutil.which("docker") is None:
        raise ImagesError("docker is missing: sudo apt-get install -y docker.io, and the compose plugin")
    done = subprocess.run(["docker", "version"], capture_output=True, text=True)
    if done.returncode != 0:
        raise ImagesError(f"the Docker engine does not answer: {done.stderr.strip()}")


def select_images(path: Path, variables: dict[str, str]) -> None:
    """Set ``variables`` in the file ``.env``, which may not exist yet; keep all other lines."""
    lines = path.read_text().splitlines() if path.exists() else []
    kept = [line for line in lines if line.partition("=")[0].strip() not in variables and line != _HEADING]
    while kept and not kept[-1].strip():
        kept.pop()
    block = [_HEADING, *(f"{name}={value}" for name, value in variables.items())]
    new = path.with_name(path.name + ".new")
    new.write_text("\n".join([*kept, *([""] if kept else []), *block]) + "\n")
    if path.exists():
        new.chmod(path.stat().st_mode & 0o777)
    new.replace(path)


def build(architecture: str, selected: dict[str, str]) -> None:
    """Build the product's images on the base images ``selected``.

    Raises:
        ImagesError: the build failed.
    """
    variables = dict(selected)
    if tag_suffix(architecture):
        variables["IMAGE_TAG"] = VERSION + tag_suffix(architecture)
    say("building the product's images on the base images")
    command = ["docker", "compose", "--profile", "demo", "build"]
    if subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}).returncode != 0:
        raise ImagesError("the product's images could not be built; see the error above")


def make_images(architecture: str, mirror: str) -> None:
    """Build the base images, select them in ``.env``, and build the product's images.

    Raises:
        ImagesError: a step failed.
    """
    require_docker()
    require_emulation(architecture)
    bases = BaseImages(architecture, mirror)
    selected = {base.variable: bases.make(base) for base in PRODUCT}
    suffix = tag_suffix(architecture)
    if not suffix:
        select_images(ROOT / ".env", selected)
    build(architecture, selected)
    if suffix:
        tag = VERSION + suffix
        say(f"done: the images of {architecture} have the tag {tag}; into one archive: ARCH={architecture} make bundle")
    else:
        say("done; .env selects the base images made here. Next: make up, or docker compose up -d --wait")


def main() -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="images-offline", description=__doc__)
    parser.add_argument("--arch", default=os.environ.get("ARCH", ""), help="amd64 or arm64; default: this machine's")
    parser.add_argument("--mirror", default=os.environ.get("DEBIAN_MIRROR", ""), help="URL of Debian's packages")
    options = parser.parse_args()
    began = time.monotonic()
    try:
        make_images(chosen_architecture(options.arch), options.mirror)
    except ImagesError as refusal:
        print(f"images: {refusal}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("images: interrupted; run the command again to continue", file=sys.stderr)
        return 130
    say(f"{time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())

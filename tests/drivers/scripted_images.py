"""Images of a scripted docker: what the engine says of them, and the files that are in them."""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping

from deploy.compose.docker import Answer
from tests.drivers.scripted_docker import ScriptedDocker

#: The least that an image is recognised by.
DEBIAN = {
    "etc/os-release": 'NAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n',
    "var/lib/dpkg/status": "Package: base-files\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12.4\n",
}


def archive(files: Mapping[str, str | bytes]) -> bytes:
    """A root file system as ``docker export`` writes it; what is under ``bin/`` is executable."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            entry.mode = 0o755 if path.startswith("bin/") else 0o644
            tar.addfile(entry, io.BytesIO(data))
    return made.getvalue()


def image_id(image: str) -> str:
    """What the engine calls an image."""
    return f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"


def script_images(
    docker: ScriptedDocker, archives: Mapping[str, bytes] = {}, *, default: bytes, environment: list[str] | None = None
) -> None:
    """Look at, make containers of, and export images; ``default`` is in those that ``archives`` does not have."""
    images: dict[str, str] = {}
    containers: dict[str, str] = {}

    def inspect(line: str) -> Answer:
        image = line.split()[-1]
        images[image_id(image)] = image
        facts = {"Id": image_id(image), "Created": "2026-11-28T04:07:45.729656567Z", "Config": {"Env": environment}}
        return Answer(0, json.dumps(facts))

    def create(line: str) -> Answer:
        *_, name, made_of, _ = line.split()
        containers[name] = images[made_of]
        return Answer(0, "f00d\n")

    def export(line: str) -> Answer:
        return Answer(0, archives.get(containers[line.split()[-1]], default).decode("latin-1"))

    docker.react("image inspect --format {{json .}} ", inspect)
    docker.react("create --name ", create)
    docker.react("export ", export)

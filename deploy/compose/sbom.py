"""``sbom``: what is in each image, as a CycloneDX document."""

from __future__ import annotations

import json
import re
import tempfile
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from deploy.compose.architecture import project_for
from deploy.compose.dialogue import say
from deploy.compose.docker import Docker
from deploy.compose.installed import Image, inspect
from deploy.compose.packages import Package
from deploy.compose.preflight import require_engine
from deploy.compose.project import Project, split_tag
from deploy.compose.trouble import Trouble

#: Where the documents go, in the project's folder; the bundle has the last part of it.
FOLDER = Path("dist", "sbom")
ENDING = ".cdx.json"
#: What serial numbers are derived in; any value does, as long as it stays.
_NAMESPACE = uuid.UUID("2b0ad6b2-6d5c-4f0e-9b7e-6c8f6c0f4f5a")
#: The time that stands for none.
_NO_TIME = "0001-01-01T00:00:00"


def sbom(docker: Docker, arch: str) -> None:
    """Write ``dist/sbom/NAME.cdx.json`` for every image; ``arch`` as for ``bundle``.

    Raises:
        Trouble: images are missing, one cannot be read, or a document cannot be written.
    """
    require_engine(docker)
    docker, project, _ = project_for(docker, arch)
    folder = docker.folder / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".sbom-", dir=folder.parent) as work:
            written = write(docker, project, Path(work))
            for former in folder.glob(f"*{ENDING}"):
                former.unlink()
            for path in written:
                path.replace(folder / path.name)
    except OSError as error:
        raise Trouble(f"{folder} cannot be written: {error.strerror}.") from None


def write(docker: Docker, project: Project, folder: Path) -> list[Path]:
    """Write a document for every image into ``folder``, and say how much is in each.

    Raises:
        Trouble: an image cannot be read.
        OSError: a document cannot be written.
    """
    say("reading what is in the images …")
    written = []
    for image, name in file_names(project).items():
        read = inspect(docker, image, folder)
        path = folder / name
        path.write_text(json.dumps(document(read), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        path.chmod(0o644)
        kinds = Counter(package.kind for package in read.packages)
        say(f"  {name}: {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}")
        written.append(path)
    return written


def file_names(project: Project) -> dict[str, str]:
    """What the document of each image is called: by the image's own name, or the whole one where two have the same."""
    names = {image: project.image_name(image) for image in project.images()}
    count = Counter(names.values())
    return {
        image: (name if count[name] == 1 else re.sub(r"[^\w.-]", "_", image)) + ENDING for image, name in names.items()
    }


def document(image: Image) -> dict[str, Any]:
    """The CycloneDX 1.6 document of an image: the same for the same image, whenever it is made.

    Source: https://cyclonedx.org/docs/1.6/json/
    """
    repository, tag = split_tag(image.name)
    metadata: dict[str, Any] = {
        "tools": {"components": [{"type": "application", "name": "DispyCluster Live, deploy.compose sbom"}]},
        "component": {
            "type": "container",
            "bom-ref": image.name,
            "name": repository,
            "version": tag,
            "properties": [{"name": "dispycluster:image-id", "value": image.id}],
        },
    }
    created = timestamp(image.created)
    if created:
        metadata = {"timestamp": created, **metadata}
    components = [component(package) for package in image.packages]
    if image.system.name:
        system = {"type": "operating-system", "bom-ref": f"os:{image.system.name}", "name": image.system.name}
        components.insert(0, system | ({"version": image.system.version} if image.system.version else {}))
    content: dict[str, Any] = {
        "version": 1,
        "metadata": metadata,
        "components": components,
        "dependencies": [{"ref": image.name, "dependsOn": [entry["bom-ref"] for entry in components]}],
    }
    serial = uuid.uuid5(_NAMESPACE, json.dumps(content, sort_keys=True))
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": f"urn:uuid:{serial}", **content}


def component(package: Package) -> dict[str, Any]:
    """A package as one of ``components``."""
    made: dict[str, Any] = {
        "type": "application" if package.kind == "generic" else "library",
        "bom-ref": package.purl,
        "name": "/".join((*package.namespace, package.name)) if package.kind in ("golang", "npm") else package.name,
    }
    if package.version:
        made["version"] = package.version
    if package.licences:
        made["licenses"] = list(package.licences)
    return {**made, "purl": package.purl}


def timestamp(created: str) -> str:
    """The engine's time to the second; empty where it says none."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)", created)
    return found[1] + found[2] if found and found[1] != _NO_TIME else ""

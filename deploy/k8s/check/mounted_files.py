"""Files that variables name are where volumes are mounted."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from deploy.k8s.check.documents import Document, Documents
from deploy.k8s.check.finding import Finding
from deploy.k8s.check.pods import Pod, pods
from deploy.k8s.check.references import keys_of
from deploy.k8s.check.variables import values

#: The variables that name a file or several, beside the password files.
VARIABLES = ("ACCESS_KEY_FILE", "COLLECTOR_TARGETS", "COLLECTOR_RULES", "REDIS_CA_FILE")


def named_files_are_mounted(documents: Documents) -> Iterator[Finding]:
    """A file is in a ConfigMap or Secret that is mounted there; with ``*`` there may be none."""
    for pod in pods(documents):
        for container in pod.containers:
            for name, text in values(documents, pod, container).items():
                if name not in VARIABLES and not name.endswith("_PASSWORD_FILE"):
                    continue
                for path in map(PurePosixPath, filter(None, text.split(","))):
                    there = _files(documents, pod, container, str(path.parent))
                    if there is None or ("*" not in path.name and path.name not in there):
                        yield Finding(pod.title, f"{name}: {path} is not mounted in {container['name']}")


def _files(documents: Documents, pod: Pod, container: Document, folder: str) -> set[str] | None:
    """The names of the files that are mounted as a folder; ``None`` where nothing is."""
    volumes = {volume["name"]: volume for volume in pod.spec.get("volumes") or []}
    for mount in container.get("volumeMounts") or []:
        if mount["mountPath"] == folder:
            volume = volumes.get(mount["name"], {})
            for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
                held = volume.get(field)
                if held is not None:
                    keys = keys_of(documents, kind, held.get("secretName") or held.get("name"), pod.namespace) or set()
                    return {item["path"] for item in held["items"]} if "items" in held else keys
            return set()
    return None

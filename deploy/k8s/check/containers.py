"""What every container may do and take, and which image it runs."""

import re
from collections.abc import Iterator
from typing import Any, Final

from deploy.k8s.check.compose import compose_images
from deploy.k8s.check.documents import Documents
from deploy.k8s.check.finding import Finding
from deploy.k8s.check.pods import pods

_DIGEST: Final = "@sha256:[0-9a-f]{64}"


def containers_are_confined(documents: Documents) -> Iterator[Finding]:
    """No root, no writable root, no capability, no more privileges than at its start, the runtime's seccomp profile."""
    for pod in pods(documents):
        for container in pod.containers:
            own = container.get("securityContext") or {}
            both: dict[str, Any] = {**(pod.spec.get("securityContext") or {}), **own}
            wanted = {
                "runAsNonRoot": both.get("runAsNonRoot") is True and both.get("runAsUser", 0) != 0,
                "readOnlyRootFilesystem": own.get("readOnlyRootFilesystem") is True,
                "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
                "capabilities": own.get("capabilities") == {"drop": ["ALL"]},
                "seccompProfile": both.get("seccompProfile") == {"type": "RuntimeDefault"},
                "privileged": not own.get("privileged"),
            }
            for name in (name for name, is_so in wanted.items() if not is_so):
                yield Finding(pod.title, f"the securityContext of {container['name']} is too free: {name}")


def containers_say_what_they_take(documents: Documents) -> Iterator[Finding]:
    """Memory and CPU are asked for, and memory is bounded."""
    for pod in pods(documents):
        for container in pod.containers:
            resources = container.get("resources") or {}
            for part, name in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
                if name not in (resources.get(part) or {}):
                    yield Finding(pod.title, f"{container['name']} has no {part} of {name}")


def images_are_pinned(documents: Documents, prefix: str, tag: str) -> Iterator[Finding]:
    """Every image is one of ours, of this version or by its digest, and is taken from the node where it is there."""
    known = re.compile(rf"{re.escape(prefix)}/({'|'.join(sorted(compose_images()))})(:{re.escape(tag)})?({_DIGEST})?")
    for pod in pods(documents):
        for container in pod.containers:
            image = known.fullmatch(container["image"])
            if image is None or image.group(2, 3) == (None, None):
                yield Finding(pod.title, f"the image {container['image']} is none of ours in this version")
            if container.get("imagePullPolicy") != "IfNotPresent":
                yield Finding(pod.title, f"the imagePullPolicy of {container['name']} is not IfNotPresent")

"""The variables that a container gets, with their values, as the kubelet puts them together."""

import re
from typing import Any

from api.config import Config as ApiConfig
from collector.config import Config as CollectorConfig
from contract.runtime.settings import Environment, FromEnvironment
from deploy.k8s.check.documents import Document, Documents, find
from deploy.k8s.check.pods import Pod
from ws.config import Config as WsConfig

CONFIGS: dict[str, type[FromEnvironment]] = {"api": ApiConfig, "ws": WsConfig, "collector": CollectorConfig}
#: Stands for what is in a Secret, which is an address wherever a variable holds one.
SECRET = "redis://user:password@redis.example:6379/0"  # noqa: S105 - an example
_REFERENCE = re.compile(r"\$\((\w+)\)")


def image_name(container: Document) -> str:
    """The name of a container's image, without registry, prefix, tag and digest."""
    return str(container["image"]).partition("@")[0].rpartition("/")[2].partition(":")[0]


def service_of(container: Document) -> str | None:
    """The service that a container runs and that has a Config; ``None``: none."""
    name = image_name(container)
    return name if name in CONFIGS and "command" not in container else None


def known(service: str) -> set[str]:
    """The names of a service's settings."""
    environment = Environment({})
    CONFIGS[service].read(environment)
    return environment.known


def own(container: Document) -> list[str]:
    """The names that are given to this container alone."""
    return [str(entry["name"]) for entry in container.get("env") or []]


def shared(documents: Documents, pod: Pod, container: Document) -> dict[str, str]:
    """Names and values of the ConfigMaps that it gets as a whole."""
    found: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        settings = find(documents, "ConfigMap", source.get("configMapRef", {}).get("name", ""), pod.namespace)
        found |= {} if settings is None else settings.get("data") or {}
    return found


def values(documents: Documents, pod: Pod, container: Document) -> dict[str, str]:
    """Names and values of all variables; ``$(NAME)`` of a variable that is not there yet stays as it is."""
    given = shared(documents, pod, container)
    for entry in container.get("env") or []:
        source = entry.get("valueFrom")
        text = _elsewhere(documents, pod, source) if source else str(entry.get("value", ""))
        given[entry["name"]] = _REFERENCE.sub(lambda match: given.get(match[1], match[0]), text)
    return given


def references(text: str) -> list[str]:
    """The variables that a value names."""
    return _REFERENCE.findall(text)


def _elsewhere(documents: Documents, pod: Pod, source: dict[str, Any]) -> str:
    if "secretKeyRef" in source:
        return SECRET
    if "configMapKeyRef" in source:
        held = find(documents, "ConfigMap", source["configMapKeyRef"]["name"], pod.namespace) or {}
        return str((held.get("data") or {}).get(source["configMapKeyRef"]["key"], ""))
    return pod.namespace if (source.get("fieldRef") or {}).get("fieldPath") == "metadata.namespace" else "a-node"

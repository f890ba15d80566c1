"""Rendered manifests: objects, pods, selectors, and the configuration of containers."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple, Self

import yaml

from api.config import Config as ApiConfig
from collector.config import Config as CollectorConfig
from deploy.k8s.base.make_secrets import KEYS
from runtime.settings import Environment, FromEnvironment
from ws.config import Config as WsConfig

Document = dict[str, Any]
#: The namespace of all objects without a reason for another one.
NAMESPACE = "dispycluster"
CONFIGS: dict[str, type[FromEnvironment]] = {"api": ApiConfig, "ws": WsConfig, "collector": CollectorConfig}
#: Value for variables from a Secret.
SECRET = "redis://user:password@redis.example:6379/0"
#: Values for a pod's own fields.
FIELDS = {"metadata.namespace": NAMESPACE, "spec.nodeName": "a-node"}
#: Secrets and ConfigMaps that users make, and their keys.
MADE_BY_USERS = {
    ("Secret", "external-redis"): set(CONFIGS),
    ("Secret", "gateway-tls"): {"tls.crt", "tls.key"},
    ("Secret", "dispycluster-tls"): {"tls.crt", "tls.key"},
    ("ConfigMap", "redis-ca"): {"ca.crt"},
}
REFERENCE = re.compile(r"\$\((\w+)\)")


def title(document: Document) -> str:
    """Return kind and name."""
    return f"{document['kind']}/{document['metadata']['name']}"


def namespace(document: Document) -> str:
    """Return the namespace of a document, by default ``default``."""
    return str(document["metadata"].get("namespace", "default"))


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector matches; an empty one matches all."""
    wanted = [(key, "In", [value]) for key, value in selector.get("matchLabels", {}).items()]
    wanted += [(each["key"], each["operator"], each["values"]) for each in selector.get("matchExpressions", [])]
    return all((labels.get(key) in values) == {"In": True, "NotIn": False}[how] for key, how, values in wanted)


def image_name(container: Document) -> str:
    """Return the name of a container's image, without registry, prefix, tag and digest."""
    return str(container["image"]).partition("@")[0].rpartition("/")[2].partition(":")[0]


def service_of(container: Document) -> str | None:
    """Return the container's service if that has a Config, else ``None``."""
    name = image_name(container)
    return name if name in CONFIGS and "command" not in container else None


def known(service: str) -> set[str]:
    """Return the names of a service's settings."""
    environment = Environment({})
    CONFIGS[service].read(environment)
    return environment.known


class Use(NamedTuple):
    """A container's use of a ConfigMap or Secret."""

    kind: str
    name: str
    #: Its keys, with the path of each file below ``place``; ``None``: all keys.
    items: dict[str, str] | None
    is_optional: bool
    #: Folder or variable in the container; and the kind of access, if not read-only and as a whole volume.
    place: str

    @classmethod
    def of(cls, source: Document, place: str) -> Iterator[Self]:
        """Read an entry of ``volumes``, ``sources``, ``env`` or ``envFrom``."""
        for key, held in source.items():
            kind = {"configMap": "ConfigMap", "secret": "Secret"}.get(re.sub("(Key)?Ref$", "", key))
            if kind:
                listed = held.get("items") or ([{"key": held["key"], "path": ""}] if "key" in held else None)
                items = None if listed is None else {each["key"]: each["path"] for each in listed}
                yield cls(kind, held.get("secretName") or held["name"], items, held.get("optional", False), place)


class Pod:
    """The pod of a workload."""

    def __init__(self, workload: Document) -> None:
        self.title = title(workload)
        self.name = str(workload["metadata"]["name"])
        self.namespace = namespace(workload)
        self.is_job = workload["kind"] == "Job"
        self.template: Document = workload["spec"]["template"]
        self.labels: dict[str, str] = self.template["metadata"].get("labels", {})
        self.spec: Document = self.template["spec"]
        claims = [{"name": claim["metadata"]["name"]} for claim in workload["spec"].get("volumeClaimTemplates", [])]
        self.volumes: dict[str, Document] = {each["name"]: each for each in [*self.spec.get("volumes", []), *claims]}
        #: Containers that run while the pod runs.
        self.lasting: list[Document] = self.spec["containers"]
        #: All containers, including init containers.
        self.containers: list[Document] = [*self.spec.get("initContainers", []), *self.lasting]
        self.ports: list[Document] = [port for container in self.lasting for port in container.get("ports", [])]

    def uses(self, container: Document) -> Iterator[Use]:
        """Return the ConfigMaps and Secrets of a container."""
        for mount in container.get("volumeMounts", []):
            how = [*mount.keys() & {"subPath", "subPathExpr"}, *([] if mount.get("readOnly") else ["writable"])]
            volume = self.volumes.get(mount["name"], {})
            for source in [volume, *volume.get("projected", {}).get("sources", [])]:
                yield from Use.of(source, " ".join([mount["mountPath"], *how]))
        for entry in container.get("env", []):
            yield from Use.of(entry.get("valueFrom", {}), entry["name"])
        for source in container.get("envFrom", []):
            yield from Use.of(source, "variables")


class Manifests(list[Document]):
    """All objects of a rendering."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the objects in a YAML text."""
        return cls(document for document in yaml.load_all(text, Loader=yaml.CSafeLoader) if document)

    def of_kind(self, *kinds: str) -> list[Document]:
        """Return the objects of these kinds."""
        return [document for document in self if document["kind"] in kinds]

    def find(self, kind: str, name: str, within: str = NAMESPACE) -> Document | None:
        """Return the object of this kind and name in a namespace, if there is one."""
        found = (each for each in self.of_kind(kind) if each["metadata"]["name"] == name and namespace(each) == within)
        return next(found, None)

    def pods(self) -> list[Pod]:
        """Return the pods of all workloads."""
        return [Pod(each) for each in self.of_kind("Deployment", "StatefulSet", "DaemonSet", "Job")]

    def containers(self) -> list[tuple[Pod, Document]]:
        """Return all containers with their pods."""
        return [(pod, container) for pod in self.pods() for container in pod.containers]

    def content(self, kind: str, name: str, within: str) -> dict[str, str] | None:
        """Return the content of a ConfigMap or Secret, also of the Job's and users'; ``None`` if it is missing."""
        found, job = self.find(kind, name, within), self.find("Job", "make-secrets", within)
        if found is not None:
            return dict(found["data"])
        if kind == "Secret" and job is not None and name in Pod(job).lasting[0]["args"]:
            return dict.fromkeys(KEYS[name], SECRET)
        return dict.fromkeys(MADE_BY_USERS[kind, name], SECRET) if (kind, name) in MADE_BY_USERS else None

    def variables(self, pod: Pod, container: Document) -> dict[str, str]:
        """Return the variables as the kubelet sets them; ``$(NAME)`` of a later variable stays."""
        given = self.shared(pod, container)
        for entry in container.get("env", []):
            source = entry.get("valueFrom", {})
            text = FIELDS[source["fieldRef"]["fieldPath"]] if "fieldRef" in source else str(entry.get("value", ""))
            for use in Use.of(source, entry["name"]):
                content = self.content(use.kind, use.name, pod.namespace) or {}
                text = " ".join(content.get(key, "") for key in use.items or ())
            given[entry["name"]] = REFERENCE.sub(lambda match: given.get(match[1], match[0]), text)
        return given

    def shared(self, pod: Pod, container: Document) -> dict[str, str]:
        """Return the variables of the ConfigMaps that a container gets as a whole."""
        found = [
            self.content(use.kind, use.name, pod.namespace) for use in pod.uses(container) if use.place == "variables"
        ]
        return {name: value for each in found for name, value in (each or {}).items()}

    def files(self, pod: Pod, container: Document) -> set[str]:
        """Return the paths of all files of ConfigMaps and Secrets that are mounted in a container."""
        found = set()
        parts = {mount["mountPath"]: mount.get("subPath", "") for mount in container.get("volumeMounts", [])}
        for use in pod.uses(container):
            folder = use.place.partition(" ")[0]
            names = (use.items or dict.fromkeys(self.content(use.kind, use.name, pod.namespace) or (), "")).items()
            for path in (PurePosixPath(path or key) for key, path in names):
                if folder in parts and path.is_relative_to(parts[folder]):
                    found.add(f"{folder}/{path.relative_to(parts[folder])}")
        return found

"""ConfigMaps, Secrets and volumes that pods name are there, with the keys that they name."""

from collections.abc import Iterator
from typing import Any

from deploy.k8s.base.make_secrets import KEYS
from deploy.k8s.check.accounts import made_secrets
from deploy.k8s.check.documents import Document, Documents, find, of_kind, title
from deploy.k8s.check.finding import Finding
from deploy.k8s.check.pods import Pod, pods
from deploy.k8s.check.variables import CONFIGS

#: Secrets and ConfigMaps that the user makes, and their keys.
OF_THE_USER = {
    ("Secret", "external-redis"): set(CONFIGS),
    ("Secret", "gateway-tls"): {"tls.crt", "tls.key"},
    ("Secret", "dispycluster-tls"): {"tls.crt", "tls.key"},
    ("ConfigMap", "redis-ca"): {"ca.crt"},
}


def keys_of(documents: Documents, kind: str, name: str, within: str) -> set[str] | None:
    """The keys of a ConfigMap or Secret; ``None`` where there is none."""
    found = find(documents, kind, name, within)
    if found is not None:
        return {key for part in ("data", "stringData", "binaryData") for key in found.get(part) or {}}
    if kind == "Secret" and name in made_secrets(documents, within):
        return set(KEYS[name])
    return OF_THE_USER.get((kind, name))


def what_pods_name_is_there(documents: Documents) -> Iterator[Finding]:
    """Every ConfigMap and Secret, and every key of them, unless it is optional."""
    for pod in pods(documents):
        for kind, name, wanted in _named(pod):
            there = keys_of(documents, kind, name, pod.namespace)
            if there is None:
                yield Finding(pod.title, f"there is no {kind} {name}")
            for key in sorted(wanted - (there if there is not None else wanted)):
                yield Finding(pod.title, f"the {kind} {name} has no key {key}")
    for ingress in of_kind(documents, "Ingress"):
        for entry in ingress["spec"].get("tls") or []:
            if ("Secret", entry.get("secretName")) not in OF_THE_USER:
                yield Finding(title(ingress), f"nobody makes the Secret {entry.get('secretName')}")


def mounts_are_of_volumes(documents: Documents) -> Iterator[Finding]:
    """A container mounts volumes that the pod has, every volume is mounted, and no path twice."""
    for pod in pods(documents):
        claimed = pod.workload["spec"].get("volumeClaimTemplates") or []
        there = {volume["name"]: volume for volume in pod.spec.get("volumes") or []}
        names = {*there, *(claim["metadata"]["name"] for claim in claimed)}
        mounts = [(container, mount) for container in pod.containers for mount in container.get("volumeMounts") or []]
        for container, mount in mounts:
            if mount["name"] not in names:
                yield Finding(pod.title, f"{container['name']} mounts {mount['name']}, which is no volume of the pod")
            elif "subPath" in mount and not _has_path(there.get(mount["name"], {}), mount["subPath"]):
                yield Finding(pod.title, f"the volume {mount['name']} has no {mount['subPath']}")
        for name in sorted(names - {mount["name"] for _, mount in mounts}):
            yield Finding(pod.title, f"no container mounts the volume {name}")
        for container in pod.containers:
            paths = [mount["mountPath"] for mount in container.get("volumeMounts") or []]
            if len(paths) > len(set(paths)):
                yield Finding(pod.title, f"{container['name']} mounts two volumes at one path")


def _named(pod: Pod) -> Iterator[tuple[str, str, set[str]]]:
    """Kind, name and keys of all that a pod cannot start without."""
    sources: list[dict[str, Any]] = []
    for volume in pod.spec.get("volumes") or []:
        sources += [volume, *(volume.get("projected") or {}).get("sources", [])]
    for source in sources:
        for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
            held = source.get(field) or {"optional": True}
            if not held.get("optional"):
                yield kind, held.get("secretName") or held["name"], {item["key"] for item in held.get("items") or []}
    for container in pod.containers:
        for whole in container.get("envFrom") or []:
            for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                if field in whole:
                    yield kind, whole[field]["name"], set()
        for entry in container.get("env") or []:
            for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
                held = (entry.get("valueFrom") or {}).get(field)
                if held is not None:
                    yield kind, held["name"], {held["key"]}


def _has_path(volume: Document, path: str) -> bool:
    held = volume.get("secret") or volume.get("configMap") or {}
    return "items" not in held or any(f"{item['path']}/".startswith(f"{path}/") for item in held["items"])

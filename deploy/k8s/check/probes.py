"""How the kubelet asks a container whether it is well."""

from collections.abc import Iterator
from typing import Any

from deploy.k8s.check.documents import Documents
from deploy.k8s.check.finding import Finding
from deploy.k8s.check.pods import Pod, pods

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def lasting_containers_are_probed(documents: Documents) -> Iterator[Finding]:
    """Whatever runs on is asked whether it lives and whether it is ready; a Job ends by itself."""
    for pod in pods(documents):
        for container in pod.lasting if pod.workload["kind"] != "Job" else []:
            for name in PROBES[1:]:
                if name not in container:
                    yield Finding(pod.title, f"{container['name']} has no {name}")


def probed_ports_exist(documents: Documents) -> Iterator[Finding]:
    """A probe asks a port that the container has."""
    for pod, container, name, probe in _probes(documents):
        asked = probe.get("httpGet") or probe.get("tcpSocket") or {}
        declared = {
            value for port in container.get("ports") or [] for value in (port.get("name"), port["containerPort"])
        }
        if asked and asked["port"] not in declared:
            yield Finding(pod.title, f"{container['name']} has no port {asked['port']}, which its {name} asks")


def liveness_does_not_depend_on_others(documents: Documents) -> Iterator[Finding]:
    """A pod is never restarted because another one is away: ``/readyz`` says so, ``/livez`` does not."""
    for pod, container, name, probe in _probes(documents):
        if name != "readinessProbe" and "readyz" in (probe.get("httpGet") or {}).get("path", ""):
            yield Finding(pod.title, f"the {name} of {container['name']} asks for readiness")


def busy_redis_is_restarted(documents: Documents) -> Iterator[Finding]:
    """Its port stays open while a script keeps it busy, so that its liveness is a command."""
    for pod, container, name, probe in _probes(documents):
        is_liveness = pod.title == "StatefulSet/redis" and name == "livenessProbe"
        if is_liveness and (probe.get("exec") or {}).get("command") != ["alive"]:
            yield Finding(pod.title, f"the {name} of {container['name']} is not the command alive")


def _probes(documents: Documents) -> Iterator[tuple[Pod, dict[str, Any], str, dict[str, Any]]]:
    for pod in pods(documents):
        for container in pod.containers:
            for name in PROBES:
                if name in container:
                    yield pod, container, name, container[name]

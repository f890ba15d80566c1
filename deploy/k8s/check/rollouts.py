"""How pods are replaced, ended and multiplied."""

import re
from collections.abc import Iterator

from deploy.k8s.check.documents import Document, Documents, find, namespace, of_kind, title
from deploy.k8s.check.finding import Finding
from deploy.k8s.check.folder import IMAGE_FILES
from deploy.k8s.check.pods import grace_seconds, pause_seconds, pods
from deploy.k8s.check.variables import values

#: What a ws replica takes besides its drain: the farewells, and the last of what clients have to take.
FAREWELL_SECONDS = 10


def places() -> dict[str, int]:
    """How many pods of a service the gateway has room for."""
    text = (IMAGE_FILES / "gateway" / "haproxy.cfg").read_text()
    return {name: int(count) for name, count in re.findall(r"^\s*server-template (\w+) 1-(\d+)", text, re.MULTILINE)}


def no_pod_goes_before_its_successor(documents: Documents) -> Iterator[Finding]:
    """Where there are several pods, an update takes none away before a new one is there."""
    for deployment in of_kind(documents, "Deployment"):
        rolling = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
        if _replicas(documents, deployment) > 1 and rolling.get("maxUnavailable") != 0:
            yield Finding(title(deployment), "maxUnavailable is not 0")


def pods_have_time_to_end(documents: Documents) -> Iterator[Finding]:
    """The grace period outlasts the pause before the end, and what the end takes."""
    for pod in pods(documents):
        for container in pod.lasting:
            drain = float(values(documents, pod, container).get("WS_DRAIN_SECONDS") or 0)
            needed = pause_seconds(container) + (drain + FAREWELL_SECONDS if drain else 0)
            if grace_seconds(pod) <= needed:
                yield Finding(pod.title, f"{grace_seconds(pod)} s of grace are not more than the {needed:g} s it takes")


def autoscalers_scale(documents: Documents) -> Iterator[Finding]:
    """What is scaled exists, says what CPU time it asks for, has no fixed number, and is not more than one finds."""
    for scaler in of_kind(documents, "HorizontalPodAutoscaler"):
        reference = scaler["spec"]["scaleTargetRef"]
        target = find(documents, reference["kind"], reference["name"], namespace(scaler))
        if target is None or target["apiVersion"] != reference["apiVersion"]:
            yield Finding(title(scaler), f"there is no {reference['kind']} {reference['name']} to scale")
            continue
        if "replicas" in target["spec"]:
            yield Finding(title(scaler), "its target has a fixed number of replicas, set back at every apply")
        for container in target["spec"]["template"]["spec"]["containers"]:
            if "cpu" not in ((container.get("resources") or {}).get("requests") or {}):
                yield Finding(title(scaler), f"{container['name']} has no requests of cpu to go by")


def gateway_has_places_for_all(documents: Documents) -> Iterator[Finding]:
    """There are never more pods of api or ws than the gateway finds."""
    for deployment in of_kind(documents, "Deployment"):
        room = places().get(deployment["metadata"]["name"])
        most = max(_replicas(documents, deployment), _replicas(documents, deployment, "maxReplicas"))
        if room is not None and most > room:
            yield Finding(title(deployment), f"there may be {most} pods, and the gateway has places for {room}")


def _replicas(documents: Documents, deployment: Document, bound: str = "minReplicas") -> int:
    for scaler in of_kind(documents, "HorizontalPodAutoscaler"):
        reference = scaler["spec"]["scaleTargetRef"]
        if (reference["kind"], reference["name"]) == (deployment["kind"], deployment["metadata"]["name"]):
            return int(scaler["spec"].get(bound, 1))
    return int(deployment["spec"].get("replicas", 1))

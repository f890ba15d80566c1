"""The pods that the workloads of a rendering make."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deploy.k8s.check.documents import Document, Documents, namespace, of_kind, selects, title

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")


@dataclass(frozen=True)
class Pod:
    """A workload's pod template."""

    workload: Document

    @property
    def title(self) -> str:
        """What findings call it: the workload's kind and name."""
        return title(self.workload)

    @property
    def name(self) -> str:
        """The workload's name."""
        return str(self.workload["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Where it runs."""
        return namespace(self.workload)

    @property
    def template(self) -> Document:
        """The template, with metadata and spec."""
        return dict(self.workload["spec"]["template"])

    @property
    def labels(self) -> dict[str, str]:
        """What selectors go by."""
        return self.template.get("metadata", {}).get("labels") or {}

    @property
    def spec(self) -> Document:
        """The pod's specification."""
        return dict(self.template["spec"])

    @property
    def lasting(self) -> list[Document]:
        """The containers that run as long as the pod."""
        return list(self.spec.get("containers") or [])

    @property
    def containers(self) -> list[Document]:
        """All containers, those that only prepare among them."""
        return [*(self.spec.get("initContainers") or []), *self.lasting]

    def ports(self) -> Iterator[Document]:
        """The ports on which it says that it listens."""
        for container in self.lasting:
            yield from container.get("ports") or []

    def listens_on(self, port: str | int, protocol: str = "TCP") -> bool:
        """Whether it has a port of this name or number."""
        return any(
            port in (declared.get("name"), declared["containerPort"]) and declared.get("protocol", "TCP") == protocol
            for declared in self.ports()
        )


def pods(documents: Documents) -> list[Pod]:
    """The pods of every workload."""
    return [Pod(document) for document in of_kind(documents, *WORKLOADS)]


def selected(documents: Documents, within: str, selector: dict[str, Any]) -> list[Pod]:
    """The pods in the namespace ``within`` that a label selector matches."""
    return [pod for pod in pods(documents) if pod.namespace == within and selects(selector, pod.labels)]


def grace_seconds(pod: Pod) -> int:
    """How long it may take to end; 30 where it does not say, as the API server sets it."""
    return int(pod.spec.get("terminationGracePeriodSeconds", 30))


def pause_seconds(container: dict[str, Any]) -> float:
    """How long the container sleeps before it is asked to end."""
    hook = (container.get("lifecycle") or {}).get("preStop") or {}
    command = (hook.get("exec") or {}).get("command") or []
    return float(command[1]) if command[:1] == ["sleep"] else 0.0

"""Foreign pods, and the addresses that a pod can connect to."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from contract import VERSION
from tests.drivers.kubectl import Kubectl
from tests.drivers.kustomization import LABEL
from tests.drivers.waiting import eventually

#: Host and port.
Address = tuple[str, int]
#: Pods by a test's names: their namespace and their name in it.
Sources = Mapping[str, tuple[Kubectl, str]]
#: Seconds without an answer after which a connection counts as refused.
REFUSED_AFTER_SECONDS = 3
#: Accepts connections on the ports in its arguments.
_LISTEN = """
import asyncio, sys
async def main():
    for port in sys.argv[1:]:
        await asyncio.start_server(lambda reader, writer: writer.close(), "0.0.0.0", int(port))
    await asyncio.Event().wait()
asyncio.run(main())
"""


@dataclass(frozen=True)
class Visitor:
    kubectl: Kubectl
    name: str
    address: str


@contextmanager
def namespace(kubectl: Kubectl, name: str) -> Iterator[Kubectl]:
    """Create a namespace, or use an existing one; yield its ``kubectl``."""
    ask = ("get", "namespace", "--ignore-not-found", name, "-o", "jsonpath={.status.phase}")
    eventually(lambda: kubectl.run(*ask) != "Terminating", within_seconds=120, what=f"the previous {name} is gone")
    made = not kubectl.succeeds("get", "namespace", name)
    if made:
        mark = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {LABEL: "yes"}}}
        kubectl.run("apply", "-f", "-", input_text=json.dumps(mark))
    try:
        yield Kubectl(kubectl.context, name)
    finally:
        if made:
            # Without waiting: only a test that creates it again must wait.
            kubectl.run("delete", "namespace", name, "--wait=false")


@contextmanager
def visitor(
    kubectl: Kubectl,
    name: str,
    ports: Sequence[int] = (),
    *,
    labels: Mapping[str, str] | None = None,
    on_the_nodes_network: bool = False,
) -> Iterator[Visitor]:
    """Run a pod that listens on ``ports`` and otherwise waits for commands."""
    container = {
        "name": "visitor",
        "image": f"dispycluster/collector:{VERSION}",
        "imagePullPolicy": "IfNotPresent",
        "command": ["/opt/venv/bin/python", "-c", _LISTEN, *(str(port) for port in ports)],
    }
    with running(kubectl, name, [container], labels=labels, on_the_nodes_network=on_the_nodes_network) as found:
        yield found


@contextmanager
def running(
    kubectl: Kubectl,
    name: str,
    containers: Sequence[Mapping[str, Any]],
    *,
    labels: Mapping[str, str] | None = None,
    on_the_nodes_network: bool = False,
    within_seconds: int = 90,
) -> Iterator[Visitor]:
    """Run a pod of these containers that a restricted namespace permits."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {LABEL: "yes", **(labels or {})}},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "hostNetwork": on_the_nodes_network,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{"securityContext": _CONFINED, **container} for container in containers],
        },
    }
    kubectl.run("apply", "-f", "-", input_text=json.dumps(pod))
    try:
        kubectl.run("wait", "--for=condition=Ready", f"--timeout={within_seconds}s", f"pod/{name}")
        yield Visitor(kubectl, name, kubectl.json("get", "pod", name)["status"]["podIP"])
    finally:
        kubectl.run("delete", "pod", name, "--ignore-not-found", "--wait=false")


_CONFINED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def reached(kubectl: Kubectl, pod: str, addresses: Iterable[Address]) -> set[Address]:
    """Return the addresses that accept a connection from the pod; all are tried concurrently."""
    tries = "".join(
        f"timeout {REFUSED_AFTER_SECONDS} bash -c 'exec 3<>/dev/tcp/{host}/{port}' 2>/dev/null && echo {host} {port} & "
        for host, port in addresses
    )
    output = kubectl.run("exec", pod, "--", "bash", "-c", tries + "wait")
    return {(line.split()[0], int(line.split()[1])) for line in output.splitlines()}


def matrix(pods: Sources, places: Mapping[str, Address]) -> set[tuple[str, str]]:
    """Return the pairs of pod and place in which the pod can connect to the place."""
    with ThreadPoolExecutor() as threads:
        found = {name: threads.submit(reached, *pod, places.values()) for name, pod in pods.items()}
    return {
        (name, place)
        for name, future in found.items()
        for place, address in places.items()
        if address in future.result()
    }

"""``kubectl``, always told which cluster it works on."""

import json
import os
import re
import shutil
import subprocess
from subprocess import DEVNULL, PIPE, Popen
from typing import Any

import requests

#: Where the API server has what tests look at again and again.
_PATHS = {
    "deployments": "apis/apps/v1",
    "endpointslices": "apis/discovery.k8s.io/v1",
    "horizontalpodautoscalers": "apis/autoscaling/v2",
    "jobs": "apis/batch/v1",
    "poddisruptionbudgets": "apis/policy/v1",
    "pods": "api/v1",
    "statefulsets": "apis/apps/v1",
}


class Kubectl:
    """Runs ``kubectl`` on one context of ``KUBECONFIG``, and in one namespace where none is named."""

    def __init__(self, context: str, namespace: str) -> None:
        assert shutil.which("kubectl"), "these tests need kubectl"
        self.context = context
        self.namespace = namespace
        self.command = ("kubectl", f"--context={context}", f"--namespace={namespace}")
        self._proxy: Popen[str] | None = None
        self._origin = ""
        self._session = requests.Session()
        self._session.trust_env = False

    def run(
        self, *arguments: str, input_text: str | None = None, check: bool = True, timeout_seconds: float = 300
    ) -> str:
        """Return what it says on standard output; of a failure that is no surprise, all it said.

        Raises:
            AssertionError: it failed; carries what it said.
        """
        done = subprocess.run(
            [*self.command, *arguments], input=input_text, capture_output=True, text=True, timeout=timeout_seconds
        )
        if done.returncode == 0:
            return done.stdout
        assert not check, f"kubectl {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def succeeds(self, *arguments: str) -> bool:
        """Whether it ends with 0."""
        return subprocess.run([*self.command, *arguments], capture_output=True, timeout=300).returncode == 0

    def json(self, *arguments: str) -> Any:
        """What it says as JSON, parsed."""
        return json.loads(self.run(*arguments, "-o", "json"))

    def items(self, kind: str, *, label: str = "") -> list[Any]:
        """The objects of a kind, or those of them with a label (``name=value``).

        Tests ask this many times a second. A process for each question would take much of a small machine, so one
        ``kubectl proxy`` answers them all.
        """
        if self._proxy is None:
            self._start_proxy()
        url = f"{self._origin}/{_PATHS[kind]}/namespaces/{self.namespace}/{kind}"
        answer = self._session.get(url, params={"labelSelector": label} if label else {}, timeout=60)
        assert answer.status_code == 200, f"{url}: {answer.status_code} {answer.text[:300]}"
        found: list[Any] = answer.json()["items"]
        return found

    def _start_proxy(self) -> None:
        self._proxy = Popen([*self.command, "proxy", "--port=0"], stdin=DEVNULL, stdout=PIPE, text=True)
        assert self._proxy.stdout is not None
        said = self._proxy.stdout.readline()
        address = re.search(r"127\.0\.0\.1:\d+", said)
        assert address, f"kubectl proxy: {said}"
        self._origin = f"http://{address[0]}"

    def close(self) -> None:
        """End the proxy, if there is one."""
        self._session.close()
        if self._proxy is not None:
            self._proxy.terminate()
            self._proxy.communicate(timeout=10)
            self._proxy = None


def told_context() -> str:
    """The context that the tests may use: ``CONTEXT``, if it is also the one that ``KUBECONFIG`` names now.

    Raises:
        AssertionError: no context was told, or another one is current; the text says what to do.
    """
    done = subprocess.run(["kubectl", "config", "current-context"], capture_output=True, text=True)
    current = done.stdout.strip()
    assert current, "no cluster: KUBECONFIG names none. kind create cluster makes one"
    told = os.environ.get("CONTEXT", "")
    assert told, (
        f"KUBECONFIG leads to the cluster {current!r}. These tests install and remove the product there; if that is "
        f"what you want, say its name: make test-k8s CONTEXT={current}"
    )
    assert told == current, f"told to use the cluster {told!r}, but KUBECONFIG leads to {current!r}: nothing is done"
    return told

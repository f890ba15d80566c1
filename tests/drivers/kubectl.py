"""``kubectl`` with an explicit cluster."""

import json
import os
import re
import shutil
import subprocess
from subprocess import DEVNULL, PIPE, Popen
from typing import Any

import requests

#: Paths at the API server of objects that tests read frequently.
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
    """Runs ``kubectl`` on one context of ``KUBECONFIG``, by default in one namespace."""

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
        """Return its standard output, or with ``check=False`` both outputs of a failed command.

        Raises:
            AssertionError: the command failed; the text has its output.
        """
        done = subprocess.run(
            [*self.command, *arguments], input=input_text, capture_output=True, text=True, timeout=timeout_seconds
        )
        if done.returncode == 0:
            return done.stdout
        assert not check, f"kubectl {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def succeeds(self, *arguments: str) -> bool:
        """Whether the command exits with 0."""
        return subprocess.run([*self.command, *arguments], capture_output=True, timeout=300).returncode == 0

    def json(self, *arguments: str) -> Any:
        """Return its output, parsed as JSON."""
        return json.loads(self.run(*arguments, "-o", "json"))

    def items(self, kind: str, *, label: str = "") -> list[Any]:
        """Return the objects of a kind, or those with a label (``name=value``).

        Tests call this many times a second. One ``kubectl proxy`` for all calls saves a process for each.
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
        line = self._proxy.stdout.readline()
        address = re.search(r"127\.0\.0\.1:\d+", line)
        assert address, f"kubectl proxy: {line}"
        self._origin = f"http://{address[0]}"

    def close(self) -> None:
        """Stop the proxy if it runs."""
        self._session.close()
        if self._proxy is not None:
            self._proxy.terminate()
            self._proxy.communicate(timeout=10)
            self._proxy = None


def chosen_context() -> str:
    """Return the context that the tests may use: ``CONTEXT``, if it is also the current one of ``KUBECONFIG``.

    Raises:
        AssertionError: no context is set, or another one is current; the text names the remedy.
    """
    done = subprocess.run(["kubectl", "config", "current-context"], capture_output=True, text=True)
    current = done.stdout.strip()
    assert current, "no cluster: KUBECONFIG names none. kind create cluster makes one"
    context = os.environ.get("CONTEXT", "")
    assert context, (
        f"KUBECONFIG leads to the cluster {current!r}. These tests install and remove the product there; if that is "
        f"what you want, say its name: make test-k8s CONTEXT={current}"
    )
    assert context == current, f"CONTEXT is {context!r}, but KUBECONFIG selects {current!r}: nothing is done"
    return context

"""``kubectl``, always told which cluster it works on."""

import json
import os
import shutil
import subprocess
from typing import Any


class Kubectl:
    """Runs ``kubectl`` on one context of ``KUBECONFIG``, and in one namespace where none is named."""

    def __init__(self, context: str, namespace: str) -> None:
        assert shutil.which("kubectl"), "these tests need kubectl"
        self.context = context
        self.namespace = namespace
        self.command = ("kubectl", f"--context={context}", f"--namespace={namespace}")

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

"""What the linter may say, and why that is meant; all else is a finding."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from deploy.k8s.check.finding import Finding
from deploy.k8s.check.kube_score import LintError, kube_score, lint

ANY = ""
#: Check and object (``ANY``: all of them), and why it is as it is.
MEANT = {
    ("container-ephemeral-storage-request-and-limit", ANY): "roots are read-only and /tmp is memory: only logs reach "
    "the node's disk, and the kubelet turns those over",
    ("container-image-pull-policy", ANY): "images that were brought to the nodes by hand are in no registry to pull "
    "from; a tag of ours never changes what it means",
    ("deployment-has-host-podantiaffinity", ANY): "topologySpreadConstraints spread the replicas, and leave them "
    "together where there is one node only",
    ("deployment-replicas", "Deployment/simulator"): "a second one would be the same nodes once more",
    ("deployment-strategy", "Deployment/simulator"): "the new one would be the same nodes beside the old one",
    ("pod-networkpolicy", "DaemonSet/node-exporter"): "it is on the node's network, which no policy governs",
    ("pod-probes-identical", "Deployment/simulator"): "it listens or it does not: there is nothing else to ask",
    ("statefulset-has-servicename", "StatefulSet/redis"): "nobody asks for the pod by its name; a headless Service "
    "would leave the address of a former pod in the clients' DNS",
}


@dataclass
class Lint:
    """Lints one rendering after the other; without a linter nothing is found."""

    program: Path | None
    _used: set[tuple[str, str]] = field(default_factory=set)

    def findings(self, rendered: str) -> list[Finding]:
        """What the linter has against a rendering and nobody meant.

        Raises:
            LintError: it does not work.
        """
        found = []
        for check, finding in lint(self.program, rendered) if self.program else []:
            reason = {(check, ANY), (check, finding.object)} & MEANT.keys()
            self._used |= reason
            if not reason:
                found.append(finding)
        return found

    def left_over(self) -> list[Finding]:
        """The reasons for which nothing was found in any rendering."""
        unused = sorted(MEANT.keys() - self._used) if self.program else []
        return [Finding(thing or "every object", f"nothing is found by {check} any more") for check, thing in unused]


def get_lint() -> Lint:
    """With a linter; without one only where nobody counts on it, which is said.

    Raises:
        LintError: there is none, and CI runs this.
    """
    try:
        return Lint(kube_score())
    except LintError as error:
        if os.environ.get("CI", "").lower() in ("true", "1"):
            raise
        print(f"k8s: not linted: {error}", file=sys.stderr)
        return Lint(None)

"""The linter kube-score (https://github.com/zegl/kube-score): where it is, what it says, and what of that is meant."""

import json
import shutil
import subprocess
from pathlib import Path

from tests.drivers.process import ROOT

VERSION = "v1.20.0"
OPTIONS = (
    "--output-format=json",
    "--kubernetes-version=v1.28",
    # A limit of CPU time holds a pod back while the node is idle, and messages with it. Requests share what is scarce.
    "--ignore-container-cpu-limit",
    "--enable-optional-test=container-seccomp-profile",
    "--enable-optional-test=container-ports-check",
)
#: Grade of a check that has nothing to say.
ALL_OK = 10
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


#: What Go builds, and where ``tests.prepare`` has it built.
PACKAGE = f"github.com/zegl/kube-score/cmd/kube-score@{VERSION}"
BUILT = ROOT / f".cache/kube-score-{VERSION}/kube-score"


def program() -> Path | None:
    """The linter of the PATH, else the one in ``.cache``; ``None`` where there is neither."""
    found = shutil.which("kube-score")
    return Path(found) if found else BUILT if BUILT.exists() else None


def findings(linter: Path, rendered: str) -> dict[tuple[str, str], object]:
    """What the linter has against a rendering: by check and object, its comments."""
    done = subprocess.run([linter, "score", *OPTIONS, "-"], input=rendered, capture_output=True, text=True)
    assert done.stdout, done.stderr
    return {
        (result["check"]["id"], f"{scored['type_meta']['kind']}/{scored['object_meta']['name']}"): result["comments"]
        for scored in json.loads(done.stdout)
        for result in scored["checks"]
        if not result["skipped"] and result["grade"] < ALL_OK
    }


def reasons(check: str, thing: str) -> set[tuple[str, str]]:
    """The entries of ``MEANT`` that let the linter say this."""
    return {(check, ANY), (check, thing)} & MEANT.keys()

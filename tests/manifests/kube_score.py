"""The linter kube-score (https://github.com/zegl/kube-score): its path, its comments, and the accepted ones."""

import json
import shutil
import subprocess
from pathlib import Path

from tests.drivers.process import ROOT

VERSION = "v1.20.0"
OPTIONS = (
    "--output-format=json",
    "--kubernetes-version=v1.28",
    # A limit of CPU time slows a pod and its messages while the node is idle. Requests share scarce time.
    "--ignore-container-cpu-limit",
    "--enable-optional-test=container-seccomp-profile",
    "--enable-optional-test=container-ports-check",
)
#: Grade of a check without comments.
ALL_OK = 10
ANY = ""
#: Check and object (``ANY``: all objects), and the reason for accepting the comment.
ACCEPTED = {
    ("container-ephemeral-storage-request-and-limit", ANY): "root file systems are read-only and /tmp is in memory: "
    "only logs are on the node's disk, and the kubelet rotates them",
    ("container-image-pull-policy", ANY): "images that were copied to the nodes are in no registry; our tags never "
    "change their image",
    ("deployment-has-host-podantiaffinity", ANY): "topologySpreadConstraints spread the replicas, and permit "
    "them on a single node",
    ("deployment-replicas", "Deployment/simulator"): "a second replica would have the same nodes again",
    ("deployment-strategy", "Deployment/simulator"): "the new pod would have the same nodes as the old one",
    ("pod-networkpolicy", "DaemonSet/node-exporter"): "policies do not apply to the node's network, which it uses",
    ("pod-probes-identical", "Deployment/simulator"): "it only has a state of listening or not",
    ("statefulset-has-servicename", "StatefulSet/redis"): "no client resolves the pod's name; a headless Service "
    "would leave the address of a previous pod in the clients' DNS",
}


#: Go package of kube-score, which ``tests.prepare`` builds.
PACKAGE = f"github.com/zegl/kube-score/cmd/kube-score@{VERSION}"
BUILT = ROOT / f".cache/kube-score-{VERSION}/kube-score"


def program() -> Path | None:
    """Return the linter on the PATH or in ``.cache``; ``None`` if it is missing."""
    found = shutil.which("kube-score")
    return Path(found) if found else BUILT if BUILT.exists() else None


def linter_comments(linter: Path, rendered: str) -> dict[tuple[str, str], object]:
    """Return the linter's comments about a rendering, by check and object."""
    done = subprocess.run([linter, "score", *OPTIONS, "-"], input=rendered, capture_output=True, text=True)
    assert done.stdout, done.stderr
    return {
        (result["check"]["id"], f"{scored['type_meta']['kind']}/{scored['object_meta']['name']}"): result["comments"]
        for scored in json.loads(done.stdout)
        for result in scored["checks"]
        if not result["skipped"] and result["grade"] < ALL_OK
    }


def reasons(check: str, thing: str) -> set[tuple[str, str]]:
    """Return the entries of ``ACCEPTED`` for this comment."""
    return {(check, ANY), (check, thing)} & ACCEPTED.keys()

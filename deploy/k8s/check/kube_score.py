"""The linter kube-score: where it is, how it is built, and what it says."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploy.k8s.check.finding import Finding
from deploy.k8s.check.folder import TOOLS
from deploy.k8s.check.schemas import OLDEST

#: Of two linters the one that can be had everywhere. Source: https://github.com/zegl/kube-score
MODULE = "github.com/zegl/kube-score/cmd/kube-score"
VERSION = "v1.20.0"
BUILT = TOOLS / f"kube-score-{VERSION}"
#: Grade of a check that has nothing to say.
ALL_OK = 10
OPTIONS = (
    "--output-format=json",
    f"--kubernetes-version=v{OLDEST}",
    # A limit of CPU time holds a pod back while the node is idle, and messages with it. Requests share what is scarce.
    "--ignore-container-cpu-limit",
    "--enable-optional-test=container-seccomp-profile",
    "--enable-optional-test=container-ports-check",
)


class LintError(Exception):
    """The linter cannot be had, or does not work; the text says why."""


def kube_score() -> Path:
    """The linter: the one that was built here, else the one on the PATH, else built with Go.

    Raises:
        LintError: there is none, and it cannot be built.
    """
    if BUILT.exists():
        return BUILT
    found = shutil.which("kube-score")
    return Path(found) if found else build()


def build() -> Path:
    """Build the pinned version into ``.cache/bin``.

    Raises:
        LintError: there is no Go, or it fails.
    """
    if not shutil.which("go"):
        raise LintError("neither kube-score nor Go, which would build it, is on the PATH")
    TOOLS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TOOLS) as folder:
        done = subprocess.run(
            ["nice", "-n", "19", "go", "install", "-trimpath", f"{MODULE}@{VERSION}"],
            env={**os.environ, "GOBIN": folder},
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise LintError(f"go install {MODULE}@{VERSION} failed: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
        (Path(folder) / "kube-score").replace(BUILT)
    return BUILT


def lint(program: Path, rendered: str) -> list[tuple[str, Finding]]:
    """What the linter has against a rendering: the check's name and the finding.

    Raises:
        LintError: it does not work.
    """
    done = subprocess.run([program, "score", *OPTIONS, "-"], input=rendered, capture_output=True, text=True)
    try:
        objects: list[dict[str, Any]] = json.loads(done.stdout)
    except ValueError:
        raise LintError(f"{program.name} failed: {(done.stderr or done.stdout).strip()[:300]}") from None
    return [finding for scored in objects for finding in _findings(scored)]


def _findings(scored: dict[str, Any]) -> Iterator[tuple[str, Finding]]:
    title = f"{scored['type_meta']['kind']}/{scored['object_meta']['name']}"
    for result in scored["checks"]:
        if result["skipped"] or result["grade"] >= ALL_OK:
            continue
        check = result["check"]["id"]
        for comment in result["comments"] or [{}]:
            said = [comment.get("path"), comment.get("summary") or result["check"]["name"]]
            yield check, Finding(title, f"kube-score {check}: {', '.join(filter(None, said))}")

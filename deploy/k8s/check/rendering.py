"""Render an overlay with kustomize."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml

from deploy.k8s.check.documents import Documents
from deploy.k8s.check.folder import COMPONENTS, K8S
from deploy.k8s.check.variants import Variant


class RenderingError(Exception):
    """An overlay cannot be rendered, or not without a warning; the text says why."""


def kustomize() -> list[str]:
    """The command that renders a folder.

    Raises:
        RenderingError: there is none.
    """
    for command in (["kubectl", "kustomize"], ["kustomize", "build"]):
        if shutil.which(command[0]):
            return command
    raise RenderingError(
        "neither kubectl nor kustomize is on the PATH: install kubectl (apt-get install kubectl, "
        "or https://kubernetes.io/docs/tasks/tools/)"
    )


def overlay(variant: Variant, folder: Path) -> str:
    """The ``kustomization.yaml`` of a variant for ``folder``: kustomize takes relative paths only."""

    def relative(path: Path) -> str:
        return os.path.relpath(path, folder.resolve())

    return yaml.safe_dump(
        {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [relative(K8S)],
            "components": [relative(COMPONENTS / name) for name in variant.components],
            **dict(variant.own),
        },
        sort_keys=False,
    )


def render(variant: Variant) -> str:
    """What a variant comes to, as YAML.

    Raises:
        RenderingError: it cannot be rendered, or kustomize warns of something.
    """
    with tempfile.TemporaryDirectory(prefix="dispycluster-overlay-") as name:
        (Path(name) / "kustomization.yaml").write_text(overlay(variant, Path(name)))
        done = subprocess.run([*kustomize(), name], capture_output=True, text=True)
    if done.returncode != 0 or done.stderr.strip():
        raise RenderingError(done.stderr.strip() or f"kustomize ended with {done.returncode}")
    return done.stdout


def parse(text: str) -> Documents:
    """The documents of a rendering."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [document for document in yaml.load_all(text, Loader=loader) if document]

"""A kustomization over the manifests, as users write one of their own, with what tests need."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from deploy.k8s.check.compose import compose_images
from tests.drivers.kubectl import Kubectl
from tests.drivers.process import ROOT

#: What the namespaces of tests carry; others are never touched.
LABEL = "live.dispycluster.test"
IMAGES = tuple(sorted(compose_images()))
#: Seconds between two rounds.
INTERVAL_SECONDS = 1.0
#: What tests set in the ConfigMaps.
SETTINGS: Mapping[str, Sequence[str]] = {
    "collector-config": ["alerts.yaml=node_down: {for_seconds: 1}\n"],
}
#: Ports of an API server that the manifests let the Job reach.
_API_PORTS = (443, 6443)
_CPU_REQUEST = "/spec/template/spec/containers/0/resources/requests/cpu"

Patch = dict[str, Any]


@contextmanager
def overlay(
    root: Path,
    *,
    namespace: str,
    tag: str,
    components: Sequence[str],
    patches: Sequence[Patch],
    settings: Mapping[str, Sequence[str]],
) -> Iterator[Path]:
    """Give the folder of a kustomization of the manifests in ``root``; beside them, as it takes no absolute path."""
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="k8s-", dir=cache))
    try:
        base = os.path.relpath(root / "deploy/k8s", folder)
        kustomization: dict[str, Any] = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": namespace,
            "resources": [base],
            "components": [f"{base}/components/{name}" for name in components],
            "patches": [{"target": each["target"], "patch": json.dumps(each["patch"])} for each in patches],
            "images": [{"name": f"dispycluster/{name}", "newTag": tag} for name in IMAGES],
            # In the namespace of the manifests: it is changed when everything is put together.
            "configMapGenerator": [
                {"name": name, "namespace": "dispycluster", "behavior": "merge", "literals": list(literals)}
                for name, literals in settings.items()
            ],
        }
        if "node-exporter" in components:
            # Its objects have a namespace of their own, which this would change.
            del kustomization["namespace"]
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        yield folder
    finally:
        shutil.rmtree(folder)


def quick_patches() -> list[Patch]:
    """Quicker rounds and rollouts, room for two installations on a small machine, and a way in from this one."""
    return [
        patch("StatefulSet", "redis", "replace", _CPU_REQUEST, "20m"),
        patch("Service", "gateway", "add", "/spec/type", "NodePort"),
        patch("NetworkPolicy", "gateway", "remove", "/spec/ingress/0/from"),
        *(patch("Deployment", part, "replace", "/spec/minReadySeconds", 5) for part in ("api", "ws")),
        {
            "target": {"kind": "Deployment", "name": "collector"},
            "patch": environment("collector", COLLECTOR_SCRAPE_INTERVAL_SECONDS=f"{INTERVAL_SECONDS:g}"),
        },
    ]


def needed_patches(kubectl: Kubectl) -> list[Patch]:
    """A mark, room beside other installations, and the way of the Job to an API server with an unusual port."""
    always = [
        patch("Namespace", "dispycluster", "add", f"/metadata/labels/{LABEL}", "yes"),
        *(patch("Deployment", part, "replace", _CPU_REQUEST, "20m") for part in ("api", "ws", "collector", "gateway")),
    ]
    _, port = api_server(kubectl)
    if port in _API_PORTS:
        return always
    rule = {"protocol": "TCP", "port": port}
    return [*always, patch("NetworkPolicy", "make-secrets", "add", "/spec/egress/0/ports/-", rule)]


def api_server(kubectl: Kubectl) -> tuple[str, int]:
    """Where the API server itself is, behind its Service: address and port."""
    [subset, *_] = kubectl.json("--namespace=default", "get", "endpoints", "kubernetes")["subsets"]
    return subset["addresses"][0]["ip"], subset["ports"][0]["port"]


def patch(kind: str, name: str, operation: str, path: str, value: object = None) -> Patch:
    """A patch of one place of one object."""
    change = {"op": operation, "path": path, **({} if operation == "remove" else {"value": value})}
    return {"target": {"kind": kind, "name": name}, "patch": [change]}


def environment(deployment: str, **variables: str) -> dict[str, Any]:
    """A patch's content that sets variables of a Deployment's only container."""
    values = [{"name": name, "value": value} for name, value in variables.items()]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": deployment},
        "spec": {"template": {"spec": {"containers": [{"name": deployment, "env": values}]}}},
    }

"""A kustomization over the manifests, as users write them, with the patches that tests need."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.drivers.compose_file import compose_images
from tests.drivers.kubectl import Kubectl
from tests.drivers.process import ROOT

#: Label of the tests' namespaces; tests never change other namespaces.
LABEL = "live.dispycluster.test"
IMAGES = tuple(sorted(compose_images()))
#: Seconds between two rounds.
INTERVAL_SECONDS = 1.0
#: Literals in the ConfigMaps of tests.
SETTINGS: Mapping[str, Sequence[str]] = {
    "collector-config": ["alerts.yaml=node_down: {for_seconds: 1}\n"],
}
#: Ports of an API server to which the manifests permit the Job to connect.
_API_PORTS = (443, 6443)
#: Components with their own namespace. The objects of these that tests patch have the component's name.
_WITH_OWN_NAMESPACE = ("node-exporter",)
#: Workloads that an update replaces gradually.
_ROLLED = ("api", "ws", "collector", "gateway")
_READY_SECONDS = "/spec/minReadySeconds"
_SURGE = "/spec/strategy/rollingUpdate/maxSurge"
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
    """Yield the folder of a kustomization of the manifests in ``root``, with relative paths as kustomize requires."""
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="k8s-", dir=cache))
    try:
        separate = [name for name in components if name in _WITH_OWN_NAMESPACE]
        product = folder / "product" if separate else folder
        # A namespace here applies to all objects. So a component with its own namespace is in a second layer.
        inner = {
            "namespace": namespace,
            "resources": [_deploy(root, product)],
            "components": _components(root, product, (name for name in components if name not in separate)),
            "patches": _patches(each for each in patches if each["target"]["name"] not in separate),
            # In the namespace of the manifests, which changes when kustomize combines all resources.
            "configMapGenerator": [
                {"name": name, "namespace": "dispycluster", "behavior": "merge", "literals": list(literals)}
                for name, literals in settings.items()
            ],
        }
        _write(product, tag, inner)
        if separate:
            outer = {
                "resources": [product.name],
                "components": _components(root, folder, separate),
                "patches": _patches(each for each in patches if each["target"]["name"] in separate),
            }
            _write(folder, tag, outer)
        yield folder
    finally:
        shutil.rmtree(folder)


def _deploy(root: Path, folder: Path) -> str:
    return os.path.relpath(root / "deploy/k8s", folder)


def _components(root: Path, folder: Path, names: Iterable[str]) -> list[str]:
    return [f"{_deploy(root, folder)}/components/{name}" for name in names]


def _patches(patches: Iterable[Patch]) -> list[Patch]:
    return [{"target": each["target"], "patch": json.dumps(each["patch"])} for each in patches]


def _write(folder: Path, tag: str, content: Mapping[str, Any]) -> None:
    folder.mkdir(exist_ok=True)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "images": [{"name": f"dispycluster/{name}", "newTag": tag} for name in IMAGES],
        **content,
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))


def quick_patches() -> list[Patch]:
    """Return patches for shorter intervals, parallel rollouts, smaller CPU requests, and access from this machine."""
    return [
        patch("StatefulSet", "redis", "replace", _CPU_REQUEST, "20m"),
        patch("Service", "gateway", "add", "/spec/type", "NodePort"),
        patch("NetworkPolicy", "gateway", "remove", "/spec/ingress/0/from"),
        *(patch("Deployment", workload, "replace", _READY_SECONDS, 5) for workload in ("api", "ws")),
        patch("Deployment", "collector", "replace", _READY_SECONDS, 1),
        *(patch("Deployment", workload, "replace", _SURGE, "100%") for workload in _ROLLED),
        {
            "target": {"kind": "Deployment", "name": "collector"},
            "patch": environment("collector", COLLECTOR_SCRAPE_INTERVAL_SECONDS=f"{INTERVAL_SECONDS:g}"),
        },
    ]


def one_by_one() -> list[Patch]:
    """Return patches for rollouts with one new pod at a time, as in the manifests, with shorter waits."""
    return [
        *(patch("Deployment", workload, "replace", _SURGE, 1) for workload in _ROLLED),
        patch("Deployment", "collector", "replace", _READY_SECONDS, 5),
    ]


def without_job() -> list[Patch]:
    """Return a patch that removes the Job that makes Secrets, which would start a pod at each apply."""
    gone = {"$patch": "delete", "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "make-secrets"}}
    return [{"target": {"kind": "Job", "name": "make-secrets"}, "patch": gone}]


def required_patches(kubectl: Kubectl) -> list[Patch]:
    """Return patches for the label, smaller CPU requests, and the Job's access to an API server on an unusual port."""
    always = [
        patch("Namespace", "dispycluster", "add", f"/metadata/labels/{LABEL}", "yes"),
        *(
            patch("Deployment", workload, "replace", _CPU_REQUEST, "20m")
            for workload in ("api", "ws", "collector", "gateway")
        ),
    ]
    _, port = api_server(kubectl)
    if port in _API_PORTS:
        return always
    rule = {"protocol": "TCP", "port": port}
    return [*always, patch("NetworkPolicy", "make-secrets", "add", "/spec/egress/0/ports/-", rule)]


@cache
def api_server(kubectl: Kubectl) -> tuple[str, int]:
    """Return address and port of the API server behind its Service."""
    [subset, *_] = kubectl.json("--namespace=default", "get", "endpoints", "kubernetes")["subsets"]
    return subset["addresses"][0]["ip"], subset["ports"][0]["port"]


def patch(kind: str, name: str, operation: str, path: str, value: object = None) -> Patch:
    """Return a patch of one field of one object."""
    change = {"op": operation, "path": path, **({} if operation == "remove" else {"value": value})}
    return {"target": {"kind": kind, "name": name}, "patch": [change]}


def environment(deployment: str, **variables: str) -> dict[str, Any]:
    """Return a patch's content that sets variables of a Deployment's only container."""
    values = [{"name": name, "value": value} for name, value in variables.items()]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": deployment},
        "spec": {"template": {"spec": {"containers": [{"name": deployment, "env": values}]}}},
    }

"""A kustomization over the manifests, as users write one of their own, with what tests need."""

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
#: Components whose objects have a namespace of their own. Their objects that tests patch have the component's name.
_ELSEWHERE = ("node-exporter",)
#: Parts that an update replaces a few at a time.
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
    """Give the folder of a kustomization of the manifests in ``root``; beside them, as it takes no absolute path."""
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="k8s-", dir=cache))
    try:
        elsewhere = [name for name in components if name in _ELSEWHERE]
        product = folder / "product" if elsewhere else folder
        # A namespace here would change that of all objects. So what has one of its own is laid on top of the rest.
        inner = {
            "namespace": namespace,
            "resources": [_deploy(root, product)],
            "components": _components(root, product, (name for name in components if name not in elsewhere)),
            "patches": _patches(each for each in patches if each["target"]["name"] not in elsewhere),
            # In the namespace of the manifests: it is changed when everything is put together.
            "configMapGenerator": [
                {"name": name, "namespace": "dispycluster", "behavior": "merge", "literals": list(literals)}
                for name, literals in settings.items()
            ],
        }
        _write(product, tag, inner)
        if elsewhere:
            outer = {
                "resources": [product.name],
                "components": _components(root, folder, elsewhere),
                "patches": _patches(each for each in patches if each["target"]["name"] in elsewhere),
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
    """Quicker rounds, rollouts of all pods at once, room for others on a small machine, and a way in from this one."""
    return [
        patch("StatefulSet", "redis", "replace", _CPU_REQUEST, "20m"),
        patch("Service", "gateway", "add", "/spec/type", "NodePort"),
        patch("NetworkPolicy", "gateway", "remove", "/spec/ingress/0/from"),
        *(patch("Deployment", part, "replace", _READY_SECONDS, 5) for part in ("api", "ws")),
        patch("Deployment", "collector", "replace", _READY_SECONDS, 1),
        *(patch("Deployment", part, "replace", _SURGE, "100%") for part in _ROLLED),
        {
            "target": {"kind": "Deployment", "name": "collector"},
            "patch": environment("collector", COLLECTOR_SCRAPE_INTERVAL_SECONDS=f"{INTERVAL_SECONDS:g}"),
        },
    ]


def one_by_one() -> list[Patch]:
    """Rollouts as the manifests have them, one new pod after the other; but api and ws wait less between two."""
    return [
        *(patch("Deployment", part, "replace", _SURGE, 1) for part in _ROLLED),
        patch("Deployment", "collector", "replace", _READY_SECONDS, 5),
    ]


def without_job() -> list[Patch]:
    """Without the Job that makes Secrets: a pod at each apply, which finds nothing to do."""
    gone = {"$patch": "delete", "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "make-secrets"}}
    return [{"target": {"kind": "Job", "name": "make-secrets"}, "patch": gone}]


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


@cache
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

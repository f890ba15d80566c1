"""Images on their way to a cluster: in the bundle's archive without a network, and through a registry."""

import contextlib
import gzip
import os
import secrets
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml

from contract import VERSION
from deploy.host.addresses import machine_addresses
from deploy.images.offline.architecture import own_architecture
from tests.drivers.cluster_images import IMPORTER, command
from tests.drivers.docker_engine import OWN_IMAGES, engine
from tests.drivers.kubectl import Kubectl
from tests.drivers.kustomization import IMAGES
from tests.drivers.neighbour import registry
from tests.drivers.process import ROOT
from tests.drivers.visitors import namespace, running

# Its image comes from a registry; the test itself stops its registry.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")


def make(target: str, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-B", "-m", "deploy.compose", target, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def tag() -> Iterator[str]:
    """A tag that is new to the engine and the cluster, on the product's images in the engine."""
    tag = f"{OWN_IMAGES}-{secrets.token_hex(3)}"
    for name in IMAGES:
        assert engine().images.get(f"dispycluster/{name}:{VERSION}").tag(f"dispycluster/{name}", tag)
    yield tag
    # Without inspecting each image, because another process may remove one meanwhile
    for image in engine().api.images():
        for name in image["RepoTags"] or []:
            if name.endswith(f":{tag}"):
                engine().images.remove(name)


def require_all_run(kubectl: Kubectl, images: list[str], policy: str) -> None:
    """Check that a pod with a container of every image runs."""
    containers = [
        {"name": f"image-{number}", "image": image, "imagePullPolicy": policy, "command": ["sleep", "600"]}
        for number, image in enumerate(images)
    ]
    with (
        namespace(kubectl, f"{kubectl.namespace}-elsewhere") as elsewhere,
        running(elsewhere, f"images-{secrets.token_hex(3)}", containers) as pod,
    ):
        # A node reports any name of an image with several names, so the pod's own name is used.
        states = elsewhere.json("get", "pod", pod.name)["status"]["containerStatuses"]
        assert len(states) == len(images)
        assert all("running" in state["state"] for state in states), states


def test_bundles_archive_brings_every_image_to_a_node_without_a_network(
    kubectl: Kubectl, tag: str, tmp_path: Path
) -> None:
    importer = command(IMPORTER)
    if not importer:
        pytest.skip(f"{IMPORTER} is not set: nothing here imports an archive into the cluster")
    make("bundle", IMAGE_TAG=tag)
    bundle = ROOT / "dist" / f"dispycluster-{tag}-{own_architecture()}.tar"
    try:
        with tarfile.open(bundle) as tar:
            # The manifests are in it, unchanged
            packed = {name.partition("/")[2] for name in tar.getnames()}
            assert {"deploy/k8s/kustomization.yaml", "deploy/k8s/base/gateway.yaml", "docs/kubernetes.md"} <= packed
            tar.extract(f"{bundle.stem}/images.tar.gz", tmp_path, filter="data")
    finally:
        bundle.unlink(missing_ok=True)
    # When the node's containerd imports the archive
    with (
        gzip.open(tmp_path / bundle.stem / "images.tar.gz") as archive,
        subprocess.Popen(importer, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process,
    ):
        assert process.stdin
        assert process.stdout
        with contextlib.suppress(BrokenPipeError):
            while block := archive.read(1 << 20):
                process.stdin.write(block)
        process.stdin.close()
        output = process.stdout.read().decode()
    assert process.returncode == 0, output
    # Then a pod that may pull nothing has all images
    require_all_run(kubectl, [f"dispycluster/{name}:{tag}" for name in IMAGES], "Never")


@pytest.fixture
def registry_here(tmp_path: Path) -> Iterator[str]:
    """The address of a registry on this machine."""
    with registry(tmp_path) as address:
        yield address


def nodes_are_this_machine(kubectl: Kubectl) -> bool:
    """Whether every node reaches this machine's loopback addresses."""
    addresses = {
        address["address"]
        for node in kubectl.json("get", "nodes")["items"]
        for address in node["status"]["addresses"]
        if address["type"] == "InternalIP"
    }
    return addresses <= set(machine_addresses(with_ipv6=False))


def test_printed_settings_of_push_make_the_manifests_use_the_registry(
    kubectl: Kubectl, tag: str, registry_here: str, tmp_path: Path
) -> None:
    output = make("push", registry_here, IMAGE_TAG=tag)
    # When the printed lines are in a kustomization
    lines = output.partition("For Kubernetes, in kustomization.yaml:")[2]
    pasted = lines[lines.index("    images:") :].split("\n\n")[0]
    base = os.path.relpath(ROOT / "deploy/k8s", tmp_path.resolve())
    kustomization = {
        **yaml.safe_load(pasted),
        "resources": [base],
        "components": [f"{base}/components/{name}" for name in ("demo", "node-exporter")],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    rendered = yaml.safe_load_all(kubectl.run("kustomize", str(tmp_path)))
    # Then every container's image is the registry's
    pushed = [f"{registry_here}/dispycluster/{name}:{tag}" for name in IMAGES]
    templates = [document["spec"]["template"] for document in rendered if "template" in document.get("spec", {})]
    assert {
        container["image"]
        for template in templates
        for container in template["spec"]["containers"] + template["spec"].get("initContainers", [])
    } == set(pushed)
    # And the registry has each image of this machine
    for name, image in zip(IMAGES, pushed, strict=True):
        own = engine().images.get(f"dispycluster/{name}:{tag}").id
        accepted = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
        manifest = requests.get(
            f"http://{registry_here}/v2/dispycluster/{name}/manifests/{tag}", headers=accepted, timeout=10
        ).json()
        assert manifest["config"]["digest"] == own, image
    # And the nodes pull the images if they reach the registry
    if nodes_are_this_machine(kubectl):
        require_all_run(kubectl, pushed, "Always")

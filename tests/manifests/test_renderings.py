"""Kubernetes and the linter accept every variant, in our namespaces and with our images."""

import copy
import json
from functools import cache
from pathlib import Path

import pytest
from kubernetes_validate import ValidationError, latest_version, validate

from tests.drivers.compose_file import compose_images
from tests.manifests.kube_score import ACCEPTED, linter_comments, reasons
from tests.manifests.model import NAMESPACE, Manifests, namespace, title
from tests.manifests.variants import Variant, manifests_of, rendered

PART_OF = "app.kubernetes.io/part-of"
ENFORCE = "pod-security.kubernetes.io/enforce"
OLDEST = "1.28"


@cache
def require_valid(document: str, version: str) -> None:
    """Validate an object once, because many variants have the same objects and a validation takes long."""
    validate(json.loads(document), version, strict=True)


@pytest.mark.parametrize("version", [OLDEST, latest_version()])
def test_kubernetes_accepts_every_object(manifests: Manifests, version: str) -> None:
    for document in manifests:
        require_valid(json.dumps(document), version)


def test_field_of_a_newer_kubernetes_is_refused() -> None:
    document = copy.deepcopy(manifests_of("default").find("Deployment", "ws"))
    assert document is not None
    document["spec"]["template"]["spec"]["containers"][0]["lifecycle"]["preStop"] = {"sleep": {"seconds": 3}}
    validate(document, latest_version(), strict=True)
    with pytest.raises(ValidationError):
        validate(document, OLDEST, strict=True)


def test_linter_has_only_accepted_comments(linter: Path, variant: Variant) -> None:
    found = linter_comments(linter, rendered(variant.name))
    assert {finding: comments for finding, comments in found.items() if not reasons(*finding)} == {}


def test_every_accepted_comment_occurs(linter: Path) -> None:
    found = {**linter_comments(linter, rendered("default")), **linter_comments(linter, rendered("all"))}
    assert set().union(*(reasons(*finding) for finding in found)) == ACCEPTED.keys()


def test_every_object_belongs_to_the_product_and_its_namespaces(manifests: Manifests) -> None:
    ours = {space["metadata"]["name"] for space in manifests.of_kind("Namespace")}
    for document in manifests:
        assert document["metadata"].get("labels", {}).get(PART_OF) == NAMESPACE, title(document)
        assert document["kind"] == "Namespace" or namespace(document) in ours, title(document)
    assert [pod.title for pod in manifests.pods() if pod.labels.get(PART_OF) != NAMESPACE] == []


def test_pod_security_restricts_every_namespace_except_that_of_node_exporter(manifests: Manifests) -> None:
    for space in manifests.of_kind("Namespace"):
        pods = [pod.title for pod in manifests.pods() if pod.namespace == space["metadata"]["name"]]
        level = "privileged" if pods == ["DaemonSet/node-exporter"] else "restricted"
        assert space["metadata"]["labels"][ENFORCE] == level, pods


def test_images_are_ours_in_the_version_of_the_variant(variant: Variant, manifests: Manifests) -> None:
    ours = {f"{variant.registry}dispycluster/{name}{variant.pin}" for name in compose_images()}
    for pod, container in manifests.containers():
        assert container["image"] in ours, pod.title
        assert container["imagePullPolicy"] == "IfNotPresent", pod.title

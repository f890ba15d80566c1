"""Pods reach only the pods that they need: all policies, Services and ports together."""

import copy

import pytest

from tests.manifests.model import NAMESPACE, Document, Manifests, Pod, namespace, selects, title
from tests.manifests.variants import Variant, manifests_of

#: From, to, and port of each permitted connection.
NEEDED = {
    ("gateway", "api", 8000),
    ("gateway", "ws", 8001),
    ("api", "redis", 6379),
    ("ws", "redis", 6379),
    ("collector", "redis", 6379),
    ("collector", "simulator", 19101),
}
#: A permitted connection, and one that is not.
TO_REDIS, TO_GATEWAY = ("ws", "redis", 6379), ("simulator", "gateway", 8085)
DNS = {("UDP", 53, 53), ("TCP", 53, 53)}
#: Ports of an external Redis, without and with TLS.
EXTERNAL_REDIS = {("TCP", 6379, 6379), ("TCP", 6380, 6380)}
#: Protocol, first and last port of permitted connections to the outside.
OUTSIDE = {
    "make-secrets": {("TCP", 443, 443), ("TCP", 6443, 6443)},  # the API server
    "collector": {("TCP", 9100, 9999)},  # exporters
}


def allowed(manifests: Manifests, direction: str, pod: Pod) -> list[Document]:
    """Return the peers that a pod's policies permit for ``ingress`` or ``egress``; all without a policy."""
    own = [
        policy["spec"].get(direction, [])
        for policy in manifests.of_kind("NetworkPolicy")
        if namespace(policy) == pod.namespace
        and direction.title() in policy["spec"]["policyTypes"]
        and selects(policy["spec"]["podSelector"], pod.labels)
    ]
    return [rule for rules in own for rule in rules] if own else [{}]


def lets(rule: Document, side: str, peer: Pod, port: Document) -> bool:
    """Whether a rule of our namespace permits connections to (``to``) or from (``from``) ``peer``."""

    def opens(opened: Document) -> bool:
        first = opened.get("port", port["name"])
        numbers = range(first, opened.get("endPort", first) + 1) if isinstance(first, int) else ()
        is_same = opened.get("protocol", "TCP") == port.get("protocol", "TCP")
        return is_same and (port["containerPort"] in numbers or port["name"] == first)

    peers = [
        each.get("podSelector", {})
        for each in rule.get(side, [{}])
        if not each.keys() & {"ipBlock", "namespaceSelector"}
    ]
    return any(map(opens, rule.get("ports", [{}]))) and any(selects(each, peer.labels) for each in peers)


def permitted_connections(manifests: Manifests) -> set[tuple[str, str, int]]:
    """Return the internal connections that both pods' policies permit, with their ports."""
    ours = [pod for pod in manifests.pods() if pod.namespace == NAMESPACE]
    return {
        (one.name, other.name, port["containerPort"])
        for one in ours
        for other in ours
        for port in other.ports
        if any(lets(rule, "to", other, port) for rule in allowed(manifests, "egress", one))
        and any(lets(rule, "from", one, port) for rule in allowed(manifests, "ingress", other))
    }


def test_pods_reach_only_the_pods_that_they_need(manifests: Manifests) -> None:
    there = {pod.name for pod in manifests.pods()}
    assert permitted_connections(manifests) == {way for way in NEEDED if {*way[:2]} <= there}


@pytest.mark.parametrize(
    ("policy", "direction", "rules", "way", "is_open"),
    [
        ("redis", "ingress", [], TO_REDIS, False),
        ("redis", "ingress", [{"ports": [{"protocol": "UDP", "port": "redis"}]}], TO_REDIS, False),
        ("to-redis", "egress", [{"to": [{"podSelector": {"matchLabels": {"a": "b"}}}]}], TO_REDIS, False),
        ("nothing-else", "egress", [{}], TO_GATEWAY, True),
        ("nothing-else", "egress", [{"ports": [{"port": 8000, "endPort": 8085}]}], TO_GATEWAY, True),
        ("nothing-else", "egress", [{"ports": [{"port": 8000, "endPort": 8084}]}], TO_GATEWAY, False),
        ("nothing-else", "egress", [{"to": [{"ipBlock": {"cidr": "::/0"}}]}], TO_GATEWAY, False),
    ],
)
def test_change_of_a_policy_changes_the_permitted_connections(
    policy: str, direction: str, rules: list[Document], way: tuple[str, str, int], is_open: bool
) -> None:
    manifests = copy.deepcopy(manifests_of("all but external-redis"))
    manifests.find("NetworkPolicy", policy)["spec"][direction] = rules
    assert (way in permitted_connections(manifests)) == is_open


def test_pods_reach_only_the_outside_ports_that_they_need(variant: Variant, manifests: Manifests) -> None:
    for pod in manifests.pods():
        if pod.namespace != NAMESPACE:
            continue
        found = {
            (port.get("protocol", "TCP"), port["port"], port.get("endPort", port["port"]))
            for rule in allowed(manifests, "egress", pod)
            if any(each.keys() != {"podSelector"} for each in rule.get("to", [{}]))
            for port in rule.get("ports", [{"port": 1, "endPort": 65535}])
        }
        to_redis = "external-redis" in variant.components and pod.name in ("api", "ws", "collector")
        dns = DNS if pod.name != "redis" else set()
        assert found == dns | OUTSIDE.get(pod.name, set()) | (EXTERNAL_REDIS if to_redis else set()), pod.title


def test_prometheus_annotations_name_permitted_ports(variant: Variant, manifests: Manifests) -> None:
    annotated_ports = {}
    for pod in manifests.pods():
        for port in pod.ports:
            if str(port["containerPort"]) == pod.template["metadata"].get("annotations", {}).get("prometheus.io/port"):
                annotated_ports[pod.name] = port["containerPort"]
    policy = manifests.find("NetworkPolicy", "metrics") or {"spec": {"ingress": [{"ports": []}]}}
    assert annotated_ports.keys() == (
        {"api", "ws", "collector", "gateway"} if "prometheus" in variant.components else set()
    )
    assert {port["port"] for port in policy["spec"]["ingress"][0]["ports"]} == set(annotated_ports.values())


def test_services_have_the_ports_of_their_pods(manifests: Manifests) -> None:
    for service in manifests.of_kind("Service"):
        pods = [pod for pod in manifests.pods() if pod.namespace == namespace(service)]
        behind = [pod for pod in pods if selects({"matchLabels": service["spec"]["selector"]}, pod.labels)]
        assert len(behind) == 1, title(service)
        named = {port for own in behind[0].ports for port in (own["name"], own["containerPort"])}
        assert {port["targetPort"] for port in service["spec"].get("ports", [])} <= named, title(service)

"""Disruption budgets and network policies: whom they select, and which ports they open."""

from collections.abc import Iterator
from typing import Any

from deploy.k8s.check.documents import Document, Documents, namespace, of_kind, selects, title
from deploy.k8s.check.finding import Finding
from deploy.k8s.check.pods import Pod, pods, selected

#: Ports, first and last, that lead out of the product, and what is there.
OUTSIDE = {
    (53, 53): "DNS",
    (443, 443): "the API server",
    (6443, 6443): "the API server",
    (6379, 6379): "a Redis elsewhere",
    (6380, 6380): "a Redis elsewhere, with TLS",
    (9100, 9999): "exporters",
}


def budgets_select_pods(documents: Documents) -> Iterator[Finding]:
    """Every PodDisruptionBudget is some pod's."""
    for budget in of_kind(documents, "PodDisruptionBudget"):
        if not selected(documents, namespace(budget), budget["spec"].get("selector") or {"matchLabels": {"": "none"}}):
            yield Finding(title(budget), "its selector matches no pod")


def policies_select_pods(documents: Documents) -> Iterator[Finding]:
    """Every selector of a NetworkPolicy matches some pod, if the namespace that it speaks of is one of ours."""
    for policy in of_kind(documents, "NetworkPolicy"):
        if not selected(documents, namespace(policy), policy["spec"]["podSelector"]):
            yield Finding(title(policy), "its selector matches no pod")
        for selector in _selectors(policy):
            for wanted in sorted(_named(selector)):
                if not any(pod.labels.get(wanted[0]) == wanted[1] for pod in pods(documents)):
                    yield Finding(title(policy), f"no pod has the label {wanted[0]}={wanted[1]}, which it names")
        for _, peer in _peers(policy):
            if "podSelector" in peer and _peer_pods(documents, policy, peer) == []:
                yield Finding(title(policy), f"no pod is matched by {peer}")


def policy_ports_exist(documents: Documents) -> Iterator[Finding]:
    """A NetworkPolicy opens ports that the pods behind them have, or that are known to lead elsewhere."""
    for policy in of_kind(documents, "NetworkPolicy"):
        own = selected(documents, namespace(policy), policy["spec"]["podSelector"])
        for rule in policy["spec"].get("ingress") or []:
            yield from _opened(policy, rule, own)
        for rule in policy["spec"].get("egress") or []:
            found = [_peer_pods(documents, policy, peer) for peer in rule.get("to") or []]
            yield from _opened(policy, rule, [pod for some in found for pod in some or []] if found else None)


def _opened(policy: Document, rule: dict[str, Any], behind: list[Pod] | None) -> Iterator[Finding]:
    """``behind``: the pods that the rule leads to; ``None``: it leads anywhere."""
    for opened in rule.get("ports") or []:
        port, protocol = opened.get("port"), opened.get("protocol", "TCP")
        if behind is None:
            if (port, opened.get("endPort", port)) not in OUTSIDE:
                yield Finding(title(policy), f"nothing is known to be on port {port} outside")
        elif isinstance(port, str):
            for pod in behind:
                if not pod.listens_on(port, protocol):
                    yield Finding(title(policy), f"{pod.title} has no port {port}")
        elif not any(pod.listens_on(port, protocol) for pod in behind):
            yield Finding(title(policy), f"no pod that it leads to listens on port {port}")


def _peers(policy: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for rule in policy["spec"].get(direction) or []:
            for peer in rule.get(side) or []:
                yield direction, peer


def _peer_pods(documents: Documents, policy: Document, peer: dict[str, Any]) -> list[Pod] | None:
    """The pods of a peer; ``None`` where it speaks of namespaces that are not ours."""
    if "ipBlock" in peer:
        return None
    within = {namespace(policy)}
    if "namespaceSelector" in peer:
        within = {
            space["metadata"]["name"]
            for space in of_kind(documents, "Namespace")
            if selects(
                peer["namespaceSelector"],
                {**space["metadata"].get("labels", {}), "kubernetes.io/metadata.name": space["metadata"]["name"]},
            )
        }
        if not within:
            return None
    return [pod for space in within for pod in selected(documents, space, peer.get("podSelector") or {})]


def _selectors(policy: Document) -> Iterator[dict[str, Any]]:
    yield policy["spec"]["podSelector"]
    yield from (
        peer["podSelector"] for _, peer in _peers(policy) if "namespaceSelector" not in peer and "podSelector" in peer
    )


def _named(selector: dict[str, Any]) -> set[tuple[str, str]]:
    """The labels that a selector asks for, one by one: a list with a misspelt name among others still matches."""
    return {
        (expression["key"], value)
        for expression in selector.get("matchExpressions") or []
        if expression["operator"] == "In"
        for value in expression["values"]
    }

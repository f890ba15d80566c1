"""Who may connect to whom inside, all network policies taken together."""

from collections.abc import Iterator

from deploy.k8s.check.documents import NAMESPACE, Documents, of_kind, selects
from deploy.k8s.check.finding import Finding
from deploy.k8s.check.pods import Pod, pods

#: From, to, and the port; everything else stays shut.
BUSINESS = {
    ("gateway", "api", 8000),
    ("gateway", "ws", 8001),
    ("api", "redis", 6379),
    ("ws", "redis", 6379),
    ("collector", "redis", 6379),
    ("collector", "simulator", 19101),
}


def pods_reach_those_they_have_business_with(documents: Documents) -> Iterator[Finding]:
    """Two policies must agree to a connection: the one's way out and the other's way in."""
    ours = [pod for pod in pods(documents) if pod.namespace == NAMESPACE]
    there = {pod.name for pod in ours}
    open_ways = {
        (one.name, other.name, port["containerPort"])
        for one in ours
        for other in ours
        for port in other.ports()
        if _lets(documents, "Egress", one, other, port) and _lets(documents, "Ingress", other, one, port)
    }
    wanted = {way for way in BUSINESS if {way[0], way[1]} <= there}
    for start, end, number in sorted(wanted - open_ways):
        yield Finding("NetworkPolicy", f"{start} does not reach {end} on port {number}")
    for start, end, number in sorted(open_ways - wanted):
        yield Finding("NetworkPolicy", f"{start} reaches {end} on port {number}, and has no business there")


def _lets(documents: Documents, direction: str, pod: Pod, peer: Pod, port: dict[str, object]) -> bool:
    """Whether ``pod``'s policies let it connect to ``peer`` (``Egress``) or be reached from it (``Ingress``)."""
    own = [
        policy["spec"]
        for policy in of_kind(documents, "NetworkPolicy")
        if direction in policy["spec"]["policyTypes"] and selects(policy["spec"]["podSelector"], pod.labels)
    ]
    side = "to" if direction == "Egress" else "from"
    rules = [rule for spec in own for rule in spec.get(direction.lower()) or []]
    return not own or any(
        ("ports" not in rule or any(_opens(opened, port) for opened in rule["ports"]))
        and (
            side not in rule
            or any(
                "namespaceSelector" not in other and selects(other.get("podSelector", {}), peer.labels)
                for other in rule[side]
            )
        )
        for rule in rules
    )


def _opens(opened: dict[str, object], port: dict[str, object]) -> bool:
    first, number = opened.get("port"), port["containerPort"]
    if isinstance(first, int) and isinstance(number, int):
        return first <= number <= int(str(opened.get("endPort", first)))
    return first == port.get("name")

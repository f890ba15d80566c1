"""Connections between pods, and the permissions of a pod."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest

from tests.drivers.kubernetes import WORKLOADS, KubernetesDeployment
from tests.drivers.kustomization import api_server
from tests.drivers.visitors import Address, Sources, Visitor, matrix, namespace, visitor
from tests.drivers.waiting import eventually

#: Port of each workload.
PORTS = {"redis": (6379,), "api": (8000,), "ws": (8001,), "collector": (8002,), "gateway": (8085, 8404)}
#: Ports of a server outside: a usual port of exporters, and others.
EXPORTER, OTHERS = 9187, (6379, 8000, 8085, 8888)
#: Ports on the node's own network, where fewer are free.
NODE_EXPORTER, NODE_OTHER = 9188, 8889
#: Connections that the product needs.
NEEDED = {
    ("gateway", "api:8000"),
    ("gateway", "ws:8001"),
    ("api", "redis:6379"),
    ("ws", "redis:6379"),
    ("collector", "redis:6379"),
    # Exporters may be anywhere outside
    ("collector", f"stranger:{EXPORTER}"),
    ("collector", f"node:{NODE_EXPORTER}"),
    # DNS; Redis does not need it
    *((part, "dns:53") for part in ("api", "ws", "collector", "gateway", "make-secrets")),
    ("make-secrets", "api-server"),
}


@pytest.fixture
def guarded(deployment: KubernetesDeployment) -> KubernetesDeployment:
    """The product with the unmodified policies: other tests open the gateway's."""
    deployment.apply_policies_unmodified()
    return deployment


def dns_server(deployment: KubernetesDeployment) -> Address:
    """Return the address of the pods' DNS server."""
    lines = deployment.execute("deploy/api", "cat", "/etc/resolv.conf").splitlines()
    return next(line.split()[1] for line in lines if line.startswith("nameserver")), 53


def is_open(sources: Sources, places: Mapping[str, Address], wanted: set[tuple[str, str]]) -> bool:
    """Whether all needed connections are open: rules take effect a moment after pods and policies."""
    shut = wanted - matrix(sources, places)
    assert not shut, sorted(shut)
    return True


def places_of(one: Visitor, name: str, *ports: int) -> dict[str, Address]:
    return {f"{name}:{port}": (one.address, port) for port in ports}


@pytest.fixture
def way_out(deployment: KubernetesDeployment) -> Iterator[dict[str, str]]:
    """Return labels of a pod in the product's namespace that, unlike the product's, may connect anywhere."""
    labels = {"app.kubernetes.io/name": "visitor"}
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "visitor"},
        "spec": {
            "podSelector": {"matchLabels": labels},
            "policyTypes": ["Egress"],
            "egress": [{"ports": [{"protocol": "TCP", "port": 1, "endPort": 65535}]}],
        },
    }
    deployment.kubectl.run("apply", "-f", "-", input_text=json.dumps(policy))
    yield labels
    deployment.kubectl.run("delete", "networkpolicy", "visitor")


def test_pods_reach_only_the_pods_that_they_need(guarded: KubernetesDeployment, way_out: dict[str, str]) -> None:
    kubectl = guarded.kubectl
    pods = {part: [pod["metadata"]["name"] for pod in guarded.pods(part)] for part in WORKLOADS}
    last = {part: guarded.pods(part)[-1] for part in WORKLOADS}
    with ExitStack() as stack:
        # Given a pod elsewhere, one on the node's network, one in the product's namespace that may connect anywhere,
        # and one that looks like the Job
        elsewhere = stack.enter_context(namespace(kubectl, f"{kubectl.namespace}-elsewhere"))
        stranger = stack.enter_context(visitor(elsewhere, "stranger", (EXPORTER, *OTHERS)))
        node_ports = (NODE_EXPORTER, NODE_OTHER)
        node = stack.enter_context(visitor(elsewhere, "node", node_ports, on_the_nodes_network=True))
        inside = stack.enter_context(visitor(kubectl, "visitor", (EXPORTER,), labels=way_out))
        job = {"app.kubernetes.io/name": "make-secrets"}
        stack.enter_context(visitor(kubectl, "make-secrets", labels=job))
        outside = {
            **places_of(stranger, "stranger", EXPORTER, *OTHERS),
            **places_of(node, "node", *node_ports),
            "dns:53": dns_server(guarded),
            "api-server": api_server(kubectl),
        }
        ours = {
            f"{part}:{port}": (last[part]["status"]["podIP"], port) for part in WORKLOADS for port in PORTS[part]
        } | places_of(inside, "visitor", EXPORTER)
        sources = {
            **{part: (kubectl, names[0]) for part, names in pods.items()},
            "make-secrets": (kubectl, "make-secrets"),
            "visitor": (kubectl, "visitor"),
            "stranger": (elsewhere, "stranger"),
        }
        # Then the strangers reach everything outside, and the gateway only from our namespace
        wanted = {
            *NEEDED,
            *((name, place) for name in ("stranger", "visitor") for place in outside),
            ("visitor", "gateway:8085"),
            # No policy separates a pod from itself
            ("redis", "redis:6379"),
            ("visitor", f"visitor:{EXPORTER}"),
        }
        places = outside | ours
        eventually(lambda: is_open(sources, places, wanted), within_seconds=30, what="all connections are open")
        # And no pod reaches anything else
        assert sorted(matrix(sources, places) - wanted) == []
        # And the ports that no pod reached are in use
        themselves = {part: (kubectl, names[-1]) for part, names in pods.items()}
        listening = {f"{part}:{port}" for part in WORKLOADS for port in PORTS[part]}
        assert listening <= {place for _, place in matrix(themselves, ours)}


def test_all_workloads_but_redis_can_resolve_names(deployment: KubernetesDeployment) -> None:
    ask = ("timeout", "3", "getent", "hosts", "kubernetes.default.svc")
    found = {part: deployment.kubectl.succeeds("exec", target(part), "--", *ask) for part in WORKLOADS}
    assert found == {part: part != "redis" for part in WORKLOADS}


def target(part: str) -> str:
    return "redis-0" if part == "redis" else f"deploy/{part}"


#: Files and folders that can be written, without the kernel's file systems.
_FIND_WRITABLE = (
    r"find / \( -path /proc -o -path /sys -o -path /dev \) -prune -o -writable ! -type l -print 2>/dev/null"
)


def test_no_pod_has_root_a_token_or_more_writable_files_than_it_needs(deployment: KubernetesDeployment) -> None:
    for part in WORKLOADS:
        output = deployment.execute(target(part), "cat", "/proc/1/status")
        status = dict(line.split(":\t", 1) for line in output.splitlines())
        assert set(status["Uid"].split()) == set(status["Gid"].split()) == {"10001"}, part
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0, part
        assert status["NoNewPrivs"] == "1", part
        for folder in ("/var/run/secrets", "/run/secrets"):
            assert not deployment.kubectl.succeeds("exec", target(part), "--", "ls", folder), f"{part}: {folder}"
        found = deployment.execute(target(part), "sh", "-c", f"{_FIND_WRITABLE}; true").split()
        places = {"/" + path.split("/")[1] for path in found}
        assert places == {"redis": {"/tmp", "/store"}, "gateway": set()}.get(part, {"/tmp"}), f"{part}: {found}"


#: Forbidden permissions of a pod and of its container.
FORBIDDEN: list[tuple[dict, dict]] = [
    ({"hostNetwork": True}, {}),
    ({"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}, {}),
    ({}, {"privileged": True, "allowPrivilegeEscalation": True}),
    ({}, {"allowPrivilegeEscalation": True}),
    ({}, {"runAsUser": 0, "runAsNonRoot": False}),
    ({}, {"capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]}}),
]


def test_namespace_refuses_pods_with_more_permissions_than_ours(deployment: KubernetesDeployment) -> None:
    modest = {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }

    def said_to(spec: dict, container: dict) -> str:
        greedy = {"name": "greedy", "image": "any", "securityContext": {**modest, **container}}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "greedy"},
            "spec": {"containers": [greedy], **spec},
        }
        return deployment.kubectl.run("create", "--dry-run=server", "-f", "-", input_text=json.dumps(pod), check=False)

    assert "created" in said_to({}, {})
    for spec, container in FORBIDDEN:
        assert 'violates PodSecurity "restricted' in said_to(spec, container), f"{spec} {container}"


def test_service_accounts_have_no_permissions_except_the_jobs(deployment: KubernetesDeployment) -> None:
    def may(account: str, *what: str) -> bool:
        user = f"--as=system:serviceaccount:{deployment.kubectl.namespace}:{account}"
        return deployment.kubectl.succeeds("auth", "can-i", user, *what)

    made = [("get", f"secrets/{name}") for name in ("redis-passwords", "access-key", "access-users", "access-tokens")]
    secrets = [*made, ("create", "secrets"), ("list", "secrets"), ("patch", "secrets/access-users"), ("get", "pods")]
    for part in WORKLOADS:
        assert [what for what in secrets if may(part, *what)] == []
    assert [what for what in (*made, ("create", "secrets")) if not may("make-secrets", *what)] == []
    more = [("list", "secrets"), ("get", "secrets/gateway-tls"), ("get", "pods")]
    more += [(verb, "secrets/access-users") for verb in ("delete", "patch", "update")]
    assert [what for what in more if may("make-secrets", *what)] == []

"""Access control: which pods have its Secrets, which have permissions at the API server, and who can connect."""

from collections.abc import Iterator

from tests.manifests.model import Document, Manifests, Pod, selects
from tests.manifests.variants import Variant

#: The Secrets of access: name, pod, path, and files; ``None``: all files, because their names vary.
SECRET_MOUNTS = [
    # Whole: the previous key may be beside the key.
    ("access-key", "api", "/secrets/access", None),
    ("access-key", "ws", "/secrets/access", None),
    ("access-tokens", "api", "/access/tokens", None),
    ("access-tokens", "ws", "/access/tokens", None),
    ("access-users", "api", "/access/users", None),
]
#: The collector reads the certificate's expiry, and has no key.
CERTIFICATE = [
    ("gateway-tls", "collector", "/tls", {"tls.crt": "certificate.pem"}),
    ("gateway-tls", "gateway", "/tls", {"tls.crt": "certificate.pem", "tls.key": "certificate.pem.key"}),
]
FOLDERS = {"ACCESS_TOKENS_DIR": "/access/tokens", "ACCESS_USERS_DIR": "/access/users"}
#: Annotations with which controllers connect to the gateway over HTTPS.
#: Source: https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/#backend-protocol
#: Source: https://www.haproxy.com/documentation/kubernetes-ingress/community/configuration-reference/ingress/#server-ssl
SPEAKS_HTTPS = {"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS", "haproxy.org/server-ssl": "true"}


def permitted_peers(manifests: Manifests, pod: Pod) -> Iterator[Document]:
    """Return the peers whose connections to a pod's pages the policies permit; an empty ``ipBlock`` means all."""
    pages = {port for one in pod.ports if one.get("name") == "http" for port in ("http", one["containerPort"])}
    for spec in (policy["spec"] for policy in manifests.of_kind("NetworkPolicy")):
        for rule in spec.get("ingress", []) if selects(spec["podSelector"], pod.labels) else []:
            if any(port.get("port", "http") in pages for port in rule.get("ports", [{}])):
                yield from rule.get("from") or [{"ipBlock": {}}]


def is_named(peer: Document) -> bool:
    """Whether a policy's peer is certain pods or addresses, and not a whole namespace or everyone."""
    if "ipBlock" in peer:
        return not peer["ipBlock"].get("cidr", "/0").endswith("/0")
    # Whoever can start pods in our own namespace can read its Secrets anyway.
    return "namespaceSelector" not in peer or any(peer.get("podSelector", {}).values())


def test_other_clients_reach_the_gateway_only_with_closed_access_or_by_the_users_choice(
    variant: Variant, manifests: Manifests
) -> None:
    pods = {pod.name: pod for pod in manifests.pods()}
    others = [
        peer for peer in permitted_peers(manifests, pods["gateway"]) if peer.keys() & {"namespaceSelector", "ipBlock"}
    ]
    mode = "closed" if others or variant.settings.get("ACCESS") == "closed" else "open"
    for name in ("api", "ws"):
        assert manifests.variables(pods[name], pods[name].lasting[0])["ACCESS"] == mode, name


def test_policies_name_the_peers_that_services_trust_as_proxies(manifests: Manifests) -> None:
    for pod in manifests.pods():
        given = manifests.variables(pod, pod.lasting[0])
        # TRUSTED_PROXIES does not distinguish pods; api and ws trust all that connect.
        if pod.name in ("api", "ws") or (pod.name == "gateway" and given["TRUSTED_PROXIES"]):
            assert [peer for peer in permitted_peers(manifests, pod) if not is_named(peer)] == [], pod.title


def test_only_the_pods_that_need_them_have_the_secrets_of_access(variant: Variant, manifests: Manifests) -> None:
    found = [
        (use.name, pod.name, use.place, use.items)
        for pod, container in manifests.containers()
        for use in pod.uses(container)
        if use.name.startswith("access-") or use.name == "gateway-tls"
    ]
    assert sorted(found, key=str) == [*SECRET_MOUNTS, *(CERTIFICATE if "tls" in variant.components else [])]


def test_folders_of_users_and_tokens_are_the_mounts_of_their_secrets(manifests: Manifests) -> None:
    for pod, container in manifests.containers():
        given = manifests.variables(pod, container)
        assert {name: given[name] for name in FOLDERS.keys() & given.keys()}.items() <= FOLDERS.items(), pod.title


def test_ingress_uses_the_gateways_scheme_and_has_a_certificate_for_its_host(
    variant: Variant, manifests: Manifests
) -> None:
    for ingress in manifests.of_kind("Ingress"):
        spoken = {name: value for name, value in ingress["metadata"]["annotations"].items() if name in SPEAKS_HTTPS}
        assert spoken == (SPEAKS_HTTPS if "tls" in variant.components else {})
        certified = [host for entry in ingress["spec"]["tls"] for host in entry["hosts"]]
        assert [rule["host"] for rule in ingress["spec"]["rules"]] == certified


def test_pods_have_their_own_accounts_and_only_the_job_has_a_token(manifests: Manifests) -> None:
    accounts = [(pod.namespace, pod.spec["serviceAccountName"]) for pod in manifests.pods()]
    assert len(accounts) == len(set(accounts))
    for pod in manifests.pods():
        account = manifests.find("ServiceAccount", pod.spec["serviceAccountName"], pod.namespace)
        assert account is not None, pod.title
        assert account["automountServiceAccountToken"] is False, pod.title
        assert pod.spec["automountServiceAccountToken"] is pod.is_job, pod.title
        assert pod.spec["enableServiceLinks"] is False, pod.title
        assert "serviceAccountToken" not in str(pod.volumes), pod.title


def test_job_has_only_the_permissions_for_its_secrets(manifests: Manifests) -> None:
    [job] = [pod for pod in manifests.pods() if pod.is_job]
    [role] = manifests.of_kind("Role", "ClusterRole")
    [binding] = manifests.of_kind("RoleBinding", "ClusterRoleBinding")
    secrets = {"apiGroups": [""], "resources": ["secrets"]}
    named = {"resourceNames": job.lasting[0]["args"], "verbs": ["get"]}
    assert role["rules"] == [{**secrets, "verbs": ["create"]}, {**secrets, **named}]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert [subject["name"] for subject in binding["subjects"]] == [job.spec["serviceAccountName"]]

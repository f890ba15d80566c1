"""Every assertion about the manifests goes red when what it is about is broken."""

from typing import Any

import pytest

from contract import VERSION
from deploy.k8s.check import assertions
from deploy.k8s.check.assertions import ASSERTIONS, Assertion
from deploy.k8s.check.containers import images_are_pinned
from deploy.k8s.check.documents import Document, Documents, title
from deploy.k8s.check.like_compose import settings_are_those_of_compose
from deploy.k8s.check.schemas import validated
from deploy.k8s.check.variables import service_of
from deploy.k8s.check.variants import DIGEST
from deploy.k8s.tests.conftest import Rendered

POD = "spec/template/spec"
FIRST = f"{POD}/containers/0"
EVERY = "all but external-redis"
GONE = object()
#: What is new at the end of a list.
END = "-"


def documents_named(documents: Documents, name: str) -> Document:
    """The document with this title; a name before its hash is enough."""
    return next(document for document in documents if title(document).startswith(name))


def put(document: Document, path: str, value: object) -> None:
    """Set, add or (``GONE``) remove what is at a path such as ``spec/ports/0/port``; ``~`` stands for a slash."""
    *way, last = [part.replace("~", "/") for part in path.split("/")]
    place: Any = document
    for part in way:
        place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
    if value is GONE:
        del place[int(last) if isinstance(place, list) else last]
    elif last == END:
        place.append(value)
    elif isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value


def env(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


NAME = "app.kubernetes.io~name"
#: Assertion, object, path, what is put there, and what is said of it.
BROKEN: list[tuple[str, str, str, object, str]] = [
    ("services_lead_to_pods", "Service/api", "spec/selector", {"app": "apy"}, "matches no pod"),
    ("services_lead_to_pods", "Service/api", "spec/selector", GONE, "matches no pod"),
    ("services_lead_to_pods", "Service/gateway", "spec/ports/0/targetPort", "https", "has no port https"),
    ("services_lead_to_pods", "Service/ws", "spec/ports/0/targetPort", 8002, "has no port 8002"),
    ("services_lead_to_pods", "Deployment/ws", f"{FIRST}/ports/0/name", "https", "has no port http"),
    ("services_lead_to_pods", "Deployment/api", "metadata/namespace", "elsewhere", "matches no pod"),
    ("ingresses_lead_to_services", "Service/gateway", "metadata/name", "gate", "there is no Service gateway"),
    ("ingresses_lead_to_services", "Service/gateway", "spec/ports/0/name", "web", "there is no Service gateway"),
    ("ingresses_lead_to_services", "Ingress/", "spec/tls/0/hosts/0", "other.example", "not among those of tls"),
    ("annotated_ports_exist", "Deployment/ws", f"{FIRST}/ports/0/containerPort", 8011, "has no port 8001"),
    ("budgets_select_pods", "PodDisruptionBudget/ws", f"spec/selector/matchLabels/{NAME}", "w", "matches no pod"),
    ("policies_select_pods", "NetworkPolicy/redis", f"spec/podSelector/matchLabels/{NAME}", "r", "matches no pod"),
    (
        "policies_select_pods",
        "NetworkPolicy/to-redis",
        f"spec/egress/0/to/0/podSelector/matchLabels/{NAME}",
        "valkey",
        "no pod is matched",
    ),
    (
        "policies_select_pods",
        "NetworkPolicy/to-redis",
        "spec/podSelector/matchExpressions/0/values/1",
        "wss",
        f"no pod has the label {NAME.replace('~', '/')}=wss",
    ),
    ("policy_ports_exist", "NetworkPolicy/redis", "spec/ingress/0/ports/0/port", "valkey", "has no port valkey"),
    ("policy_ports_exist", "NetworkPolicy/gateway", "spec/egress/0/ports/0/port", "https", "has no port https"),
    ("policy_ports_exist", "NetworkPolicy/metrics", "spec/ingress/0/ports/3/port", 8405, "listens on port 8405"),
    ("policy_ports_exist", "NetworkPolicy/targets", "spec/egress/0/ports/0/endPort", 99999, "port 9100 outside"),
    ("policy_ports_exist", "NetworkPolicy/names", "spec/egress/0/ports/0/port", 5353, "port 5353 outside"),
    ("policy_ports_exist", "NetworkPolicy/redis", "spec/ingress/0/ports/0/protocol", "UDP", "has no port redis"),
    (
        "pods_reach_those_they_have_business_with",
        "NetworkPolicy/gateway",
        "spec/egress",
        [],
        "gateway does not reach api on port 8000",
    ),
    (
        "pods_reach_those_they_have_business_with",
        "NetworkPolicy/behind-the-gateway",
        f"spec/ingress/0/from/0/podSelector/matchLabels/{NAME}",
        "collector",
        "gateway does not reach ws on port 8001",
    ),
    (
        "pods_reach_those_they_have_business_with",
        "NetworkPolicy/redis",
        "spec/ingress/0/ports",
        [{"port": 6380}],
        "collector does not reach redis on port 6379",
    ),
    (
        "pods_reach_those_they_have_business_with",
        "NetworkPolicy/nothing-else",
        "spec/egress",
        [{}],
        "simulator reaches gateway on port 8085",
    ),
    ("lasting_containers_are_probed", "Deployment/api", f"{FIRST}/livenessProbe", GONE, "has no livenessProbe"),
    ("lasting_containers_are_probed", "DaemonSet/", f"{FIRST}/readinessProbe", GONE, "has no readinessProbe"),
    ("probed_ports_exist", "Deployment/ws", f"{FIRST}/startupProbe/httpGet/port", "web", "has no port web"),
    ("probed_ports_exist", "StatefulSet/redis", f"{FIRST}/livenessProbe/tcpSocket/port", 6380, "has no port 6380"),
    (
        "liveness_does_not_depend_on_others",
        "Deployment/gateway",
        f"{FIRST}/livenessProbe/httpGet/path",
        "/readyz/any",
        "asks for readiness",
    ),
    (
        "busy_redis_is_restarted",
        "StatefulSet/redis",
        f"{FIRST}/livenessProbe/exec/command/0",
        "health",
        "the livenessProbe of redis is not the command alive",
    ),
    ("containers_are_confined", "Deployment/api", f"{POD}/securityContext/runAsUser", 0, "runAsNonRoot"),
    ("containers_are_confined", "Deployment/api", f"{POD}/securityContext/runAsNonRoot", GONE, "runAsNonRoot"),
    ("containers_are_confined", "Deployment/ws", f"{POD}/securityContext/seccompProfile", GONE, "seccompProfile"),
    (
        "containers_are_confined",
        "Job/make-secrets",
        f"{FIRST}/securityContext/readOnlyRootFilesystem",
        False,
        "readOnlyRootFilesystem",
    ),
    (
        "containers_are_confined",
        "StatefulSet/redis",
        f"{POD}/initContainers/0/securityContext/allowPrivilegeEscalation",
        GONE,
        "users is too free: allowPrivilegeEscalation",
    ),
    (
        "containers_are_confined",
        "Deployment/collector",
        f"{FIRST}/securityContext/capabilities/add",
        ["NET_RAW"],
        "capabilities",
    ),
    ("containers_are_confined", "DaemonSet/", f"{FIRST}/securityContext/privileged", True, "privileged"),
    ("containers_say_what_they_take", "Deployment/ws", f"{FIRST}/resources/limits", GONE, "no limits of memory"),
    ("containers_say_what_they_take", "Deployment/ws", f"{FIRST}/resources/requests/cpu", GONE, "no requests of cpu"),
    ("memory_is_that_of_compose", "Deployment/ws", f"{FIRST}/resources/limits/memory", "1Gi", "1Gi of memory"),
    ("tokens_are_not_mounted", "Deployment/ws", f"{POD}/automountServiceAccountToken", True, "automount"),
    ("tokens_are_not_mounted", "Deployment/ws", f"{POD}/automountServiceAccountToken", GONE, "automount"),
    ("tokens_are_not_mounted", "ServiceAccount/ws", "automountServiceAccountToken", GONE, "gives every pod a token"),
    (
        "tokens_are_not_mounted",
        "Deployment/collector",
        f"{POD}/volumes/-",
        {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
        "a token is mounted",
    ),
    ("pods_have_accounts_of_their_own", "Deployment/ws", f"{POD}/serviceAccountName", "api", "another pod's too"),
    ("pods_have_accounts_of_their_own", "Deployment/ws", f"{POD}/serviceAccountName", GONE, "no ServiceAccount None"),
    ("pods_have_accounts_of_their_own", "Deployment/ws", f"{POD}/enableServiceLinks", GONE, "enableServiceLinks"),
    ("rights_lead_somewhere", "RoleBinding/", "roleRef/name", "make-secret", "there is no Role make-secret"),
    ("rights_lead_somewhere", "RoleBinding/", "subjects/0/name", "default", "there is no ServiceAccount default"),
    ("rights_lead_somewhere", "Role/", "rules/0/verbs", ["*"], "gives every right"),
    ("maker_may_read_what_it_makes", "Role/", "rules/1/resourceNames/-", "other", "other rights than"),
    ("maker_may_read_what_it_makes", "Role/", "rules/1/resourceNames", GONE, "other rights than"),
    ("maker_may_read_what_it_makes", "Role/", "rules/1/resourceNames/0", GONE, "other rights than"),
    ("maker_may_read_what_it_makes", "Role/", "rules/0/verbs/-", "list", "other rights than"),
    ("maker_may_read_what_it_makes", "Role/", "rules/-", {"verbs": ["get"], "resources": ["pods"]}, "other rights"),
    ("maker_may_read_what_it_makes", "Job/make-secrets", f"{FIRST}/args/0", "redis", "knows no Secret redis"),
    (
        "those_who_come_from_elsewhere_sign_in",
        "Deployment/api",
        f"{FIRST}/env/-",
        env("ACCESS", "open"),
        "Deployment/api: others reach the gateway, and ACCESS is 'open'",
    ),
    (
        "those_who_come_from_elsewhere_sign_in",
        "Deployment/ws",
        f"{FIRST}/env/-",
        env("ACCESS", ""),
        "api and ws differ in ACCESS",
    ),
    (
        "those_who_are_believed_are_named",
        "NetworkPolicy/metrics",
        "spec/ingress/0/from/0/podSelector",
        GONE,
        "reaches ws, and can name any address",
    ),
    (
        "secrets_of_access_are_with_those_who_need_them",
        "Deployment/ws",
        f"{POD}/volumes/2/secret",
        {"secretName": "access-users"},
        "ws has the Secret access-users at /secrets/access, not its place",
    ),
    (
        "secrets_of_access_are_with_those_who_need_them",
        "Deployment/collector",
        f"{POD}/volumes/3/projected/sources/-",
        {"secret": {"name": "access-tokens"}},
        "collector has the Secret access-tokens",
    ),
    (
        "secrets_of_access_are_with_those_who_need_them",
        "Deployment/collector",
        f"{FIRST}/env/-",
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "access-key", "key": "key"}}},
        "collector has the Secret access-key at $KEY",
    ),
    (
        "secrets_of_access_are_with_those_who_need_them",
        "Deployment/collector",
        f"{FIRST}/envFrom/-",
        {"secretRef": {"name": "access-key"}},
        "collector has the Secret access-key at $",
    ),
    (
        "secrets_of_access_are_with_those_who_need_them",
        "Deployment/api",
        f"{FIRST}/volumeMounts/3/subPath",
        "ada",
        "Deployment/api: the Secret access-users is not mounted at /access/users",
    ),
    (
        "secrets_of_access_are_with_those_who_need_them",
        "Deployment/ws",
        f"{FIRST}/volumeMounts/2/readOnly",
        GONE,
        "ws has the Secret access-key at /secrets/access (writable)",
    ),
    (
        "secrets_of_access_are_with_those_who_need_them",
        "Deployment/ws",
        f"{FIRST}/volumeMounts/2",
        GONE,
        "Deployment/ws: the Secret access-key is not mounted at /secrets/access",
    ),
    (
        "folders_of_access_are_mounted",
        "Deployment/ws",
        f"{FIRST}/env/1/value",
        "/access/token",
        "ACCESS_TOKENS_DIR: /access/token is not where the Secret access-tokens is",
    ),
    (
        "folders_of_access_are_mounted",
        "Deployment/api",
        f"{POD}/volumes/3/secret/items",
        [{"key": "ada", "path": "ada"}],
        "only some of the Secret access-users is mounted",
    ),
    (
        "ingresses_speak_as_the_gateway_does",
        "Ingress/",
        "metadata/annotations/haproxy.org~server-ssl",
        "false",
        "haproxy.org/server-ssl is 'false', and the gateway speaks otherwise",
    ),
    (
        "ingresses_speak_as_the_gateway_does",
        "Deployment/gateway",
        f"{FIRST}/volumeMounts",
        GONE,
        "backend-protocol is 'HTTPS', and the gateway speaks otherwise",
    ),
    (
        "everything_is_in_a_namespace_of_ours",
        "Service/redis",
        "metadata/namespace",
        GONE,
        "in the namespace default, which is not ours",
    ),
    ("everything_is_in_a_namespace_of_ours", "ConfigMap/settings", "metadata/labels", GONE, "has no label"),
    ("everything_is_in_a_namespace_of_ours", "Deployment/api", "spec/template/metadata/labels", {}, "its pods have no"),
    (
        "namespaces_forbid_what_is_not_needed",
        "Namespace/dispycluster",
        "metadata/labels/pod-security.kubernetes.io~enforce",
        "baseline",
        "and not restricted",
    ),
    (
        "namespaces_forbid_what_is_not_needed",
        "Deployment/simulator",
        "metadata/namespace",
        "dispycluster-exporters",
        "Deployment/simulator",
    ),
    ("pods_are_restricted", "Deployment/collector", f"{POD}/hostNetwork", True, "hostNetwork is forbidden"),
    ("pods_are_restricted", "Deployment/ws", f"{FIRST}/ports/0/hostPort", 80, "hostPort is forbidden"),
    (
        "pods_are_restricted",
        "Deployment/collector",
        f"{POD}/volumes/-",
        {"name": "node", "hostPath": {"path": "/"}},
        "a hostPath, which restricted forbids",
    ),
    ("pods_are_restricted", "Deployment/ws", f"{POD}/securityContext/sysctls", [{"name": "a"}], "sysctls"),
    (
        "no_pod_goes_before_its_successor",
        "Deployment/gateway",
        "spec/strategy/rollingUpdate/maxUnavailable",
        1,
        "maxUnavailable is not 0",
    ),
    # Scaled: it says no number itself.
    ("no_pod_goes_before_its_successor", "Deployment/ws", "spec/strategy", GONE, "maxUnavailable is not 0"),
    ("pods_have_time_to_end", "Deployment/ws", f"{POD}/terminationGracePeriodSeconds", 28, "28 s of grace"),
    ("pods_have_time_to_end", "Deployment/api", f"{POD}/terminationGracePeriodSeconds", 3, "3 s of grace"),
    ("autoscalers_scale", "HorizontalPodAutoscaler/ws", "spec/scaleTargetRef/name", "wss", "no Deployment wss"),
    ("autoscalers_scale", "HorizontalPodAutoscaler/ws", "spec/scaleTargetRef/apiVersion", "v1", "no Deployment ws"),
    ("autoscalers_scale", "Deployment/ws", "spec/replicas", 3, "fixed number of replicas"),
    ("autoscalers_scale", "Deployment/ws", f"{FIRST}/resources/requests/cpu", GONE, "no requests of cpu"),
    ("gateway_has_places_for_all", "HorizontalPodAutoscaler/ws", "spec/maxReplicas", 33, "there may be 33 pods"),
    ("gateway_has_places_for_all", "HorizontalPodAutoscaler/api", "spec/maxReplicas", 9, "there may be 9 pods"),
    ("variables_are_known", "Deployment/ws", f"{FIRST}/env/-", env("WS_PROT", "8001"), "knows no variable WS_PROT"),
    # Another service's.
    ("variables_are_known", "Deployment/api", f"{FIRST}/env/-", env("WS_SLOW_SECONDS", "9"), "no variable WS_SLOW"),
    ("variables_are_known", "ConfigMap/settings", "data/CLUSTERNAME", "lab", "no service knows the variable"),
    ("variables_are_known", "Deployment/gateway", f"{FIRST}/env/-", env("GATEWAY_MAX", "1"), "no variable GATEWAY_MAX"),
    ("variables_are_known", "StatefulSet/redis", f"{FIRST}/env/-", env("REDIS_MEMORY", "1"), "no variable REDIS_MEM"),
    ("values_are_valid", "Deployment/ws", f"{FIRST}/env/-", env("WS_SLOW_SECONDS", "0"), "WS_SLOW_SECONDS='0'"),
    ("values_are_valid", "ConfigMap/settings", "data/REDIS_URL", "redis", "REDIS_URL"),
    ("values_are_valid", "ConfigMap/settings", "data/LOG_LEVEL", "info", "LOG_LEVEL='info' is not valid"),
    (
        "references_are_to_earlier_variables",
        "Deployment/gateway",
        f"{FIRST}/env/0/name",
        "NAME_SPACE",
        "API_ADDRESS names the variable NAMESPACE",
    ),
    ("addresses_are_services", "Service/api", "spec/ports/0/port", 80, "API_ADDRESS: there is no Service at"),
    ("addresses_are_services", "Service/redis", "metadata/name", "valkey", "REDIS_URL: there is no Service at"),
    (
        "addresses_are_services",
        "Service/node-exporter",
        "metadata/namespace",
        "dispycluster",
        "COLLECTOR_DNS_TARGETS: there is no Service at",
    ),
    ("what_pods_name_is_there", "Deployment/api", f"{POD}/volumes/1/secret/items/0/key", "apy", "has no key apy"),
    ("what_pods_name_is_there", "StatefulSet/redis", f"{POD}/volumes/2/secret/items/3/key", "p", "has no key p"),
    ("what_pods_name_is_there", "Job/make-secrets", "metadata/name", "make", "there is no Secret redis-passwords"),
    ("what_pods_name_is_there", "Job/make-secrets", f"{FIRST}/args/1", GONE, "there is no Secret access-key"),
    (
        "what_pods_name_is_there",
        "Deployment/api",
        f"{POD}/volumes/2/secret/items/0/key",
        "k",
        "access-key has no key k",
    ),
    ("what_pods_name_is_there", "ConfigMap/collector-config", "metadata/name", "c", "no ConfigMap collector-config"),
    ("what_pods_name_is_there", "ConfigMap/settings", "metadata/name", "settings", "there is no ConfigMap settings-"),
    ("what_pods_name_is_there", "Ingress/", "spec/tls/0/secretName", "tls", "nobody makes the Secret tls"),
    ("mounts_are_of_volumes", "Deployment/ws", f"{FIRST}/volumeMounts/0/name", "temp", "mounts temp, which is no"),
    ("mounts_are_of_volumes", "Deployment/ws", f"{FIRST}/volumeMounts/0", GONE, "no container mounts the volume"),
    ("mounts_are_of_volumes", "StatefulSet/redis", f"{POD}/volumes/2/secret/items/0/path", "a/b", "has no api"),
    ("mounts_are_of_volumes", "Deployment/ws", f"{FIRST}/volumeMounts/0/mountPath", "/secrets/ws", "at one path"),
    (
        "named_files_are_mounted",
        "Deployment/ws",
        f"{POD}/volumes/1/secret/items/0/path",
        "password",
        "WS_REDIS_PASSWORD_FILE: /secrets/ws/redis-password is not mounted",
    ),
    ("named_files_are_mounted", "ConfigMap/collector-config", "data/alerts.yaml", GONE, "COLLECTOR_RULES"),
    (
        "named_files_are_mounted",
        "ConfigMap/collector-config",
        "data/nodes.yaml",
        GONE,
        "/config/nodes.yaml is not mounted",
    ),
    (
        "named_files_are_mounted",
        "Deployment/ws",
        f"{FIRST}/env/-",
        env("REDIS_CA_FILE", "/redis-ca/ca.crt"),
        "REDIS_CA_FILE: /redis-ca/ca.crt is not mounted in ws",
    ),
    ("collector_reads_its_files", "ConfigMap/collector-config", "data/alerts.yaml", "cpu: {thresold: 1}", "thresold"),
    ("collector_reads_its_files", "ConfigMap/collector-config", "data/nodes.yaml", "workers: a", "must be a list"),
    ("collector_reads_its_files", "ConfigMap/collector-config", "data/this-node.yaml", "workers: a", "must be a list"),
    (
        "demo_nodes_are_those_of_the_simulator",
        "Deployment/simulator",
        f"{FIRST}/args/1",
        "49",
        "python -m deploy.k8s.check.demo_nodes >",
    ),
    (
        "demo_nodes_are_those_of_the_simulator",
        "NetworkPolicy/to-simulator",
        "spec/egress/0/ports/0/endPort",
        19140,
        "its ports are not 19101 to 19150",
    ),
]


@pytest.mark.parametrize(("assertion", "name", "path", "value", "said"), BROKEN)
def test_assertion_finds_what_is_broken(
    rendered: Rendered, assertion: str, name: str, path: str, value: object, said: str
) -> None:
    # given
    documents = rendered(EVERY)
    assert_that: Assertion = getattr(assertions, assertion)
    assert list(assert_that(documents)) == []
    # when
    put(documents_named(documents, name), path, value)
    # then
    assert any(said in str(finding) for finding in assert_that(documents))


def test_every_assertion_is_seen_to_go_red() -> None:
    assert {row[0] for row in BROKEN} == {assertion.__name__ for assertion in ASSERTIONS}


@pytest.mark.parametrize(
    "image",
    [
        "dispycluster/ws",
        "dispycluster/ws:latest",
        "dispycluster/ws:0.0.9",
        f"dispycluster/web:{VERSION}",
        f"registry.lan:5000/dispycluster/ws:{VERSION}",
        f"dispycluster/web@{DIGEST}",
        "dispycluster/ws@sha256:0",
    ],
)
def test_image_that_is_none_of_ours_in_this_version_is_found(rendered: Rendered, image: str) -> None:
    documents = rendered("default")
    assert list(images_are_pinned(documents, "dispycluster", VERSION)) == []
    put(documents_named(documents, "Deployment/ws"), f"{FIRST}/image", image)
    assert [finding.object for finding in images_are_pinned(documents, "dispycluster", VERSION)] == ["Deployment/ws"]


@pytest.mark.parametrize(
    ("source", "is_elsewhere"),
    [
        ([{"podSelector": {}}], False),
        ([{"podSelector": {}}, {"namespaceSelector": {"matchLabels": {"a": "b"}}}], True),
        ([{"ipBlock": {"cidr": "10.0.0.0/8"}}], True),
        ([], True),
        (GONE, True),
    ],
)
def test_gateway_that_others_reach_is_found_whoever_opened_it(
    rendered: Rendered, source: object, is_elsewhere: bool
) -> None:
    documents = rendered("default")
    put(documents_named(documents, "NetworkPolicy/gateway"), "spec/ingress/0/from", source)
    found = {str(finding) for finding in assertions.those_who_come_from_elsewhere_sign_in(documents)}
    said = {f"Deployment/{name}: others reach the gateway, and ACCESS is 'open'" for name in ("api", "ws")}
    assert found == (said if is_elsewhere else set())


@pytest.mark.parametrize("name", [f"dispycluster/ws:{VERSION}", "dispycluster/ws"])
def test_image_is_known_by_its_digest(rendered: Rendered, name: str) -> None:
    documents = rendered("default")
    put(documents_named(documents, "Deployment/ws"), f"{FIRST}/image", f"{name}@{DIGEST}")
    assert list(images_are_pinned(documents, "dispycluster", VERSION)) == []
    # What is said of the service is said of it all the same.
    assert service_of({"image": f"registry.lan:5000/{name}@{DIGEST}"}) == "ws"


@pytest.mark.parametrize(
    ("source", "is_named"),
    [
        ([{"podSelector": {}}], True),
        ([{"namespaceSelector": {}, "podSelector": {"matchLabels": {"a": "b"}}}], True),
        (
            [{"namespaceSelector": {"matchLabels": {"a": "b"}}, "podSelector": {"matchExpressions": [{"key": "a"}]}}],
            True,
        ),
        ([{"ipBlock": {"cidr": "192.0.2.0/30"}}], True),
        ([{"namespaceSelector": {"matchLabels": {"a": "b"}}}], False),
        ([{"namespaceSelector": {"matchLabels": {"a": "b"}}, "podSelector": {}}], False),
        ([{"ipBlock": {"cidr": "0.0.0.0/0"}}], False),
        ([{"ipBlock": {"cidr": "::/0"}}], False),
        (GONE, False),
    ],
)
@pytest.mark.parametrize("variant", ["example", "ingress"])
def test_gateway_that_believes_proxies_is_open_to_none_but_named_ones(
    rendered: Rendered, variant: str, source: object, is_named: bool
) -> None:
    # given
    documents = rendered(variant)
    assert list(assertions.those_who_are_believed_are_named(documents)) == []
    # when
    put(documents_named(documents, "NetworkPolicy/gateway-from-anywhere"), "spec/ingress/0/from", source)
    # then
    believes = variant == "example"
    found = [finding.object for finding in assertions.those_who_are_believed_are_named(documents)]
    assert found == ([] if is_named or not believes else ["NetworkPolicy/gateway-from-anywhere"])


def test_image_that_is_always_pulled_is_found(rendered: Rendered) -> None:
    documents = rendered("default")
    put(documents_named(documents, "StatefulSet/redis"), f"{POD}/initContainers/0/imagePullPolicy", "Always")
    found = [str(finding) for finding in images_are_pinned(documents, "dispycluster", VERSION)]
    assert found == ["StatefulSet/redis: the imagePullPolicy of users is not IfNotPresent"]


@pytest.mark.parametrize(
    ("name", "path", "value", "said"),
    [
        ("ConfigMap/settings", "data/LOG_LEVEL", "DEBUG", "LOG_LEVEL is 'DEBUG', and 'INFO'"),
        ("ConfigMap/settings", "data/CLUSTER_NAME", GONE, "CLUSTER_NAME is None, and 'cluster'"),
        ("StatefulSet/redis", f"{FIRST}/env/0/value", "always", "REDIS_APPENDFSYNC is 'always', and 'no'"),
        ("Deployment/ws", f"{FIRST}/env/4/value", "5", "WS_DRAIN_SECONDS is the same"),
        ("ConfigMap/settings", "data/ACCESS", "", "ACCESS is the same"),
        ("ConfigMap/settings", "data/TRUSTED_PROXIES", "10.1.2.3", "TRUSTED_PROXIES is 'peer 10.1.2.3', and 'peer '"),
    ],
)
def test_setting_that_is_not_that_of_compose_is_found(
    rendered: Rendered, name: str, path: str, value: object, said: str
) -> None:
    documents = rendered("default")
    before = {str(finding) for finding in settings_are_those_of_compose(documents)}
    put(documents_named(documents, name), path, value)
    assert any(said in str(finding) for finding in {*map(str, settings_are_those_of_compose(documents))} - before)


@pytest.mark.parametrize(
    ("name", "path", "value", "said"),
    [
        ("Deployment/ws", f"{FIRST}/readynessProbe", {}, "Kubernetes 1.28: spec.template.spec.containers.0"),
        ("Service/api", "spec/ports/0/target", 8000, "spec.ports.0"),
        ("ConfigMap/settings", "data/CLUSTER_NAME", 5, "data.CLUSTER_NAME: 5 is not of type"),
        ("Deployment/ws", "apiVersion", "apps/v1beta2", "there is no Deployment in apps/v1beta2"),
        # Newer than the oldest version that we support.
        (
            "Deployment/ws",
            f"{FIRST}/lifecycle/preStop",
            {"sleep": {"seconds": 3}},
            "Kubernetes 1.28: spec.template.spec.containers.0.lifecycle.preStop",
        ),
    ],
)
def test_field_that_a_supported_kubernetes_does_not_know_is_found(
    rendered: Rendered, name: str, path: str, value: object, said: str
) -> None:
    documents = rendered("default")
    assert list(validated(documents)) == []
    put(documents_named(documents, name), path, value)
    assert any(said in str(finding) for finding in validated(documents))

"""Services read the settings that they get, which are valid and the same as compose's."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from collector.alerts.rules import RulesFile
from collector.targets.files import TargetsFiles
from deploy.k8s.base.make_secrets import KEYS
from runtime.settings import Environment
from tests.drivers.compose_file import compose_services
from tests.drivers.process import ROOT
from tests.manifests.model import (
    CONFIGS,
    MADE_BY_USERS,
    REFERENCE,
    SECRET,
    Manifests,
    Pod,
    image_name,
    known,
    service_of,
)
from tests.manifests.variants import Variant, manifests_of

#: Variables with addresses, and variables with files besides the password files.
ADDRESSES = ("API_ADDRESS", "WS_ADDRESS", "REDIS_URL", "COLLECTOR_DNS_TARGETS", "COLLECTOR_LOCAL_EXPORTER")
FILES = ("ACCESS_KEY_FILE", "COLLECTOR_TARGETS", "COLLECTOR_RULES", "REDIS_CA_FILE")
#: Service and variable, and why it exists on one side only or has another value.
NOT_AS_IN_COMPOSE = {
    ("api", "ACCESS"): "set here; in compose it follows from PUBLIC_HOST if not set",
    ("api", "PUBLIC_HOST"): "no port is published on a machine's address",
    ("api", "WS_ALLOWED_ORIGINS"): "host names are checked if ACCESS is not set, and here it is always set",
    ("collector", "ACCESS"): "as for api",
    ("collector", "COLLECTOR_CERTIFICATE_FILE"): "set by the component tls; in compose it follows from TLS_CERTIFICATE",
    ("collector", "COLLECTOR_CREDENTIALS_DIR"): "an optional Secret here, a folder of the host in compose",
    ("collector", "COLLECTOR_LOCAL_EXPORTER"): "the component node-exporter finds every node, including this one",
    ("collector", "COLLECTOR_LOCAL_NAME"): "a container of compose has its host's name, a pod its own",
    ("collector", "COLLECTOR_TARGETS"): "a ConfigMap of file_sd here, a file of the simulator in compose",
    ("collector", "PUBLIC_HOST"): "as for api",
    ("collector", "WS_ALLOWED_ORIGINS"): "as for api",
    ("gateway", "ACCESS"): "for host names, as WS_ALLOWED_ORIGINS for api",
    ("gateway", "API_ADDRESS"): "full names here, because a cluster's short ones need a search list",
    ("gateway", "CLUSTER_DOMAIN"): "a part of the full names",
    ("gateway", "NAMESPACE"): "a part of the full names",
    ("gateway", "PUBLIC_HOST"): "as for api",
    ("gateway", "PUBLIC_URL"): "for host names, as WS_ALLOWED_ORIGINS for api",
    ("gateway", "WS_ADDRESS"): "as API_ADDRESS",
    ("gateway", "WS_ALLOWED_ORIGINS"): "as for api",
    ("ws", "ACCESS"): "as for api",
    ("ws", "PUBLIC_HOST"): "as for api",
    ("ws", "WS_DRAIN_SECONDS"): "in an update, the new replicas are on other machines and start slowly",
}


@cache
def variables_in(image: str) -> set[str]:
    """Return the variables in the files of an image."""
    texts = [path.read_text() for path in (ROOT / "deploy/images" / image).rglob("*") if path.is_file()]
    return set(re.findall(r"\$\{?([A-Z][A-Z0-9_]+)", "\n".join(texts)))


def test_services_read_the_variables_that_they_get(manifests: Manifests) -> None:
    of_all = set().union(*map(known, CONFIGS))
    for pod, container in manifests.containers():
        service, own = service_of(container), container.get("env", [])
        # Some variables are only used in other variables.
        inner = REFERENCE.findall(" ".join(str(entry.get("value")) for entry in own))
        names = known(service) if service else {*variables_in(image_name(container)), *inner}
        assert {entry["name"] for entry in own} <= names, pod.title
        assert manifests.shared(pod, container).keys() <= of_all, pod.title


def test_services_start_with_the_values_that_they_get(manifests: Manifests) -> None:
    for pod, container in manifests.containers():
        service, given = service_of(container), manifests.variables(pod, container)
        # Kubernetes does not replace the name of a later variable.
        assert REFERENCE.findall(" ".join(given.values())) == [], pod.title
        if service:
            # Their files are in Secrets and ConfigMaps of the user; any file that is long enough suffices.
            given |= {name: __file__ for name in given if name.endswith(("_PASSWORD_FILE", "_KEY_FILE"))}
            CONFIGS[service].read(Environment({**given, "REDIS_CA_FILE": ""}))


def test_settings_of_the_user_override_those_of_components(variant: Variant, manifests: Manifests) -> None:
    for pod, container in manifests.containers():
        if service_of(container):
            given = manifests.variables(pod, container)
            assert [name for name, value in variant.settings.items() if value not in given[name]] == [], pod.title


@pytest.mark.parametrize(("name", "loop"), [("default", "eventlet"), ("gevent", "gevent")])
def test_ws_pods_have_the_loop_of_the_users_patch(name: str, loop: str) -> None:
    manifests = manifests_of(name)
    loops = [
        manifests.variables(pod, container)["WS_LOOP"]
        for pod, container in manifests.containers()
        if service_of(container) == "ws"
    ]
    assert loops == [loop]


def test_settings_equal_those_of_compose() -> None:
    manifests = manifests_of("default")
    different = set()
    for pod in manifests.pods():
        for container in pod.lasting:
            name, service = image_name(container), service_of(container)
            if "command" in container or "environment" not in compose_services()[name]:
                continue
            names = {entry["name"] for entry in container.get("env", [])} | (known(service) if service else set())
            here = {key: value for key, value in manifests.variables(pod, container).items() if key in names}
            different |= {(name, key) for key, _ in here.items() ^ compose_services()[name]["environment"].items()}
    assert different == NOT_AS_IN_COMPOSE.keys()


def test_memory_limits_equal_those_of_compose(manifests: Manifests) -> None:
    for pod in manifests.pods():
        for container in pod.lasting if not pod.is_job else []:
            there = compose_services()[image_name(container)]["mem_limit"].replace("m", "Mi").replace("g", "Gi")
            assert container["resources"]["limits"]["memory"] == there, pod.title


def test_addresses_belong_to_services(manifests: Manifests) -> None:
    for pod, container in manifests.containers():
        given = manifests.variables(pod, container)
        for address in " ".join(given.get(name, "") for name in ADDRESSES).replace(",", " ").split():
            parts = urlsplit(address if "://" in address else f"//{address}")
            name, space, domain = [*str(parts.hostname).split(".", 2), "", ""][:3]
            service = manifests.find("Service", name, space or pod.namespace) or {"spec": {"ports": []}}
            is_there = parts.port in [port["port"] for port in service["spec"]["ports"]]
            is_unmodified = domain in ("", "svc", "svc.cluster.local")
            assert address == SECRET or (is_there and is_unmodified), f"{pod.title}: {address}"


def test_config_maps_and_secrets_of_pods_exist(manifests: Manifests) -> None:
    for pod, container in manifests.containers():
        for use in pod.uses(container):
            there = manifests.content(use.kind, use.name, pod.namespace)
            assert use.is_optional or there is not None, f"{pod.title}: {use}"
            assert there is None or {*(use.items or ())} <= there.keys(), f"{pod.title}: {use}"
    for ingress in manifests.of_kind("Ingress"):
        assert all(("Secret", entry["secretName"]) in MADE_BY_USERS for entry in ingress["spec"]["tls"])


def test_files_in_variables_are_mounted(manifests: Manifests) -> None:
    for pod, container in manifests.containers():
        there = manifests.files(pod, container)
        folders = {mount["mountPath"] for mount in container.get("volumeMounts", [])}
        for name, value in manifests.variables(pod, container).items():
            if name in FILES or name.endswith("_PASSWORD_FILE"):
                for path in filter(None, value.split(",")):
                    assert path in there or path.removesuffix("/*") in folders, f"{pod.title}: {name}: {path}"


def test_redis_has_the_password_of_every_user(variant: Variant, manifests: Manifests) -> None:
    redis = manifests.find("StatefulSet", "redis")
    assert (redis is None) == ("external-redis" in variant.components)
    if redis is not None:
        [users] = Pod(redis).spec["initContainers"]
        wanted = {f"/secrets/{user}/redis-password" for user in KEYS["redis-passwords"]}
        assert manifests.files(Pod(redis), users) == wanted


def test_every_mount_has_a_volume_and_every_volume_is_mounted(manifests: Manifests) -> None:
    for pod in manifests.pods():
        mounts = [mount for container in pod.containers for mount in container.get("volumeMounts", [])]
        assert {mount["name"] for mount in mounts} == pod.volumes.keys(), pod.title


def test_no_container_has_two_volumes_at_one_path(manifests: Manifests) -> None:
    for pod, container in manifests.containers():
        paths = [mount["mountPath"] for mount in container.get("volumeMounts", [])]
        assert len(paths) == len(set(paths)), pod.title


def test_collector_reads_its_files(manifests: Manifests, tmp_path: Path) -> None:
    for name in ("collector-config", "demo-nodes"):
        for key, text in (manifests.find("ConfigMap", name) or {"data": {}})["data"].items():
            (tmp_path / f"{name}-{key}").write_text(text)
    assert TargetsFiles(list(tmp_path.glob("*node*.yaml"))).problems == []
    RulesFile(tmp_path / "collector-config-alerts.yaml")

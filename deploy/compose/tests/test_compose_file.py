"""The compose file, its settings, the Redis users, the Dockerfiles and the code agree."""

import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.config import Config as ApiConfig
from collector.config import Config as CollectorConfig
from collector.node_exporter import COLLECTORS, INTERFACE_COLLECTORS, OPTIONAL_COLLECTORS
from contract import VERSION
from contract.names import REDIS_NAMES
from deploy.compose.terminal import ROOT
from deploy.images.offline.base_images import PRODUCT
from runtime.settings import Environment
from ws.config import Config as WsConfig

HERE = ROOT / "deploy/compose"
IMAGES = ROOT / "deploy/images"
TEXT = (HERE / "compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
#: Runs once, before the others.
SECRETS_SERVICE = "secrets"
LONG_RUNNING = sorted(set(SERVICES) - {SECRETS_SERVICE})
CONFIGS = {"api": ApiConfig, "ws": WsConfig, "collector": CollectorConfig}
DOCKERFILES = [IMAGES / "service.Dockerfile", *sorted(IMAGES.glob("*/Dockerfile"))]

#: Settings of the services that the compose file fixes, and why.
FIXED = {
    "ACCESS_KEY_FILE": "path in the volume with the generated key",
    "ACCESS_TOKENS_DIR": "path of their volume",
    "ACCESS_USERS_DIR": "path of their volume",
    "API_HOST": "a container listens on all its addresses; its networks decide who can connect",
    "API_PORT": "the gateway and the health check know it",
    "API_SAVE_REVOCATIONS": "the Redis here has an append-only file",
    "API_REDIS_PASSWORD_FILE": "path in the volume with the generated password",
    "COLLECTOR_CERTIFICATE_FILE": "mount point of the gateway's certificate, if TLS_CERTIFICATE names one",
    "COLLECTOR_CREDENTIALS_DIR": "mount point of the folder that the variable of this name names",
    "COLLECTOR_HOST": "as API_HOST",
    "COLLECTOR_LOCAL_EXPORTER": "the exporter of this file, which reads the host and not a container",
    "COLLECTOR_PORT": "the health check knows it",
    "COLLECTOR_REDIS_DIR": "the Redis here reports the state of its disk itself",
    "COLLECTOR_REDIS_PASSWORD_FILE": "as API_REDIS_PASSWORD_FILE",
    "COLLECTOR_RULES": "in CONFIG_DIR, which can be set",
    "COLLECTOR_TARGETS": "in CONFIG_DIR, and the simulated nodes",
    "REDIS_CA_FILE": "the Redis here has no TLS; external-redis.yaml sets it",
    "WS_HOST": "as API_HOST",
    "WS_PORT": "the gateway and the health check know it",
    "WS_REDIS_PASSWORD_FILE": "as API_REDIS_PASSWORD_FILE",
}
#: Pairs of services on a common network. Other pairs cannot reach each other.
NEIGHBOURS = {
    *(frozenset({"redis", service}) for service in CONFIGS),
    *(frozenset({"gateway", service}) for service in ("api", "ws")),
    *(frozenset({"collector", source}) for source in ("exporter", "simulator")),
}


def variables(text: str) -> set[tuple[str, str]]:
    """Return name and default of each variable in a compose file; the default /dev/null of a mount counts as empty."""
    found = re.findall(r"\$\{(\w+):-([^}]*)\}", text)
    return {(name, "" if default == "/dev/null" else default) for name, default in found}


def arguments(dockerfile: Path) -> dict[str, str]:
    """Return the ARGs of a Dockerfile; the default is empty if it has none."""
    found = re.findall(r"^ARG (\w+)(?:=(.*))?$", dockerfile.read_text(), re.MULTILINE)
    return dict(reversed(found))


# Settings


def test_every_variable_has_one_default() -> None:
    for path in HERE.glob("*.yaml"):
        # With :?, compose fails if the variable is not set; with :+, the text is empty then.
        assert re.findall(r"\$\{?\w+(?!\w|:-|:\?|:\+)", path.read_text()) == [], (
            f"{path.name}: a variable without a default"
        )
    names = [name for name, _ in variables("".join(path.read_text() for path in HERE.glob("*.yaml")))]
    assert sorted(names) == sorted(set(names))


def test_example_has_exactly_the_variables_with_their_defaults() -> None:
    # given
    lines = (HERE / ".env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []
    # when
    shown = dict(re.findall(r"^#([A-Z][A-Z0-9_]*)=(.*)$", "\n".join(lines), re.MULTILINE))
    # then
    ours = {name: default for name, default in shown.items() if not name.startswith("COMPOSE_")}
    assert ours == dict(variables("".join(path.read_text() for path in HERE.glob("*.yaml"))))
    assert {name for name in shown if name.startswith("COMPOSE_")} == {"COMPOSE_PROFILES", "COMPOSE_FILE"}


def test_example_has_a_comment_above_each_variable() -> None:
    lines = (HERE / ".env.example").read_text().splitlines()
    above = {line: lines[number - 1] for number, line in enumerate(lines) if re.match(r"#[A-Z]", line)}
    assert above
    assert [line for line, comment in above.items() if not comment.startswith("# ")] == []


def test_example_names_existing_files_and_profiles() -> None:
    text = (HERE / ".env.example").read_text()
    files = re.search(r"^#COMPOSE_FILE=(.*)$", text, re.MULTILINE)
    profile = re.search(r"^#COMPOSE_PROFILES=(.*)$", text, re.MULTILINE)
    assert files
    assert all((ROOT / name).is_file() for name in files[1].split(":"))
    assert profile
    assert profile[1] in {name for service in SERVICES.values() for name in service.get("profiles", [])}


@pytest.mark.parametrize("service", sorted(CONFIGS))
def test_service_gets_exactly_the_variables_that_it_reads(service: str) -> None:
    environment = Environment({})
    CONFIGS[service].read(environment)
    assert set(SERVICES[service]["environment"]) == environment.known


@pytest.mark.parametrize("service", sorted(CONFIGS))
def test_every_setting_of_a_service_can_be_set_or_is_fixed(service: str) -> None:
    given: dict[str, Any] = SERVICES[service]["environment"]
    # Only the gateway connects, so the word ``peer`` is fixed.
    texts = {name: str(value).removeprefix("peer ") for name, value in given.items()}
    settable = {name for name, text in texts.items() if text.startswith(f"${{{name}:-")}
    assert set(given) - settable == {name for name in given if name in FIXED}


@pytest.mark.parametrize("service", sorted(CONFIGS))
def test_default_in_the_compose_file_is_the_services_default(service: str) -> None:
    # given
    defaults = dict(variables(TEXT))
    given = {name: defaults[name] for name in SERVICES[service]["environment"] if name in defaults}
    given = {name: value for name, value in given.items() if "REDIS" not in name}
    # then
    assert CONFIGS[service].from_environment(given) == CONFIGS[service].from_environment({})


@pytest.mark.parametrize("service", sorted(CONFIGS))
def test_ca_of_an_external_redis_is_mounted_at_the_path_in_the_setting(service: str) -> None:
    external = yaml.safe_load((HERE / "external-redis.yaml").read_text())["services"][service]
    mount = next(volume for volume in external["volumes"] if "REDIS_CA_FILE" in volume["source"])
    assert external["environment"]["REDIS_CA_FILE"] == f"${{REDIS_CA_FILE:+{mount['target']}}}"
    assert (mount["source"], mount["read_only"]) == ("${REDIS_CA_FILE:-/dev/null}", True)
    # Else the engine creates a folder of that name, which hides the mistake.
    assert mount["bind"] == {"create_host_path": False}


def test_credentials_folder_is_mounted_at_the_path_in_the_setting() -> None:
    mounts = [volume for volume in SERVICES["collector"]["volumes"] if isinstance(volume, dict)]
    mount = next(volume for volume in mounts if "COLLECTOR_CREDENTIALS_DIR" in volume["source"])
    found = SERVICES["collector"]["environment"]["COLLECTOR_CREDENTIALS_DIR"]
    assert found == f"${{COLLECTOR_CREDENTIALS_DIR:+{mount['target']}}}"
    assert (mount["source"], mount["read_only"]) == ("${COLLECTOR_CREDENTIALS_DIR:-/dev/null}", True)
    assert mount["bind"] == {"create_host_path": False}


def test_gateway_certificate_is_mounted_for_the_collector_at_the_path_in_the_setting() -> None:
    mounts = [volume for volume in SERVICES["collector"]["volumes"] if isinstance(volume, dict)]
    mount = next(volume for volume in mounts if "TLS_CERTIFICATE" in volume["source"])
    found = SERVICES["collector"]["environment"]["COLLECTOR_CERTIFICATE_FILE"]
    assert found == f"${{TLS_CERTIFICATE:+{mount['target']}}}"
    assert (mount["source"], mount["read_only"]) == ("${TLS_CERTIFICATE:-/dev/null}", True)


def test_services_without_a_config_get_the_variables_of_their_scripts() -> None:
    gateway = (IMAGES / "gateway/haproxy.cfg").read_text()
    by_the_start_script = {"GATEWAY_CERTIFICATE", "GATEWAY_NAMES", "GATEWAY_TLS"}
    for_the_start_script = {"ACCESS", "LOG_FORMAT", "LOG_LEVEL", "PUBLIC_HOST", "PUBLIC_URL", "WS_ALLOWED_ORIGINS"}
    asked = set(re.findall(r'"[^"$]*\$\{(\w+)(?:\[\*\])?\}"', gateway))
    assert set(SERVICES["gateway"]["environment"]) == (asked - by_the_start_script) | for_the_start_script
    choice = (IMAGES / "redis/bin/require-choice").read_text()
    assert {(name, value) for name, value in SERVICES[SECRETS_SERVICE]["environment"].items()} == {
        (name, f"${{{name}:-{default}}}") for name, default in variables(choice)
    }
    start = (IMAGES / "redis/bin/start").read_text()
    assert {(name, SERVICES["redis"]["environment"][name]) for name in SERVICES["redis"]["environment"]} == {
        (name, f"${{{name}:-{default}}}") for name, default in variables(start)
    }


# Images


def test_default_tag_is_the_version_of_the_code() -> None:
    assert dict(variables(TEXT))["IMAGE_TAG"] == VERSION
    for name, service in SERVICES.items():
        own = "redis" if name == SECRETS_SERVICE else name
        assert service["image"] == f"${{IMAGE_PREFIX:-dispycluster}}/{own}:${{IMAGE_TAG:-{VERSION}}}"


def test_exporter_enables_every_collector_that_the_product_reads() -> None:
    switched_on = re.findall(r'"--collector\.([a-z_]+)"', (IMAGES / "exporter/Dockerfile").read_text())
    assert sorted(switched_on) == sorted((*COLLECTORS, *OPTIONAL_COLLECTORS, *INTERFACE_COLLECTORS))


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: str(path.relative_to(IMAGES)))
def test_dockerfile_and_compose_file_have_the_same_defaults(dockerfile: Path) -> None:
    # given
    builds = [
        service["build"]["args"]
        for service in SERVICES.values()
        if service["build"]["dockerfile"] == str(dockerfile.relative_to(ROOT))
    ]
    assert builds
    known = arguments(dockerfile)
    assert known["VERSION"] == VERSION
    for given in builds:
        # then
        assert set(given) <= set(known)
        bases = {name for name in known if name.endswith("_IMAGE")}
        assert bases
        assert {name: given[name] for name in bases} == {name: f"${{{name}:-{known[name]}}}" for name in bases}
        assert given["VERSION"] == f"${{IMAGE_TAG:-{VERSION}}}"


@pytest.mark.parametrize("variable", sorted(name for name, _ in variables(TEXT) if name.endswith("_IMAGE")))
def test_base_image_may_have_a_digest(variable: str) -> None:
    # given
    pinned = f"registry.lan:5000/base/image:1.2@sha256:{'0' * 64}"
    # when
    text = re.sub(r"\$\{(\w+):-([^}]*)\}", lambda match: pinned if match[1] == variable else match[2], TEXT)
    builds = [service["build"] for service in yaml.safe_load(text)["services"].values()]
    # then
    given = {build["dockerfile"]: build["args"][variable] for build in builds if variable in build["args"]}
    assert set(given.values()) == {pinned}
    for dockerfile in given:
        # The Dockerfile adds nothing to the name, such as a tag.
        lines = (ROOT / dockerfile).read_text().splitlines()
        assert [line.split()[1] for line in lines if line.startswith("FROM") and variable in line] == [
            f"${{{variable}}}"
        ]


def test_every_base_image_can_be_made_without_a_registry() -> None:
    bases = {name for name, _ in variables(TEXT) if name.endswith("_IMAGE")}
    assert {base.variable for base in PRODUCT} == bases


# Privileges, resources and networks


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_service_has_no_privileges_on_its_host(service: str) -> None:
    settings = SERVICES[service]
    assert settings["read_only"] is True
    assert settings["cap_drop"] == ["ALL"]
    assert settings["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices", "pid", "ipc", "userns_mode", "user"} & set(settings)
    assert settings.get("network_mode", "none") == "none"


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_service_has_resource_limits(service: str) -> None:
    settings = SERVICES[service]
    options = settings["logging"]["options"]
    assert settings["logging"]["driver"] == "json-file"
    assert set(options) == {"max-size", "max-file"}
    assert settings["pids_limit"] > 0
    assert ("mem_limit" in settings) == (service != SECRETS_SERVICE)


def test_limits_fit_each_other() -> None:
    limits = dict(variables(TEXT))
    # HAProxy needs two descriptors a connection, and some more.
    assert int(limits["OPEN_FILES"]) > 2 * int(limits["GATEWAY_MAXCONN"]) + 100
    # Redis needs twice the data's memory while it rewrites its file.
    assert int(limits["REDIS_MEMORY_LIMIT"].removesuffix("m")) > 2 * int(limits["REDIS_MAXMEMORY"].removesuffix("mb"))


@pytest.mark.parametrize("service", LONG_RUNNING)
def test_service_restarts_and_has_time_to_stop(service: str) -> None:
    assert SERVICES[service]["restart"] == "unless-stopped"
    assert int(SERVICES[service]["stop_grace_period"].removesuffix("s")) >= 5


def test_one_shot_is_not_started_again() -> None:
    assert SERVICES[SECRETS_SERVICE]["restart"] == "no"
    assert SERVICES[SECRETS_SERVICE]["network_mode"] == "none"


def test_only_the_gateway_publishes_a_port_and_by_default_only_to_this_machine() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["gateway"]
    assert SERVICES["gateway"]["ports"] == ["${PUBLIC_HOST:-127.0.0.1}:${PORT:-8085}:8085"]


def test_networks_connect_only_services_that_communicate() -> None:
    joined = {
        frozenset({one, other})
        for one in SERVICES
        for other in SERVICES
        if one < other and set(SERVICES[one].get("networks", [])) & set(SERVICES[other].get("networks", []))
    }
    assert joined == NEIGHBOURS
    ways_out = {name for name, settings in COMPOSE["networks"].items() if not settings.get("internal")}
    users = {name: ways_out & set(service.get("networks", [])) for name, service in SERVICES.items()}
    assert {name: used for name, used in users.items() if used} == {"collector": {"lan"}, "gateway": {"edge"}}


def test_each_service_has_only_its_own_password() -> None:
    seen = {
        name: {volume.split(":")[0].removeprefix("secrets-") for volume in service["volumes"] if "secrets-" in volume}
        for name, service in SERVICES.items()
        if "volumes" in service
    }
    assert seen.pop(SECRETS_SERVICE) == {"access", "api", "ws", "collector", "publisher", "redis"}
    assert seen.pop("redis") == {"redis", "publisher"}
    signs = {"api": {"access"}, "ws": {"access"}}
    assert {name: volumes for name, volumes in seen.items() if volumes} == {
        name: {name, *signs.get(name, ())} for name in CONFIGS
    }
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            assert name == SECRETS_SERVICE or "secrets-" not in volume or volume.endswith(":ro")


def test_users_and_tokens_are_changed_by_the_api_alone() -> None:
    mounted = {
        name: {volume for volume in service.get("volumes", []) if "access-" in volume and "secrets" not in volume}
        for name, service in SERVICES.items()
    }
    assert {name: volumes for name, volumes in mounted.items() if volumes} == {
        "api": {"access-tokens:/access/tokens", "access-users:/access/users"},
        "ws": {"access-tokens:/access/tokens:ro"},
    }


def test_certificate_and_key_are_mounted_at_the_gateways_paths_and_never_created() -> None:
    mounts = {mount["source"]: mount for mount in SERVICES["gateway"]["volumes"]}
    start = (IMAGES / "gateway/bin/start-gateway").read_text()
    for variable, target in (("TLS_CERTIFICATE", "/tls/certificate.pem"), ("TLS_KEY", "/tls/certificate.pem.key")):
        mount = mounts[f"${{{variable}:-/dev/null}}"]
        assert (mount["target"], mount["read_only"]) == (target, True)
        assert mount["bind"] == {"create_host_path": False}
        assert f"={target}" in start


# Redis users


def users() -> dict[str, list[str]]:
    """Return the rules of each user in the ACL file."""
    lines = (IMAGES / "redis/users.acl").read_text().splitlines()
    assert all(line.startswith("user ") for line in lines)
    return {words[1]: words[2:] for words in map(str.split, lines)}


def pattern(name: str) -> str:
    """Return a name of the contract as a pattern of Redis."""
    return re.sub(r"<\w+>(:<\w+>)*", "*", name)


def rests(rules: list[str], *starts: str) -> set[str]:
    """Return the rest of each rule that begins with one of ``starts``."""
    return {rule.removeprefix(start) for start in starts for rule in rules if rule.startswith(start)}


@pytest.mark.parametrize("user", ["collector", "ws", "api", "publisher"])
def test_redis_user_has_exactly_the_permissions_of_the_contract(user: str) -> None:
    # given
    keys = [name for name in REDIS_NAMES if name.kind != "channel"]
    written = {pattern(name.pattern) for name in keys if user in name.written_by}
    read = {pattern(name.pattern) for name in keys if user in name.read_by}
    published = {name.pattern for name in REDIS_NAMES if name.kind == "channel" and user in name.written_by}
    followed = {name.pattern for name in REDIS_NAMES if name.kind == "channel" and user in name.read_by}
    rules = users()[user]
    # then
    assert rules[:2] == ["on", f"#@{user}@"]
    assert rests(rules, "~") == {key for key in written if not any(fnmatch(key, one) for one in written - {key})}
    assert rests(rules, "%R~") == read - written
    assert rests(rules, "&") == published | followed
    commands = rests(rules, "+")
    assert ("publish" in commands) == bool(published)
    assert ("subscribe" in commands) == ("unsubscribe" in commands) == bool(followed)
    assert not {"psubscribe", "spublish", "ssubscribe"} & commands


@pytest.mark.parametrize("user", ["collector", "ws", "api", "publisher", "operator"])
def test_redis_user_has_an_explicit_list_of_commands(user: str) -> None:
    rules = users()[user]
    assert {"resetkeys", "resetchannels", "-@all"} <= set(rules)
    assert rules.index("-@all") < min(index for index, rule in enumerate(rules) if rule.startswith("+"))
    assert not rests(rules, "+@")
    known = {"on", f"#@{user}@", "resetkeys", "resetchannels", "-@all"}
    assert all(rule in known or rule.startswith(("~", "%R~", "%W~", "&", "+")) for rule in rules)


def test_publisher_can_only_publish() -> None:
    assert rests(users()["publisher"], "+") == {"ping", "publish"}


def test_operator_can_write_only_the_keys_of_its_reports() -> None:
    assert rests(users()["operator"], "~", "%", "&") == {
        "W~cluster:backup",
        "W~cluster:data:cut",
        "W~cluster:data:disk",
    }


def test_default_redis_user_is_off() -> None:
    assert users()["default"][:2] == ["off", "resetpass"]
    assert set(users()) == {"default", "collector", "ws", "api", "publisher", "operator"}

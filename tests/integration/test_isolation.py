"""The permissions of Redis users, networks, ports and containers."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from contract.library import LIBRARY
from contract.names import ALERT_LOG_KEY, CHANNELS, EPOCH_KEY, LEASE_KEY, METRICS_CHANNEL, latest_key, replica_key
from deploy.host.addresses import machine_addresses
from tests.drivers.deployment import SERVICES, Deployment
from tests.drivers.docker_engine import engine, execute

LATEST = latest_key(METRICS_CHANNEL)
#: Commands that Redis must refuse each user, besides those in ``REFUSED_TO_ALL``.
REFUSED = {
    "collector": [
        ["SUBSCRIBE", METRICS_CHANNEL],
        ["HSET", replica_key("x"), "connected_clients", "1"],
        ["PUBLISH", "elsewhere", "{}"],
    ],
    "ws": [
        *(["PUBLISH", channel, "{}"] for channel in CHANNELS),
        ["SET", LATEST, "{}"],
        ["XADD", ALERT_LOG_KEY, "*", "entry", "{}"],
        ["HSET", LEASE_KEY, "id", "x"],
        ["SUBSCRIBE", "elsewhere"],
    ],
    "api": [
        ["SET", LATEST, "{}"],
        ["XADD", ALERT_LOG_KEY, "*", "entry", "{}"],
        ["HSET", EPOCH_KEY, "seq", "1"],
        ["SUBSCRIBE", METRICS_CHANNEL],
    ],
}
REFUSED_TO_ALL = [
    ["FLUSHALL"],
    ["CONFIG", "GET", "*"],
    ["KEYS", "*"],
    ["ACL", "LIST"],
    ["SHUTDOWN"],
    ["FUNCTION", "LOAD", "REPLACE", LIBRARY],
    ["FUNCTION", "FLUSH"],
    ["EVAL", "return 1", "0"],
    ["EVALSHA", "0" * 40, "0"],
    ["SCRIPT", "LOAD", "return 1"],
    ["SCRIPT", "KILL"],
    ["GET", "foreign"],
    ["SET", "foreign", "1"],
]
_ASK = """
import json, os, sys, redis
from runtime.settings import Environment
client = redis.Redis.from_url(Environment(os.environ).redis_url({service!r}), protocol=2, driver_info=None)
answers = []
for command in {commands!r}:
    try:
        answers.append(repr(client.execute_command(*command)))
    except redis.RedisError as error:
        answers.append(str(error))
print(json.dumps(answers))
"""


def redis_replies(deployment: Deployment, service: str, commands: list[list[str]]) -> list[str]:
    answers: list[str] = json.loads(deployment.python(service, _ASK.format(service=service, commands=commands)))
    return answers


def refuses(answer: str) -> bool:
    return any(sign in answer for sign in ("NOPERM", "permission", "can't run this command", "can't access"))


@pytest.mark.parametrize("service", sorted(REFUSED))
def test_redis_refuses_a_service_all_commands_outside_the_contract(deployment: Deployment, service: str) -> None:
    commands = [*REFUSED[service], *REFUSED_TO_ALL]
    answers = redis_replies(deployment, service, commands)
    assert [command for command, answer in zip(commands, answers, strict=True) if not refuses(answer)] == []
    # Not every command is refused
    assert redis_replies(deployment, service, [["PING"]]) == ["True"]


def test_publisher_can_only_publish_on_the_three_channels(deployment: Deployment) -> None:
    for channel in CHANNELS:
        assert deployment.execute("redis", "publish", channel, '{"by":"hand"}').strip() == "3"
    assert refuses(deployment.execute("redis", "publish", "elsewhere", "{}", check=False))
    login = (
        'REDISCLI_AUTH=$(cat /secrets/publisher/redis-password) exec redis-cli --no-auth-warning --user publisher "$@"'
    )
    for command in (
        ["GET", LATEST],
        ["SUBSCRIBE", METRICS_CHANNEL],
        ["XADD", ALERT_LOG_KEY, "*", "entry", "{}"],
        *REFUSED_TO_ALL,
    ):
        answer = deployment.execute("redis", "sh", "-c", login, "sh", *command, check=False)
        assert refuses(answer), f"{command}: {answer}"


def test_operator_loads_the_functions_of_this_version(deployment: Deployment) -> None:
    output = deployment.execute("redis", "sh", "-c", "functions | operator -x function load")
    assert "already exists" in output
    deployment.execute("redis", "has-functions")


def test_redis_refuses_clients_without_a_password(deployment: Deployment) -> None:
    assert "NOAUTH" in deployment.execute("redis", "redis-cli", "GET", LATEST, check=False)
    for user in ("default", "api", "nobody"):
        output = deployment.execute("redis", "redis-cli", "AUTH", user, "guessed", check=False)
        assert "WRONGPASS" in output


def test_every_user_has_its_own_password(deployment: Deployment) -> None:
    read = ["cat"]
    passwords = {
        deployment.execute(service, *read, f"/secrets/{service}/redis-password")
        for service in ("api", "ws", "collector")
    }
    passwords.add(deployment.execute("redis", *read, "/secrets/publisher/redis-password"))
    passwords.add(deployment.execute("redis", *read, "/secrets/redis/operator-password"))
    assert len(passwords) == 5
    assert {len(password) for password in passwords} == {64}


def test_only_the_gateway_publishes_a_port_and_only_on_the_set_address(deployment: Deployment) -> None:
    published = {
        service: container.attrs["HostConfig"]["PortBindings"]
        for service in SERVICES
        for container in deployment.containers(service)
        if container.attrs["HostConfig"]["PortBindings"]
    }
    assert published == {"gateway": {"8085/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(deployment.port)}]}}
    # Nor does a container use the host's network
    networks = [
        container.attrs["HostConfig"]["NetworkMode"]
        for service in SERVICES
        for container in deployment.containers(service)
    ]
    assert all(network.startswith(f"{deployment.name}_") for network in networks), networks
    # The host's other addresses do not answer
    others = machine_addresses(with_ipv6=False)
    assert others
    for address in others:
        with socket.socket() as probe:
            probe.settimeout(2)
            assert probe.connect_ex((address, deployment.port)) != 0, f"{address}:{deployment.port} answers"


def reached_by(deployment: Deployment, service: str, addresses: list[tuple[str, int]]) -> set[tuple[str, int]]:
    """Return the addresses that accept a connection from a service's container; all are tried concurrently."""
    tries = "".join(
        f"timeout 3 bash -c 'exec 3<>/dev/tcp/{host}/{port}' 2>/dev/null && echo {host} {port} & "
        for host, port in addresses
    )
    output = deployment.execute(service, "bash", "-c", tries + "wait")
    return {(line.split()[0], int(line.split()[1])) for line in output.splitlines()}


def test_services_reach_only_the_services_that_they_need(deployment: Deployment) -> None:
    places = {
        "redis": [(deployment.address("redis", f"redis-{name}"), 6379) for name in ("api", "ws", "collector")],
        "api": [(deployment.address("api", name), 8000) for name in ("redis-api", "gateway-api")],
        "ws": [(deployment.address("ws", name), 8001) for name in ("redis-ws", "gateway-ws")],
        "collector": [(deployment.address("collector", name), 8002) for name in ("redis-collector", "exporter", "lan")],
        "exporter": [(deployment.address("exporter", "exporter"), 9100)],
        "gateway": [(deployment.address("gateway", name), 8085) for name in ("edge", "gateway-api", "gateway-ws")],
    }
    owner = {address: place for place, addresses in places.items() for address in addresses}

    def places_of_others(service: str) -> set[tuple[str, str]]:
        others = [address for address in owner if owner[address] != service]
        return {(service, owner[address]) for address in reached_by(deployment, service, others)}

    # Concurrently, because addresses without an answer take long.
    with ThreadPoolExecutor(len(places)) as pool:
        reached = set().union(*pool.map(places_of_others, places))
    assert reached == {
        # The necessary connections …
        ("api", "redis"), ("ws", "redis"), ("collector", "redis"),
        ("gateway", "api"), ("gateway", "ws"), ("collector", "exporter"),
        # … and the other direction of the same networks.
        ("redis", "api"), ("redis", "ws"), ("redis", "collector"),
        ("api", "gateway"), ("ws", "gateway"), ("exporter", "collector"),
    }  # fmt: skip


def test_only_the_collector_reaches_other_networks(deployment: Deployment) -> None:
    ways_out = {
        service
        for service in SERVICES
        for name in deployment.container(service).attrs["NetworkSettings"]["Networks"]
        if not engine().networks.get(name).attrs["Internal"]
    }
    # The gateway has its own network, because only a network that is not internal can publish a port.
    assert ways_out == {"collector", "gateway"}


@pytest.mark.parametrize("service", SERVICES)
def test_container_is_read_only_without_root_and_without_capabilities(deployment: Deployment, service: str) -> None:
    container = deployment.container(service)
    settings = container.attrs["HostConfig"]
    assert settings["ReadonlyRootfs"]
    assert settings["CapDrop"] == ["ALL"]
    assert settings["Memory"] > 0
    assert settings["Ulimits"] == [{"Name": "nofile", "Soft": 16384, "Hard": 16384}]
    assert settings["RestartPolicy"]["Name"] == "unless-stopped"
    assert settings["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
    user = container.attrs["Config"]["User"]
    assert user.replace(":", "").isdigit()
    assert not user.startswith("0")
    status = dict(line.split(":\t", 1) for line in execute(container, "cat", "/proc/1/status").stdout.splitlines())
    assert set(status["Uid"].split()) & {"0"} == set()
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    written = execute(container, "sh", "-c", "echo x >/etc/x || echo x >/app/x || echo x >/opt/x")
    assert written.returncode != 0
    assert "Read-only file system" in written.stderr


@pytest.mark.parametrize("service", ["api", "ws", "collector"])
def test_image_has_only_its_own_service_and_no_build_tools(deployment: Deployment, service: str) -> None:
    assert deployment.execute(service, "ls", "/app").split() == sorted(
        ["access", "contract", "dispycluster", "runtime", service]
    )
    left_over = "/opt/venv/lib/python3*/site-packages/pip /app/*/tests"
    look = f"command -v gcc cc make pip pip3; cd && ls -d .cache; ls -d {left_over}"
    container = deployment.container(service)
    found = execute(container, "sh", "-c", f"({look}) 2>/dev/null; true", options=["--user=0", "--env=HOME=/root"])
    assert (found.returncode, found.stdout) == (0, "")
    labels = engine().images.get(container.attrs["Image"]).labels
    assert labels["org.opencontainers.image.title"] == f"DispyCluster Live: {service}"


def test_command_in_a_container_has_the_words_of_its_service(deployment: Deployment) -> None:
    assert deployment.execute("api", "dispycluster", "status").partition("\n")[0] == "live: yes"
    assert "online" in deployment.execute("api", "dispycluster", "status", "--json")
    words = deployment.execute("collector", "dispycluster", "--help").split()
    assert {"check-nodes", "rules"} <= set(words)
    assert not {"run", "status", "user"} & set(words)


def test_probes_and_metrics_are_refused_from_outside(deployment: Deployment) -> None:
    assert [deployment.rest.status(path) for path in ("/livez", "/readyz", "/metrics")] == [404, 404, 404]
    assert "ws_deliveries" in deployment.python(
        "ws", "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8001/metrics').read().decode())"
    )

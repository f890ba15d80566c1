"""Every setting of the product, by section.

Services read their values through it, ``.env.example`` and the tables of docs/settings.md are written from it, and
``make up``, ``make run`` and the like check by it before they change anything.

Standard library only, Python 3.9 and later: compose checks settings on hosts without a venv.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from runtime import value_types
from runtime.setting import Setting
from runtime.value_types import memory, one_of, printable, seconds, whole_number

_DAY_SECONDS = 24 * 3600
#: The ways to run: ``make run``, systemd's units, the containers of compose.
RUN, SYSTEMD, CONTAINERS = "run", "systemd", "containers"
_HERE = f"{RUN} {SYSTEMD}"
#: Settings of former releases: in which each was removed, and what there is instead.
REMOVED = {"WS_PUSH": "0.4; every replica pushes as WS_PUSH=fast did"}
#: As many simulated nodes as one collector takes.
DEMO_NODES_LIMIT = 4000
#: Longest name of a cluster, and of a node, in characters.
CLUSTER_NAME_LIMIT = 100
NODE_NAME_LIMIT = 253
#: Stands for the version of the product in a default.
VERSION = "{version}"


@dataclass(frozen=True)
class Section:
    """Settings that belong together."""

    title: str
    settings: tuple[Setting[Any], ...]


PUBLIC_HOST = Setting(
    "PUBLIC_HOST",
    value_types.HOST,
    "127.0.0.1",
    "Address that the port is published on: 127.0.0.1 is this machine only, 0.0.0.0 lets others in, and "
    "then ACCESS must "
    "say how.",
    "api ws collector gateway",
)
PORT = Setting("PORT", value_types.PORT, "8085", "The port.", "gateway")
PUBLIC_URL = Setting(
    "PUBLIC_URL",
    value_types.PAGE_URL,
    "",
    "How people reach the pages behind a proxy of your own, for instance https://cluster.example; "
    "without ACCESS, other "
    "host names than this, addresses and localhost are refused.",
    "api ws collector gateway",
)
WS_ALLOWED_ORIGINS = Setting(
    "WS_ALLOWED_ORIGINS",
    value_types.ORIGINS,
    "",
    "Other origins whose pages may connect, separated by commas, for instance https://wall.lan:8443",
    "api ws collector gateway",
)
ACCESS = Setting(
    "ACCESS",
    one_of("open", "closed", "none"),
    "",
    "closed: everybody signs in, or shows a token. open: whoever reaches the port sees everything. Where "
    "nothing is said "
    "it is open for as long as PUBLIC_HOST is this machine, and with any other nothing starts.",
    "api ws collector gateway",
)
ACCESS_SESSION_SECONDS = Setting(
    "ACCESS_SESSION_SECONDS",
    seconds(60, 366 * _DAY_SECONDS),
    "604800",
    "Seconds after which people sign in again, whatever they do.",
    "api",
)
ACCESS_IDLE_SECONDS = Setting(
    "ACCESS_IDLE_SECONDS",
    seconds(30, 366 * _DAY_SECONDS),
    "43200",
    "Seconds of doing nothing after which they do.",
    "api",
)
#: As people set it. What api and ws are given may also name ``peer``: whoever connects, which is the gateway.
TRUSTED_PROXIES = Setting(
    "TRUSTED_PROXIES",
    value_types.NETWORKS,
    "",
    "Addresses or networks of proxies of your own, separated by commas: what they say of where a request comes from is "
    "believed.",
    "api ws collector gateway",
)
ACCESS_USER_HEADER = Setting(
    "ACCESS_USER_HEADER",
    value_types.HEADER,
    "",
    "The header in which they name the user whom they have signed in, for instance Remote-User.",
    "api ws gateway",
)
ACCESS_KEY_FILE = Setting(
    "ACCESS_KEY_FILE",
    value_types.PATH,
    "",
    "File with the random text that signs sessions, the same for api and ws.",
    "api ws",
    "",
)
ACCESS_TOKENS_DIR = Setting(
    "ACCESS_TOKENS_DIR", value_types.PATH, "", "Folder of the tokens of programs.", "api ws", ""
)
ACCESS_USERS_DIR = Setting("ACCESS_USERS_DIR", value_types.PATH, "", "Folder of the people who may sign in.", "api", "")
TLS_CERTIFICATE = Setting(
    "TLS_CERTIFICATE",
    value_types.PATH,
    "",
    "The certificate and those between it and its authority: the whole path of a PEM file that user "
    "10001 can read. With "
    "it and TLS_KEY the port speaks HTTPS and nothing else.",
    "gateway",
    CONTAINERS,
)
TLS_KEY = Setting("TLS_KEY", value_types.PATH, "", "Its key, likewise, without a password.", "gateway", CONTAINERS)
TLS_HSTS_SECONDS = Setting(
    "TLS_HSTS_SECONDS",
    value_types.DIGITS,
    "",
    "Seconds for which browsers are told to come back by HTTPS only, for instance 31536000; they cannot "
    "be told otherwise "
    "later.",
    "gateway",
    CONTAINERS,
)
COLLECTOR_CERTIFICATE_FILE = Setting(
    "COLLECTOR_CERTIFICATE_FILE",
    value_types.PATH,
    "",
    "PEM file with the certificate that the pages are served with, by a proxy of your own for instance: when it ends "
    "is among the collector's metrics. Containers have the gateway's.",
    "collector",
    _HERE,
)
API_LIMIT_REQUESTS_PER_SECOND = Setting(
    "API_LIMIT_REQUESTS_PER_SECOND",
    whole_number(1, 100_000),
    "300",
    "Requests a second to the api, of which ten seconds' worth may come at once.",
    "api",
)
API_LIMIT_PUBLISHED_BYTES_PER_SECOND = Setting(
    "API_LIMIT_PUBLISHED_BYTES_PER_SECOND",
    whole_number(1000, 1_000_000_000),
    "1000000",
    "Bytes a second that a token publishes, of which ten seconds' worth may come at once.",
    "api",
)
GATEWAY_LIMIT_CONNECTIONS = Setting(
    "GATEWAY_LIMIT_CONNECTIONS",
    whole_number(1, 1_000_000),
    "",
    "Connections of one address to the gateway; half of all that it holds if nothing is said.",
    "gateway",
)
WS_LIMIT_CONNECTIONS = Setting(
    "WS_LIMIT_CONNECTIONS", whole_number(1, 1_000_000), "5000", "Connections to a push replica.", "ws"
)
WS_LIMIT_CONNECTS_PER_SECOND = Setting(
    "WS_LIMIT_CONNECTS_PER_SECOND", whole_number(1, 1_000_000), "500", "Connections that begin in a second.", "ws"
)
WS_LIMIT_PACKETS_PER_SECOND = Setting(
    "WS_LIMIT_PACKETS_PER_SECOND", whole_number(1, 1_000_000), "2000", "Packets a second from its connections.", "ws"
)
WS_LIMIT_PACKET_BYTES = Setting(
    "WS_LIMIT_PACKET_BYTES", whole_number(1024, 16 * 1024 * 1024), "524288", "Bytes of a packet.", "ws"
)
WS_LIMIT_SUBSCRIPTIONS = Setting(
    "WS_LIMIT_SUBSCRIPTIONS",
    whole_number(1, 1_000_000),
    "1000",
    "Connections that are subscribed to a list of nodes.",
    "ws",
)
CONFIG_DIR = Setting(
    "CONFIG_DIR",
    value_types.PATH,
    "./config",
    "Folder with nodes.yaml and alerts.yaml, which user 10001 must be able to read. A relative path is one from "
    "deploy/compose. Who updates by git copies deploy/compose/config elsewhere and names the copy here.",
    "",
    CONTAINERS,
)
TARGETS = Setting(
    "TARGETS", value_types.PATH, "", "Your nodes.yaml; nodes.yaml in DATA_DIR if nothing is said.", "", RUN
)
DATA_DIR = Setting(
    "DATA_DIR", value_types.PATH, "", "Where Valkey keeps its data: data, in the folder of the project.", "", RUN
)
CLUSTER_NAME = Setting(
    "CLUSTER_NAME",
    printable(CLUSTER_NAME_LIMIT),
    "cluster",
    "Name of the cluster, in titles and snapshots. Where nothing is said, make run takes the name that "
    "this machine had "
    "when its data were made.",
    "api collector",
    in_run="",
)
COLLECTOR_CREDENTIALS_DIR = Setting(
    "COLLECTOR_CREDENTIALS_DIR",
    value_types.PATH,
    "",
    "Folder with the passwords, tokens and certificates that nodes.yaml names, whole path; with "
    "containers user 10001 must "
    "be able to read it, and nobody else need be.",
    "collector",
)
COLLECTOR_DNS_TARGETS = Setting(
    "COLLECTOR_DNS_TARGETS",
    value_types.HOSTS,
    "",
    "DNS names whose addresses are nodes too, host or host:port (9100), separated by commas; looked up every round.",
    "collector",
)
COLLECTOR_LOCAL_NAME = Setting(
    "COLLECTOR_LOCAL_NAME",
    printable(NODE_NAME_LIMIT),
    "",
    'What this machine, the entry "local" of nodes.yaml, is called; where nothing is said, its host name.',
    "collector",
)
COLLECTOR_LOCAL_EXPORTER = Setting(
    "COLLECTOR_LOCAL_EXPORTER",
    value_types.HOST_AND_PORT,
    "",
    'host:port of the exporter that the entry "local" is read from; without it this machine is read directly.',
    "collector",
    _HERE,
)
COLLECTOR_SCRAPE_INTERVAL_SECONDS = Setting(
    "COLLECTOR_SCRAPE_INTERVAL_SECONDS", seconds(0.2, 300), "2", "Seconds between two looks at the nodes.", "collector"
)
COLLECTOR_SCRAPE_TIMEOUT_SECONDS = Setting(
    "COLLECTOR_SCRAPE_TIMEOUT_SECONDS",
    seconds(0.05, math.inf),
    "",
    "Seconds that a look may take, at most the interval; where nothing is said, 5 or the interval, "
    "whichever is shorter.",
    "collector",
)
COLLECTOR_RULES = Setting(
    "COLLECTOR_RULES", value_types.PATH, "", "Your alert rules, overriding the built-in ones.", "collector", RUN
)
COLLECTOR_TARGETS = Setting(
    "COLLECTOR_TARGETS",
    value_types.TARGETS,
    "nodes.yaml",
    "Targets files of a collector that runs alone, separated by commas, Prometheus's file_sd files among "
    "them; the last "
    "part of a path may hold a *; one that is not there counts as empty.",
    "collector",
    "",
)
COLLECTOR_REDIS_DIR = Setting(
    "COLLECTOR_REDIS_DIR",
    value_types.PATH,
    "",
    "Folder in which a Redis of this machine saves its data; the health says when its disk is full. Set "
    "by make run for "
    "the embedded Valkey.",
    "collector",
    RUN,
)
COMPOSE_PROFILES = Setting(
    "COMPOSE_PROFILES",
    value_types.TEXT,
    "demo",
    "Simulated nodes beside your own.",
    "",
    CONTAINERS,
    in_containers="demo",
)
DEMO_NODES = Setting(
    "DEMO_NODES",
    whole_number(0, DEMO_NODES_LIMIT),
    "0",
    "That many simulated nodes; make run shows them instead of yours, with data of their own, and not on a "
    "REDIS_URL that serves real nodes.",
    "",
    f"{RUN} {CONTAINERS}",
    in_containers="50",
)
WS_REPLICAS = Setting(
    "WS_REPLICAS", whole_number(1, 32), "2", "Push replicas; the gateway finds up to 32.", "", CONTAINERS
)
API_THREADS = Setting(
    "API_THREADS", whole_number(1, 256), "8", "Requests that the api answers at the same time.", "api"
)
WS_SLOW_SECONDS = Setting(
    "WS_SLOW_SECONDS",
    seconds(1, 600),
    "10",
    "Seconds after which a client that takes nothing is sent away; it connects again when it can.",
    "ws",
)
WS_PING_INTERVAL_SECONDS = Setting(
    "WS_PING_INTERVAL_SECONDS",
    whole_number(1, 25),
    "25",
    "Whole seconds between two pings of a client; less (1 to 25) for proxies that cut quiet connections.",
    "ws",
)
WS_PING_TIMEOUT_SECONDS = Setting(
    "WS_PING_TIMEOUT_SECONDS",
    whole_number(1, 25),
    "20",
    "Whole seconds that a client has to answer a ping, at most the interval; then its connection is ended.",
    "ws",
)
API_DRAIN_SECONDS = Setting(
    "API_DRAIN_SECONDS",
    seconds(0, 60),
    "2",
    "Seconds for which an api replica that ends answers on, so that the gateway learns of it; a container is killed "
    "after 15.",
    "api",
    in_run="0",
)
WS_DRAIN_SECONDS = Setting(
    "WS_DRAIN_SECONDS",
    seconds(0, 600),
    "5",
    "Seconds over which a push replica that ends sends its clients elsewhere, after two in which the gateway learns of "
    "it; a container is killed after 30.",
    "ws",
    in_run="0",
)
GATEWAY_MAXCONN = Setting(
    "GATEWAY_MAXCONN",
    whole_number(10, 500_000),
    "7500",
    "Connections from clients that the gateway holds; an open page keeps one or two.",
    "gateway",
    CONTAINERS,
)
OPEN_FILES = Setting(
    "OPEN_FILES",
    whole_number(256, 1_048_576),
    "16384",
    "Files that the gateway, and each ws replica, may have open: more than twice GATEWAY_MAXCONN.",
    "gateway",
    CONTAINERS,
)
API_HOST = Setting("API_HOST", value_types.HOST, "127.0.0.1", "Address that the api listens on.", "api", "")
API_PORT = Setting("API_PORT", value_types.PORT, "8000", "Port on which the api answers the gateway.", "api", _HERE)
WS_HOST = Setting("WS_HOST", value_types.HOST, "127.0.0.1", "Address that a push replica listens on.", "ws", "")
WS_PORT = Setting("WS_PORT", value_types.PORT, "8001", "Port on which a push replica answers.", "ws", _HERE)
COLLECTOR_HOST = Setting(
    "COLLECTOR_HOST", value_types.HOST, "127.0.0.1", "Address that the collector listens on.", "collector", ""
)
COLLECTOR_PORT = Setting(
    "COLLECTOR_PORT", value_types.PORT, "8002", "Port on which the collector answers probes.", "collector", _HERE
)
VALKEY_PORT = Setting("VALKEY_PORT", value_types.PORT, "6385", "Port of the embedded Valkey.", "", _HERE)
_LOG_LEVEL = one_of("DEBUG", "INFO", "WARNING", "ERROR")
LOG_LEVEL = Setting(
    "LOG_LEVEL",
    _LOG_LEVEL,
    "INFO",
    "What the services log: DEBUG (each scrape, connection and request), INFO, WARNING or ERROR.",
    "api ws collector gateway",
)
API_LOG_LEVEL = Setting("API_LOG_LEVEL", _LOG_LEVEL, "", "What the api logs, where it is something else.", "api")
WS_LOG_LEVEL = Setting(
    "WS_LOG_LEVEL",
    _LOG_LEVEL,
    "",
    "What the push replicas log, likewise; with make run and systemd the gateway is the push replica too.",
    "ws",
)
COLLECTOR_LOG_LEVEL = Setting("COLLECTOR_LOG_LEVEL", _LOG_LEVEL, "", "What the collector logs, likewise.", "collector")
GATEWAY_LOG_LEVEL = Setting("GATEWAY_LOG_LEVEL", _LOG_LEVEL, "", "What the gateway logs, likewise.", "gateway")
LOG_FORMAT = Setting(
    "LOG_FORMAT",
    one_of("text", "json"),
    "text",
    "text, for people, or json: an object a line, with time, level, service, logger and message.",
    "api ws collector gateway",
)
API_REQUEST_LOG = Setting(
    "API_REQUEST_LOG", one_of("no", "yes"), "no", "yes: the api logs each request at the level INFO.", "api"
)
LOG_MAX_SIZE = Setting(
    "LOG_MAX_SIZE",
    value_types.LOG_SIZE,
    "10m",
    "Size at which a container's log is continued in a new file.",
    "",
    CONTAINERS,
)
LOG_MAX_FILES = Setting("LOG_MAX_FILES", whole_number(1, 1000), "3", "Files that are kept of it.", "", CONTAINERS)


def _limit(service: str, default: str, minimum: int, says: str) -> Setting[int]:
    return Setting(f"{service}_MEMORY_LIMIT", memory(minimum), default, says, "", CONTAINERS)


#: The least that each needs to start and to serve a small cluster (docs/footprint.md), in MiB.
API_MEMORY_LIMIT = _limit("API", "256m", 96, "The api.")
WS_MEMORY_LIMIT = _limit("WS", "512m", 64, "Each ws replica.")
COLLECTOR_MEMORY_LIMIT = _limit("COLLECTOR", "256m", 64, "The collector.")
GATEWAY_MEMORY_LIMIT = _limit("GATEWAY", "256m", 32, "The gateway.")
EXPORTER_MEMORY_LIMIT = _limit("EXPORTER", "128m", 24, "The exporter of this host.")
SIMULATOR_MEMORY_LIMIT = _limit("SIMULATOR", "256m", 48, "The simulated nodes.")
REDIS_MEMORY_LIMIT = _limit(
    "REDIS",
    "1280m",
    32,
    "Redis: more than twice REDIS_MAXMEMORY, since it may hold its data twice while it writes them anew.",
)
REDIS_MAXMEMORY = Setting(
    "REDIS_MAXMEMORY",
    value_types.REDIS_MEMORY,
    "512mb",
    "Data above which Redis refuses what may be shed; what is live it takes all the same.",
    "redis",
    CONTAINERS,
)
REDIS_APPENDFSYNC = Setting(
    "REDIS_APPENDFSYNC",
    one_of("no", "everysec", "always"),
    "no",
    "When the disk must have what was written: no (the system chooses, within about half a minute), "
    "everysec, or always.",
    "redis",
    CONTAINERS,
)
COMPOSE_FILE = Setting(
    "COMPOSE_FILE",
    value_types.TEXT,
    "",
    "Leaves the container redis out, and gives api and ws a way to yours.",
    "",
    CONTAINERS,
    in_containers="deploy/compose/compose.yaml:deploy/compose/external-redis.yaml",
)
REDIS_URL = Setting(
    "REDIS_URL",
    value_types.REDIS_URL,
    "redis://127.0.0.1:6379/0",
    "Where it is, for instance rediss://redis.lan:6379/0, which is TLS. make run and systemd have an "
    "embedded Valkey if "
    "nothing is said.",
    "api ws collector",
    in_containers="redis://redis:6379/0",
    in_run="",
    is_secret=True,
)
REDIS_CA_FILE = Setting(
    "REDIS_CA_FILE",
    value_types.PATH,
    "",
    "For rediss:// with a CA of your own: a PEM file of this machine with its certificate, trusted "
    "besides the system's, "
    "which user 10001 of the containers, so everybody, must be able to read.",
    "api ws collector",
)
API_REDIS_USERNAME = Setting(
    "API_REDIS_USERNAME", value_types.TEXT, "", "The api's user there.", "api", in_containers="api"
)
WS_REDIS_USERNAME = Setting(
    "WS_REDIS_USERNAME", value_types.TEXT, "", "The ws replicas' user.", "ws", in_containers="ws"
)
COLLECTOR_REDIS_USERNAME = Setting(
    "COLLECTOR_REDIS_USERNAME", value_types.TEXT, "", "The collector's user.", "collector", in_containers="collector"
)
API_REDIS_PASSWORD_FILE = Setting(
    "API_REDIS_PASSWORD_FILE", value_types.PATH, "", "File with the api's password there.", "api", _HERE
)
WS_REDIS_PASSWORD_FILE = Setting(
    "WS_REDIS_PASSWORD_FILE", value_types.PATH, "", "File with the ws replicas' password.", "ws", _HERE
)
COLLECTOR_REDIS_PASSWORD_FILE = Setting(
    "COLLECTOR_REDIS_PASSWORD_FILE", value_types.PATH, "", "File with the collector's password.", "collector", _HERE
)
API_SAVE_REVOCATIONS = Setting(
    "API_SAVE_REVOCATIONS",
    one_of("no", "yes"),
    "no",
    "Whether a Redis without an append-only file is asked to save after each revocation.",
    "api",
    "",
)
IMAGE_PREFIX = Setting(
    "IMAGE_PREFIX",
    value_types.IMAGE,
    "dispycluster",
    "What their names begin with; with a registry of your own, as make push says.",
    "",
    CONTAINERS,
)
IMAGE_TAG = Setting("IMAGE_TAG", value_types.IMAGE, VERSION, "Their tag.", "", CONTAINERS)
PULL_POLICY = Setting(
    "PULL_POLICY",
    one_of("never", "missing", "always", "if_not_present", "build"),
    "never",
    "Whether a registry is asked for them: never (built here when absent), missing (when absent), always.",
    "",
    CONTAINERS,
)


def _image(name: str, default: str, says: str) -> Setting[str]:
    return Setting(name, value_types.IMAGE, default, says, "", CONTAINERS)


PYTHON_IMAGE = _image("PYTHON_IMAGE", "python:3.11-slim-bookworm", "What the services run on.")
PYTHON_BUILD_IMAGE = _image(
    "PYTHON_BUILD_IMAGE", "python:3.11-slim-bookworm", "What their packages are installed with."
)
HAPROXY_IMAGE = _image("HAPROXY_IMAGE", "haproxy:3.2.15", "HAProxy, for the gateway.")
VALKEY_IMAGE = _image("VALKEY_IMAGE", "valkey/valkey:9.0.3", "Valkey 7.2 or later, or Redis 7.0 or later.")
NODE_EXPORTER_IMAGE = _image("NODE_EXPORTER_IMAGE", "prom/node-exporter:v1.12.1", "The exporter of this host.")
PIP_INDEX_URL = Setting(
    "PIP_INDEX_URL",
    value_types.TEXT,
    "",
    "A Python package index of your own, for instance https://packages.lan/simple",
    "",
    CONTAINERS,
    is_secret=True,
)

SECTIONS = (
    Section("Where the pages are", (PUBLIC_HOST, PORT, PUBLIC_URL, WS_ALLOWED_ORIGINS)),
    Section(
        "Who gets in (docs/access.md)",
        (
            ACCESS, ACCESS_SESSION_SECONDS, ACCESS_IDLE_SECONDS, TRUSTED_PROXIES, ACCESS_USER_HEADER, ACCESS_KEY_FILE,
            ACCESS_TOKENS_DIR, ACCESS_USERS_DIR,
        ),
    ),
    Section("TLS", (TLS_CERTIFICATE, TLS_KEY, TLS_HSTS_SECONDS, COLLECTOR_CERTIFICATE_FILE)),
    Section(
        "What one client may take; whose address and whose identity, a user or a token, are counted each for itself",
        (
            API_LIMIT_REQUESTS_PER_SECOND, API_LIMIT_PUBLISHED_BYTES_PER_SECOND, GATEWAY_LIMIT_CONNECTIONS,
            WS_LIMIT_CONNECTIONS, WS_LIMIT_CONNECTS_PER_SECOND, WS_LIMIT_PACKETS_PER_SECOND, WS_LIMIT_PACKET_BYTES,
            WS_LIMIT_SUBSCRIPTIONS,
        ),
    ),
    Section(
        "Nodes and rules",
        (
            CONFIG_DIR, TARGETS, CLUSTER_NAME, COLLECTOR_CREDENTIALS_DIR, COLLECTOR_DNS_TARGETS, COLLECTOR_LOCAL_NAME,
            COLLECTOR_LOCAL_EXPORTER, COLLECTOR_SCRAPE_INTERVAL_SECONDS, COLLECTOR_SCRAPE_TIMEOUT_SECONDS,
            COLLECTOR_RULES, COLLECTOR_TARGETS,
        ),
    ),
    Section("Demo", (COMPOSE_PROFILES, DEMO_NODES)),
    Section(
        "How much of it",
        (
            WS_REPLICAS, API_THREADS, WS_SLOW_SECONDS, WS_PING_INTERVAL_SECONDS, WS_PING_TIMEOUT_SECONDS,
            API_DRAIN_SECONDS, WS_DRAIN_SECONDS, GATEWAY_MAXCONN, OPEN_FILES,
        ),
    ),
    Section(
        "Ports of loopback on which the services meet and answer probes",
        (API_HOST, API_PORT, WS_HOST, WS_PORT, COLLECTOR_HOST, COLLECTOR_PORT, VALKEY_PORT),
    ),
    Section(
        "Logs (docs/monitoring.md)",
        (
            LOG_LEVEL, API_LOG_LEVEL, WS_LOG_LEVEL, COLLECTOR_LOG_LEVEL, GATEWAY_LOG_LEVEL, LOG_FORMAT, API_REQUEST_LOG,
            LOG_MAX_SIZE, LOG_MAX_FILES,
        ),
    ),
    Section(
        "Memory that a container may take; one that takes more is ended by the kernel, and starts again",
        (
            API_MEMORY_LIMIT, WS_MEMORY_LIMIT, COLLECTOR_MEMORY_LIMIT, GATEWAY_MEMORY_LIMIT, EXPORTER_MEMORY_LIMIT,
            SIMULATOR_MEMORY_LIMIT, REDIS_MEMORY_LIMIT,
        ),
    ),
    Section("Data", (DATA_DIR, REDIS_MAXMEMORY, REDIS_APPENDFSYNC, COLLECTOR_REDIS_DIR)),
    Section(
        "A Redis of your own (docs/data.md)",
        (
            COMPOSE_FILE, REDIS_URL, REDIS_CA_FILE, API_REDIS_USERNAME, WS_REDIS_USERNAME, COLLECTOR_REDIS_USERNAME,
            API_REDIS_PASSWORD_FILE, WS_REDIS_PASSWORD_FILE, COLLECTOR_REDIS_PASSWORD_FILE, API_SAVE_REVOCATIONS,
        ),
    ),
    Section("Images", (IMAGE_PREFIX, IMAGE_TAG, PULL_POLICY)),
    Section(
        "Building them. make images-offline makes base images where no registry can be reached, and sets the "
        "first five. "
        "Each takes a name with a digest too: name:tag@sha256:… (docs/install.md).",
        (PYTHON_IMAGE, PYTHON_BUILD_IMAGE, HAPROXY_IMAGE, VALKEY_IMAGE, NODE_EXPORTER_IMAGE, PIP_INDEX_URL),
    ),
)  # fmt: skip
#: What compose itself reads: in ``.env.example`` stands what they are for, not a default.
OF_COMPOSE = (COMPOSE_PROFILES, COMPOSE_FILE)
SETTINGS: dict[str, Setting[Any]] = {setting.name: setting for section in SECTIONS for setting in section.settings}


def of_way(way: str) -> Iterator[Setting[Any]]:
    """The settings that people set there."""
    return (setting for setting in SETTINGS.values() if setting.belongs_to(way))


def of_service(service: str) -> Iterator[Setting[Any]]:
    """The settings that a program reads."""
    return (setting for setting in SETTINGS.values() if service in setting.read_by.split())

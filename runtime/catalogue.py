"""The settings catalogue: every setting of the product, by section.

Services read their values through it. ``make settings`` writes ``.env.example`` and the tables of docs/settings.md from
it. ``make up``, ``make run`` and similar commands check all settings against it before they change anything.

Standard library only, Python 3.9 and later: compose checks settings on hosts without a venv.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from runtime import target_list_types, value_types
from runtime.setting import Setting
from runtime.value_types import memory, one_of, printable, seconds, whole_number

_DAY_SECONDS = 24 * 3600
#: The deployments: ``make run``, systemd units, and the containers of compose.
RUN, SYSTEMD, CONTAINERS = "run", "systemd", "containers"
_HERE = f"{RUN} {SYSTEMD}"
#: Settings of earlier releases: the release that removed each, and its replacement.
REMOVED = {"WS_PUSH": "0.4; every replica pushes as WS_PUSH=fast did"}
#: Most simulated nodes that one collector can scrape.
DEMO_NODES_LIMIT = 4000
#: Longest names of a cluster and of a node, in characters.
CLUSTER_NAME_LIMIT = 100
NODE_NAME_LIMIT = 253
#: Placeholder for the product's version in a default.
VERSION = "{version}"


@dataclass(frozen=True)
class Section:
    """A section of the catalogue."""

    title: str
    settings: tuple[Setting[Any], ...]


PUBLIC_HOST = Setting(
    "PUBLIC_HOST",
    value_types.HOST,
    "127.0.0.1",
    "Address on which the port is published. 127.0.0.1: only this machine can connect. 0.0.0.0: other machines "
    "can connect too, and ACCESS must be set.",
    "api ws collector gateway",
)
PORT = Setting("PORT", value_types.PORT, "8085", "Port of the pages.", "gateway")
PUBLIC_URL = Setting(
    "PUBLIC_URL",
    value_types.PAGE_URL,
    "",
    "URL of the pages behind your own proxy, for instance https://cluster.example. Without ACCESS, requests "
    "with host names other than this one, localhost and IP addresses are refused.",
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
    "closed: everybody signs in or shows a token. open: anyone who reaches the port sees everything. The "
    "default is open while PUBLIC_HOST is this machine; with any other PUBLIC_HOST nothing starts without this "
    "setting.",
    "api ws collector gateway",
)
ACCESS_SESSION_SECONDS = Setting(
    "ACCESS_SESSION_SECONDS",
    seconds(60, 366 * _DAY_SECONDS),
    "604800",
    "Seconds after which people must sign in again, even if they are active.",
    "api",
)
ACCESS_IDLE_SECONDS = Setting(
    "ACCESS_IDLE_SECONDS",
    seconds(30, 366 * _DAY_SECONDS),
    "43200",
    "Seconds without activity after which people must sign in again.",
    "api",
)
#: Deployments may also pass the word ``peer`` to api and ws: it stands for every peer, which is the gateway.
TRUSTED_PROXIES = Setting(
    "TRUSTED_PROXIES",
    value_types.NETWORKS,
    "",
    "Addresses or networks of your own proxies, separated by commas. Their headers about the client are trusted.",
    "api ws collector gateway",
)
ACCESS_USER_HEADER = Setting(
    "ACCESS_USER_HEADER",
    value_types.HEADER,
    "",
    "Header in which a trusted proxy names the user who is signed in there, for instance Remote-User.",
    "api ws gateway",
)
ACCESS_KEY_FILE = Setting(
    "ACCESS_KEY_FILE",
    value_types.PATH,
    "",
    "File with the random text that signs sessions; api and ws need the same file.",
    "api ws",
    "",
)
ACCESS_TOKENS_DIR = Setting(
    "ACCESS_TOKENS_DIR", value_types.PATH, "", "Folder with the tokens of programs.", "api ws", ""
)
ACCESS_USERS_DIR = Setting(
    "ACCESS_USERS_DIR", value_types.PATH, "", "Folder with the users who may sign in.", "api", ""
)
TLS_CERTIFICATE = Setting(
    "TLS_CERTIFICATE",
    value_types.PATH,
    "",
    "Certificate with its intermediate certificates: absolute path of a PEM file that user 10001 can read. "
    "With this setting and TLS_KEY the port accepts only HTTPS.",
    "gateway",
    CONTAINERS,
)
TLS_KEY = Setting(
    "TLS_KEY",
    value_types.PATH,
    "",
    "Private key of the certificate: absolute path of a PEM file that user 10001 can read, without a password.",
    "gateway",
    CONTAINERS,
)
TLS_HSTS_SECONDS = Setting(
    "TLS_HSTS_SECONDS",
    value_types.DIGITS,
    "",
    "Seconds for which browsers must use HTTPS only (HSTS), for instance 31536000. Browsers remember it: a "
    "later change does not shorten the time.",
    "gateway",
    CONTAINERS,
)
COLLECTOR_CERTIFICATE_FILE = Setting(
    "COLLECTOR_CERTIFICATE_FILE",
    value_types.PATH,
    "",
    "PEM file with the certificate of the pages, for instance of your own proxy. A metric of the collector "
    "shows its expiry. Containers use the gateway's certificate.",
    "collector",
    _HERE,
)
API_LIMIT_REQUESTS_PER_SECOND = Setting(
    "API_LIMIT_REQUESTS_PER_SECOND",
    whole_number(1, 100_000),
    "300",
    "Requests per second to the api. A burst may have ten times as many.",
    "api",
)
API_LIMIT_PUBLISHED_BYTES_PER_SECOND = Setting(
    "API_LIMIT_PUBLISHED_BYTES_PER_SECOND",
    whole_number(1000, 1_000_000_000),
    "1000000",
    "Bytes per second that a token publishes. A burst may have ten times as many.",
    "api",
)
GATEWAY_LIMIT_CONNECTIONS = Setting(
    "GATEWAY_LIMIT_CONNECTIONS",
    whole_number(1, 1_000_000),
    "",
    "Connections of one address to the gateway. The default is half of the gateway's total.",
    "gateway",
)
WS_LIMIT_CONNECTIONS = Setting(
    "WS_LIMIT_CONNECTIONS", whole_number(1, 1_000_000), "5000", "Connections to one ws replica.", "ws"
)
WS_LIMIT_CONNECTS_PER_SECOND = Setting(
    "WS_LIMIT_CONNECTS_PER_SECOND",
    whole_number(1, 1_000_000),
    "500",
    "New connections per second to one ws replica.",
    "ws",
)
WS_LIMIT_PACKETS_PER_SECOND = Setting(
    "WS_LIMIT_PACKETS_PER_SECOND",
    whole_number(1, 1_000_000),
    "2000",
    "Packets per second from all connections to one ws replica.",
    "ws",
)
WS_LIMIT_PACKET_BYTES = Setting(
    "WS_LIMIT_PACKET_BYTES", whole_number(1024, 16 * 1024 * 1024), "524288", "Largest packet in bytes.", "ws"
)
WS_LIMIT_SUBSCRIPTIONS = Setting(
    "WS_LIMIT_SUBSCRIPTIONS",
    whole_number(1, 1_000_000),
    "1000",
    "Connections with a subscription to a list of nodes.",
    "ws",
)
CONFIG_DIR = Setting(
    "CONFIG_DIR",
    value_types.PATH,
    "./config",
    "Folder with nodes.yaml and alerts.yaml, which user 10001 must be able to read. A relative path starts at "
    "deploy/compose. If you update with git, copy deploy/compose/config to another folder and name the copy "
    "here.",
    "",
    CONTAINERS,
)
TARGETS = Setting("TARGETS", value_types.PATH, "", "Your nodes.yaml. The default is nodes.yaml in DATA_DIR.", "", RUN)
DATA_DIR = Setting(
    "DATA_DIR",
    value_types.PATH,
    "",
    "Folder in which Valkey keeps its data. The default is data in the project folder.",
    "",
    RUN,
)
CLUSTER_NAME = Setting(
    "CLUSTER_NAME",
    printable(CLUSTER_NAME_LIMIT),
    "cluster",
    "Name of the cluster in titles and snapshots. The default of make run is the name that this machine had "
    "when its data folder was created.",
    "api collector",
    in_run="",
)
COLLECTOR_CREDENTIALS_DIR = Setting(
    "COLLECTOR_CREDENTIALS_DIR",
    value_types.PATH,
    "",
    "Folder with the passwords, tokens and certificates that nodes.yaml and COLLECTOR_HTTP_SD_OPTIONS name, as an "
    "absolute path. In containers user 10001 must be able to read it.",
    "collector",
)
COLLECTOR_DNS_TARGETS = Setting(
    "COLLECTOR_DNS_TARGETS",
    value_types.HOSTS,
    "",
    "DNS names whose addresses are also nodes, as host or host:port (default 9100), separated by commas. The "
    "names are resolved in every round.",
    "collector",
)
COLLECTOR_HTTP_SD_URLS = Setting(
    "COLLECTOR_HTTP_SD_URLS",
    target_list_types.URLS,
    "",
    "URLs of target lists (http_sd of Prometheus), for instance https://netbox.lan/targets, separated by spaces.",
    "collector",
    is_secret=True,
)
COLLECTOR_HTTP_SD_OPTIONS = Setting(
    "COLLECTOR_HTTP_SD_OPTIONS",
    target_list_types.OPTIONS,
    "",
    "How to request the target lists, with the fields of nodes.yaml: ca_file=ca.crt, username=prometheus, "
    "password_file=sd.password. Files are in COLLECTOR_CREDENTIALS_DIR.",
    "collector",
    is_secret=True,
)
COLLECTOR_HTTP_SD_REFRESH_SECONDS = Setting(
    "COLLECTOR_HTTP_SD_REFRESH_SECONDS",
    seconds(1, _DAY_SECONDS),
    "60",
    "Seconds between two requests for a target list.",
    "collector",
)
COLLECTOR_LOCAL_NAME = Setting(
    "COLLECTOR_LOCAL_NAME",
    printable(NODE_NAME_LIMIT),
    "",
    'Name of this machine, which is the entry "local" of nodes.yaml. The default is its host name.',
    "collector",
)
COLLECTOR_LOCAL_EXPORTER = Setting(
    "COLLECTOR_LOCAL_EXPORTER",
    value_types.HOST_AND_PORT,
    "",
    'host:port of the exporter for the entry "local". Without it the collector reads this machine directly.',
    "collector",
    _HERE,
)
COLLECTOR_SCRAPE_INTERVAL_SECONDS = Setting(
    "COLLECTOR_SCRAPE_INTERVAL_SECONDS", seconds(0.2, 300), "2", "Seconds between two scrapes of a node.", "collector"
)
COLLECTOR_SCRAPE_TIMEOUT_SECONDS = Setting(
    "COLLECTOR_SCRAPE_TIMEOUT_SECONDS",
    seconds(0.05, math.inf),
    "",
    "Timeout of a scrape in seconds, at most the interval. The default is 5 or the interval, whichever is shorter.",
    "collector",
)
COLLECTOR_RULES = Setting(
    "COLLECTOR_RULES",
    value_types.PATH,
    "",
    "File with your alert rules, which override the built-in rules.",
    "collector",
    RUN,
)
COLLECTOR_TARGETS = Setting(
    "COLLECTOR_TARGETS",
    value_types.TARGETS,
    "nodes.yaml",
    "Targets files of a collector that runs alone, separated by commas. Prometheus's file_sd files are "
    "allowed. The last part of a path may contain *. A missing file counts as empty.",
    "collector",
    "",
)
COLLECTOR_REDIS_DIR = Setting(
    "COLLECTOR_REDIS_DIR",
    value_types.PATH,
    "",
    "Folder in which a Redis on this machine saves its data. The health then reports a full disk. make run "
    "sets it for the embedded Valkey.",
    "collector",
    RUN,
)
COMPOSE_PROFILES = Setting(
    "COMPOSE_PROFILES",
    value_types.TEXT,
    "demo",
    "Simulated nodes in addition to your own.",
    "",
    CONTAINERS,
    in_containers="demo",
)
DEMO_NODES = Setting(
    "DEMO_NODES",
    whole_number(0, DEMO_NODES_LIMIT),
    "0",
    "Number of simulated nodes. make run shows them instead of your nodes, with separate data, and refuses a "
    "REDIS_URL that serves real nodes.",
    "",
    f"{RUN} {CONTAINERS}",
    in_containers="50",
)
WS_REPLICAS = Setting(
    "WS_REPLICAS", whole_number(1, 32), "2", "Number of ws replicas. The gateway finds up to 32.", "", CONTAINERS
)
API_THREADS = Setting(
    "API_THREADS", whole_number(1, 256), "8", "Requests that the api handles at the same time.", "api"
)
WS_LOOP = Setting(
    "WS_LOOP",
    one_of("eventlet", "gevent"),
    "eventlet",
    "Event loop of the ws replicas: eventlet or gevent. With make run and systemd the ws replica is also the gateway. "
    "gevent needs x86-64 or 64-bit ARM. docs/decisions/eventlet.md describes the change to gevent.",
    "ws",
)
WS_SLOW_SECONDS = Setting(
    "WS_SLOW_SECONDS",
    seconds(1, 600),
    "10",
    "Seconds after which a client that reads nothing is disconnected. It may connect again.",
    "ws",
)
WS_PING_INTERVAL_SECONDS = Setting(
    "WS_PING_INTERVAL_SECONDS",
    whole_number(1, 25),
    "25",
    "Whole seconds between two pings of a client (1 to 25). Lower it if a proxy cuts quiet connections.",
    "ws",
)
WS_PING_TIMEOUT_SECONDS = Setting(
    "WS_PING_TIMEOUT_SECONDS",
    whole_number(1, 25),
    "20",
    "Whole seconds in which a client must answer a ping, at most the interval. Then its connection is closed.",
    "ws",
)
API_DRAIN_SECONDS = Setting(
    "API_DRAIN_SECONDS",
    seconds(0, 60),
    "2",
    "Seconds for which an api replica still answers after SIGTERM, so that the gateway notices. A container is "
    "killed after 15.",
    "api",
    in_run="0",
)
WS_DRAIN_SECONDS = Setting(
    "WS_DRAIN_SECONDS",
    seconds(0, 600),
    "5",
    "Seconds in which a ws replica moves its clients to other replicas after SIGTERM. Two seconds before, the "
    "gateway stops sending new clients. A container is killed after 30.",
    "ws",
    in_run="0",
)
GATEWAY_MAXCONN = Setting(
    "GATEWAY_MAXCONN",
    whole_number(10, 500_000),
    "7500",
    "Client connections of the gateway. An open page needs one or two.",
    "gateway",
    CONTAINERS,
)
OPEN_FILES = Setting(
    "OPEN_FILES",
    whole_number(256, 1_048_576),
    "16384",
    "Open files of the gateway and of each ws replica. It must be more than twice GATEWAY_MAXCONN.",
    "gateway",
    CONTAINERS,
)
API_HOST = Setting("API_HOST", value_types.HOST, "127.0.0.1", "Address on which the api listens.", "api", "")
API_PORT = Setting("API_PORT", value_types.PORT, "8000", "Port of the api, for the gateway.", "api", _HERE)
WS_HOST = Setting("WS_HOST", value_types.HOST, "127.0.0.1", "Address on which a ws replica listens.", "ws", "")
WS_PORT = Setting("WS_PORT", value_types.PORT, "8001", "Port of a ws replica.", "ws", _HERE)
COLLECTOR_HOST = Setting(
    "COLLECTOR_HOST", value_types.HOST, "127.0.0.1", "Address on which the collector listens.", "collector", ""
)
COLLECTOR_PORT = Setting(
    "COLLECTOR_PORT", value_types.PORT, "8002", "Port of the collector's probes and metrics.", "collector", _HERE
)
VALKEY_PORT = Setting("VALKEY_PORT", value_types.PORT, "6385", "Port of the embedded Valkey.", "", _HERE)
_LOG_LEVEL = one_of("DEBUG", "INFO", "WARNING", "ERROR")
LOG_LEVEL = Setting(
    "LOG_LEVEL",
    _LOG_LEVEL,
    "INFO",
    "Lowest level that services log: DEBUG (each scrape, connection and request), INFO, WARNING or ERROR.",
    "api ws collector gateway",
)
API_LOG_LEVEL = Setting("API_LOG_LEVEL", _LOG_LEVEL, "", "Log level of the api, if different.", "api")
WS_LOG_LEVEL = Setting(
    "WS_LOG_LEVEL",
    _LOG_LEVEL,
    "",
    "Log level of the ws replicas, if different. With make run and systemd the ws replica is also the gateway.",
    "ws",
)
COLLECTOR_LOG_LEVEL = Setting(
    "COLLECTOR_LOG_LEVEL", _LOG_LEVEL, "", "Log level of the collector, if different.", "collector"
)
GATEWAY_LOG_LEVEL = Setting("GATEWAY_LOG_LEVEL", _LOG_LEVEL, "", "Log level of the gateway, if different.", "gateway")
LOG_FORMAT = Setting(
    "LOG_FORMAT",
    one_of("text", "json"),
    "text",
    "text: for people. json: one object per line with time, level, service, logger and message.",
    "api ws collector gateway",
)
API_REQUEST_LOG = Setting(
    "API_REQUEST_LOG", one_of("no", "yes"), "no", "yes: the api logs each request at level INFO.", "api"
)
LOG_MAX_SIZE = Setting(
    "LOG_MAX_SIZE",
    value_types.LOG_SIZE,
    "10m",
    "Size at which Docker rotates a container's log.",
    "",
    CONTAINERS,
)
LOG_MAX_FILES = Setting(
    "LOG_MAX_FILES",
    whole_number(1, 1000),
    "3",
    "Number of log files that Docker keeps for each container.",
    "",
    CONTAINERS,
)


def _limit(service: str, default: str, minimum: int, description: str) -> Setting[int]:
    return Setting(f"{service}_MEMORY_LIMIT", memory(minimum), default, description, "", CONTAINERS)


#: Minimums in MiB: each service needs this much to start and to serve a small cluster (docs/footprint.md).
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
    "Redis. It needs more than twice REDIS_MAXMEMORY, because a rewrite of its file may copy all data.",
)
REDIS_MAXMEMORY = Setting(
    "REDIS_MAXMEMORY",
    value_types.REDIS_MEMORY,
    "512mb",
    "Size of the data above which Redis refuses less important data. It still accepts live data.",
    "redis",
    CONTAINERS,
)
REDIS_APPENDFSYNC = Setting(
    "REDIS_APPENDFSYNC",
    one_of("no", "everysec", "always"),
    "no",
    "When Redis flushes writes to disk: no (the kernel decides, within about 30 seconds), everysec, or always.",
    "redis",
    CONTAINERS,
)
COMPOSE_FILE = Setting(
    "COMPOSE_FILE",
    value_types.TEXT,
    "",
    "This value leaves out the container redis and connects api and ws to the network of your Redis.",
    "",
    CONTAINERS,
    in_containers="deploy/compose/compose.yaml:deploy/compose/external-redis.yaml",
)
REDIS_URL = Setting(
    "REDIS_URL",
    value_types.REDIS_URL,
    "redis://127.0.0.1:6379/0",
    "URL of Redis, for instance rediss://redis.lan:6379/0 with TLS. The default of make run and systemd is an "
    "embedded Valkey.",
    "api ws collector",
    in_containers="redis://redis:6379/0",
    in_run="",
    is_secret=True,
)
REDIS_CA_FILE = Setting(
    "REDIS_CA_FILE",
    value_types.PATH,
    "",
    "For rediss:// with your own CA: PEM file on this machine with the CA's certificate, trusted in addition "
    "to the system's CAs. In containers user 10001 must be able to read it.",
    "api ws collector",
)
API_REDIS_USERNAME = Setting(
    "API_REDIS_USERNAME", value_types.TEXT, "", "Redis user of the api.", "api", in_containers="api"
)
WS_REDIS_USERNAME = Setting(
    "WS_REDIS_USERNAME", value_types.TEXT, "", "Redis user of the ws replicas.", "ws", in_containers="ws"
)
COLLECTOR_REDIS_USERNAME = Setting(
    "COLLECTOR_REDIS_USERNAME",
    value_types.TEXT,
    "",
    "Redis user of the collector.",
    "collector",
    in_containers="collector",
)
API_REDIS_PASSWORD_FILE = Setting(
    "API_REDIS_PASSWORD_FILE", value_types.PATH, "", "File with the Redis password of the api.", "api", _HERE
)
WS_REDIS_PASSWORD_FILE = Setting(
    "WS_REDIS_PASSWORD_FILE", value_types.PATH, "", "File with the Redis password of the ws replicas.", "ws", _HERE
)
COLLECTOR_REDIS_PASSWORD_FILE = Setting(
    "COLLECTOR_REDIS_PASSWORD_FILE",
    value_types.PATH,
    "",
    "File with the Redis password of the collector.",
    "collector",
    _HERE,
)
API_SAVE_REVOCATIONS = Setting(
    "API_SAVE_REVOCATIONS",
    one_of("no", "yes"),
    "no",
    "Whether the api asks a Redis without an append-only file to save after each revocation.",
    "api",
    "",
)
IMAGE_PREFIX = Setting(
    "IMAGE_PREFIX",
    value_types.IMAGE,
    "dispycluster",
    "Prefix of the image names. For your own registry, make push prints the value.",
    "",
    CONTAINERS,
)
IMAGE_TAG = Setting("IMAGE_TAG", value_types.IMAGE, VERSION, "Tag of the images.", "", CONTAINERS)
PULL_POLICY = Setting(
    "PULL_POLICY",
    one_of("never", "missing", "always", "if_not_present", "build"),
    "never",
    "When images are pulled from a registry: never (missing images are built here), missing, or always.",
    "",
    CONTAINERS,
)


def _image(name: str, default: str, description: str) -> Setting[str]:
    return Setting(name, value_types.IMAGE, default, description, "", CONTAINERS)


PYTHON_IMAGE = _image("PYTHON_IMAGE", "python:3.11-slim-bookworm", "Base image of the services.")
PYTHON_BUILD_IMAGE = _image(
    "PYTHON_BUILD_IMAGE", "python:3.11-slim-bookworm", "Image that installs the services' packages."
)
HAPROXY_IMAGE = _image("HAPROXY_IMAGE", "haproxy:3.2.15", "Image of HAProxy, for the gateway.")
VALKEY_IMAGE = _image("VALKEY_IMAGE", "valkey/valkey:9.0.3", "Image of Valkey 7.2 or later, or of Redis 7.0 or later.")
NODE_EXPORTER_IMAGE = _image("NODE_EXPORTER_IMAGE", "prom/node-exporter:v1.12.1", "Image of the exporter of this host.")
PIP_INDEX_URL = Setting(
    "PIP_INDEX_URL",
    value_types.TEXT,
    "",
    "Your own Python package index, for instance https://packages.lan/simple",
    "",
    CONTAINERS,
    is_secret=True,
)

SECTIONS = (
    Section("Address of the pages", (PUBLIC_HOST, PORT, PUBLIC_URL, WS_ALLOWED_ORIGINS)),
    Section(
        "Who gets in (docs/access.md)",
        (
            ACCESS, ACCESS_SESSION_SECONDS, ACCESS_IDLE_SECONDS, TRUSTED_PROXIES, ACCESS_USER_HEADER, ACCESS_KEY_FILE,
            ACCESS_TOKENS_DIR, ACCESS_USERS_DIR,
        ),
    ),
    Section("TLS", (TLS_CERTIFICATE, TLS_KEY, TLS_HSTS_SECONDS, COLLECTOR_CERTIFICATE_FILE)),
    Section(
        "Limits for one client. Each applies to a client's address, and separately to its user or token",
        (
            API_LIMIT_REQUESTS_PER_SECOND, API_LIMIT_PUBLISHED_BYTES_PER_SECOND, GATEWAY_LIMIT_CONNECTIONS,
            WS_LIMIT_CONNECTIONS, WS_LIMIT_CONNECTS_PER_SECOND, WS_LIMIT_PACKETS_PER_SECOND, WS_LIMIT_PACKET_BYTES,
            WS_LIMIT_SUBSCRIPTIONS,
        ),
    ),
    Section(
        "Nodes and rules",
        (
            CONFIG_DIR, TARGETS, CLUSTER_NAME, COLLECTOR_CREDENTIALS_DIR, COLLECTOR_DNS_TARGETS, COLLECTOR_HTTP_SD_URLS,
            COLLECTOR_HTTP_SD_OPTIONS, COLLECTOR_HTTP_SD_REFRESH_SECONDS, COLLECTOR_LOCAL_NAME,
            COLLECTOR_LOCAL_EXPORTER, COLLECTOR_SCRAPE_INTERVAL_SECONDS, COLLECTOR_SCRAPE_TIMEOUT_SECONDS,
            COLLECTOR_RULES, COLLECTOR_TARGETS,
        ),
    ),
    Section("Demo", (COMPOSE_PROFILES, DEMO_NODES)),
    Section(
        "Capacity and time limits",
        (
            WS_REPLICAS, WS_LOOP, API_THREADS, WS_SLOW_SECONDS, WS_PING_INTERVAL_SECONDS, WS_PING_TIMEOUT_SECONDS,
            API_DRAIN_SECONDS, WS_DRAIN_SECONDS, GATEWAY_MAXCONN, OPEN_FILES,
        ),
    ),
    Section(
        "Loopback ports between the services, and of their probes",
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
        "Memory limits of the containers. The kernel kills a container above its limit, and Docker starts it again",
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
        "Building the images. Where no registry can be reached, make images-offline builds the base images and sets "
        "the first five settings. Each also accepts a name with a digest: name:tag@sha256:… (docs/install.md).",
        (PYTHON_IMAGE, PYTHON_BUILD_IMAGE, HAPROXY_IMAGE, VALKEY_IMAGE, NODE_EXPORTER_IMAGE, PIP_INDEX_URL),
    ),
)  # fmt: skip
#: Settings that compose itself reads. ``.env.example`` has an example value for them, not a default.
OF_COMPOSE = (COMPOSE_PROFILES, COMPOSE_FILE)
SETTINGS: dict[str, Setting[Any]] = {setting.name: setting for section in SECTIONS for setting in section.settings}


def of_way(way: str) -> Iterator[Setting[Any]]:
    """Return the settings that people set in a deployment."""
    return (setting for setting in SETTINGS.values() if setting.belongs_to(way))


def of_service(service: str) -> Iterator[Setting[Any]]:
    """Return the settings that a service reads."""
    return (setting for setting in SETTINGS.values() if service in setting.read_by.split())

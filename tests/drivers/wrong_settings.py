"""A table of wrong settings with their error messages, for each way to run the product."""

from typing import Final, NamedTuple

from runtime.catalogue import CONTAINERS, RUN, SETTINGS, SYSTEMD

NOWHERE: Final = "/nowhere/that/exists"


class Wrong(NamedTuple):
    """The variables, the setting that the error names, and some words about its accepted values."""

    variables: dict[str, str]
    name: str
    takes: str

    @property
    def ways(self) -> set[str]:
        """The ways to run with this setting."""
        return {
            way for way in (RUN, SYSTEMD, CONTAINERS) if all(SETTINGS[one].belongs_to(way) for one in self.variables)
        }


def _wrong(setting: str, takes: str, **others: str) -> Wrong:
    name, _, value = setting.partition("=")
    return Wrong({name: value, **others}, name, takes)


WRONG: Final = (
    # Access
    _wrong("ACCESS=clsoed", "one of open, closed"),
    _wrong("ACCESS=OPEN", "one of open, closed"),
    _wrong("ACCESS_SESSION_SECONDS=week", "seconds from 60 to 31622400"),
    _wrong("ACCESS_IDLE_SECONDS=5", "seconds from 30"),
    _wrong("TRUSTED_PROXIES=10.0.0.0/99", "addresses or networks"),
    _wrong("TRUSTED_PROXIES=fe80::1%eth0", "addresses or networks"),
    _wrong("TRUSTED_PROXIES=10.0.0.0/0.0.0.255", "addresses or networks"),
    _wrong("TRUSTED_PROXIES=peer foo", "addresses or networks"),
    _wrong("TRUSTED_PROXIES=peer", "addresses or networks"),
    _wrong("TRUSTED_PROXIES=proxy.lan", "addresses or networks"),
    _wrong("ACCESS_USER_HEADER=Remote User", "the name of a header", TRUSTED_PROXIES="10.0.0.1"),
    _wrong("ACCESS_USER_HEADER=Remote-User", "effect only with TRUSTED_PROXIES"),
    # Addresses of the pages
    _wrong("PUBLIC_URL=cluster.example", "a URL such as"),
    _wrong("PUBLIC_URL=ftp://cluster.example", "a URL such as"),
    _wrong("PUBLIC_URL=https://cluster.example:port", "a URL such as"),
    _wrong("WS_ALLOWED_ORIGINS=wall.lan", "origins such as"),
    _wrong("WS_ALLOWED_ORIGINS=https://wall.lan/page", "origins such as"),
    _wrong("PORT=web", "a whole number from 1 to 65535"),
    _wrong("PORT=70000", "a whole number from 1 to 65535"),
    _wrong("PORT=+8085", "a whole number from 1 to 65535"),
    _wrong("API_PORT=0", "a whole number from 1 to 65535"),
    # Sizes and limits
    _wrong("API_THREADS=0", "a whole number from 1 to 256"),
    _wrong("API_THREADS=many", "a whole number from 1 to 256"),
    _wrong("API_LIMIT_REQUESTS_PER_SECOND=0", "a whole number from 1"),
    _wrong("API_LIMIT_PUBLISHED_BYTES_PER_SECOND=10", "a whole number from 1000"),
    _wrong("WS_LIMIT_CONNECTIONS=-1", "a whole number from 1"),
    _wrong("WS_LIMIT_PACKET_BYTES=100", "a whole number from 1024"),
    _wrong("WS_LOOP=asyncio", "one of eventlet, gevent"),
    _wrong("WS_SLOW_SECONDS=0", "seconds from 1 to 600"),
    _wrong("WS_PING_INTERVAL_SECONDS=26", "a whole number from 1 to 25"),
    _wrong("WS_PING_TIMEOUT_SECONDS=2.5", "a whole number from 1 to 25"),
    _wrong("WS_DRAIN_SECONDS=soon", "seconds from 0 to 600"),
    _wrong("GATEWAY_LIMIT_CONNECTIONS=none", "a whole number from 1"),
    _wrong("LOG_LEVEL=LOUD", "one of DEBUG, INFO, WARNING, ERROR"),
    _wrong("LOG_LEVEL=info", "one of DEBUG, INFO, WARNING, ERROR"),
    _wrong("API_LOG_LEVEL=LOUD", "one of DEBUG, INFO, WARNING, ERROR"),
    _wrong("WS_LOG_LEVEL=LOUD", "one of DEBUG, INFO, WARNING, ERROR"),
    _wrong("COLLECTOR_LOG_LEVEL=LOUD", "one of DEBUG, INFO, WARNING, ERROR"),
    _wrong("GATEWAY_LOG_LEVEL=LOUD", "one of DEBUG, INFO, WARNING, ERROR"),
    _wrong("LOG_FORMAT=xml", "one of text, json"),
    _wrong("API_REQUEST_LOG=true", "one of no, yes"),
    # Nodes
    _wrong("CLUSTER_NAME=" + "x" * 101, "up to 100 printable characters"),
    _wrong("COLLECTOR_DNS_TARGETS=http://nodes.lan", "names host or host:port"),
    _wrong("COLLECTOR_DNS_TARGETS=nodes.lan:0", "names host or host:port"),
    _wrong("COLLECTOR_HTTP_SD_URLS=netbox.lan/targets", "URLs http://"),
    _wrong("COLLECTOR_HTTP_SD_URLS=https://prometheus:hunter2@netbox.lan/targets", "COLLECTOR_HTTP_SD_OPTIONS"),
    _wrong("COLLECTOR_HTTP_SD_OPTIONS=password=hunter2", "the names are ca_file"),
    _wrong("COLLECTOR_HTTP_SD_REFRESH_SECONDS=0", "seconds from 1 to 86400"),
    _wrong("COLLECTOR_LOCAL_EXPORTER=one two", "host or host:port"),
    _wrong("COLLECTOR_SCRAPE_INTERVAL_SECONDS=fast", "seconds from 0.2 to 300"),
    _wrong("COLLECTOR_SCRAPE_TIMEOUT_SECONDS=9", "seconds up to COLLECTOR_SCRAPE_INTERVAL_SECONDS"),
    _wrong("COLLECTOR_RULES=" + NOWHERE, "a file that can be read"),
    _wrong("DEMO_NODES=few", "a whole number from 0"),
    _wrong("DEMO_NODES=5", "use one of them", TARGETS="nodes.yaml"),
    # Redis
    _wrong("REDIS_URL=http://x", "redis://"),
    _wrong("REDIS_URL=redis.lan:6379", "redis://"),
    _wrong("REDIS_CA_FILE=/etc/hostname", "only where REDIS_URL begins with rediss://"),
    _wrong("API_REDIS_PASSWORD_FILE=" + NOWHERE, "a file that can be read"),
    # Containers only
    _wrong("PUBLIC_HOST=localhost", "an IP address of this machine"),
    _wrong("REDIS_MAXMEMORY=lots", "an amount of memory such as 512mb"),
    _wrong("REDIS_MAXMEMORY=99999999999gb", "an amount of memory such as 512mb"),
    _wrong("REDIS_MAXMEMORY=512xb", "an amount of memory such as 512mb"),
    _wrong("REDIS_APPENDFSYNC=sometimes", "one of no, everysec, always"),
    _wrong("REDIS_MEMORY_LIMIT=256m", "more than REDIS_MAXMEMORY, which is 512mb"),
    _wrong("REDIS_MEMORY_LIMIT=much", "an amount of memory such as 512m"),
    _wrong("API_MEMORY_LIMIT=6m", "at least 96m"),
    _wrong("WS_MEMORY_LIMIT=10m", "at least 64m"),
    _wrong("COLLECTOR_MEMORY_LIMIT=100k", "at least 64m"),
    _wrong("GATEWAY_MEMORY_LIMIT=1", "at least 32m"),
    _wrong("GATEWAY_MAXCONN=20000", "while OPEN_FILES is 16384"),
    _wrong("GATEWAY_MAXCONN=7_500", "a whole number from 10"),
    _wrong("GATEWAY_MAXCONN=07500", "a whole number from 10"),
    _wrong("GATEWAY_MAXCONN=\u0667\u0665", "a whole number from 10"),
    _wrong("GATEWAY_MAXCONN=lots", "a whole number from 10"),
    _wrong("OPEN_FILES=100", "a whole number from 256"),
    _wrong("WS_REPLICAS=0", "a whole number from 1 to 32"),
    _wrong("WS_REPLICAS=two", "a whole number from 1 to 32"),
    _wrong("TLS_HSTS_SECONDS=year", "a whole number of seconds", TLS_CERTIFICATE="/c.pem", TLS_KEY="/k.pem"),
    _wrong("TLS_HSTS_SECONDS=60", "effect only with TLS_CERTIFICATE"),
    _wrong("PULL_POLICY=sometimes", "one of never, missing, always"),
    _wrong("LOG_MAX_SIZE=big", "a size such as 10m"),
    _wrong("LOG_MAX_SIZE=0", "a size such as 10m"),
    _wrong("LOG_MAX_FILES=0", "a whole number from 1"),
    _wrong("IMAGE_TAG=a b", "the name of an image"),
)


def wrong_in(way: str) -> list[Wrong]:
    """Return the rows for a way to run; without containers, PUBLIC_HOST accepts a name."""
    return [row for row in WRONG if way in row.ways and (way == CONTAINERS or row.name != "PUBLIC_HOST")]


def all_wrong_in(way: str) -> dict[str, str]:
    """Return the first wrong value of each setting, without values that are only wrong in combination."""
    of_others = ("ACCESS_USER_HEADER", "COLLECTOR_SCRAPE_TIMEOUT_SECONDS")
    rows = [row for row in wrong_in(way) if len(row.variables) == 1 and row.name not in of_others]
    return {row.name: row.variables[row.name] for row in reversed(rows)}

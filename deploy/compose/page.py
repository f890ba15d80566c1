"""The pages as a browser reaches them: whether they have data, and whether these are new."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.compose.dialogue import call
from deploy.compose.project import Project
from deploy.compose.trouble import Trouble
from deploy.local.addresses import probe_host

_LOOK_SECONDS = 0.3
_TIMEOUT_SECONDS = 5.0


class NoData(Exception):
    """The page has none; the text says why."""


@dataclass(frozen=True, order=True)
class Snapshot:
    """What the page shows; ordered by age."""

    epoch: int
    seq: int
    nodes_online: int = 0
    nodes_total: int = 0
    #: Time between two rounds of the collector.
    interval_seconds: float = 2.0


def read(body: bytes, age_seconds: float = 0.0) -> Snapshot:
    """The snapshot of a response's body, ``age_seconds`` old.

    Raises:
        NoData: it is none, or left over from an earlier run.
    """
    try:
        found: dict[str, Any] = json.loads(body)
        stats = found["cluster_stats"]
        snapshot = Snapshot(
            epoch=int(found["epoch"]),
            seq=int(found["seq"]),
            nodes_online=int(stats["online_nodes"]),
            nodes_total=int(stats["total_nodes"]),
            interval_seconds=float(found["interval_seconds"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise NoData(f"the snapshot cannot be read ({error!r})") from None
    if age_seconds > 2 * snapshot.interval_seconds + 2:
        raise NoData(f"the collector published {age_seconds:g} s ago for the last time")
    return snapshot


def look(project: Project, headers: Mapping[str, str] | None = None) -> Snapshot:
    """The snapshot that the gateway serves now; to who sends ``headers``, where not everybody may see it.

    Raises:
        NoData: none comes.
    """
    host = probe_host(project.host)
    name = f"[{host}]" if ":" in host else host
    # The environment's proxy is for the way out, not for this machine. Nor does a certificate name its address.
    handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=_unverified()))
    opener = urllib.request.build_opener(*handlers)
    url = f"{project.scheme}://{name}:{project.port}/api/cluster/snapshot"
    request = urllib.request.Request(url, headers=dict(headers or {}))  # noqa: S310 (http or https)
    try:
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
            return read(response.read(), float(response.headers.get("Age", 0)))
    except urllib.error.HTTPError as error:
        raise NoData(f"the snapshot is answered with status {error.code}") from None
    except OSError as error:
        raise NoData(f"nothing answers on {name}:{project.port} ({getattr(error, 'reason', error)})") from None


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def await_data(
    look_once: Callable[[], Snapshot],
    within_seconds: float,
    *,
    after: Snapshot | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Snapshot:
    """Wait for a snapshot; one newer than ``after``, where given.

    Raises:
        Trouble: none comes in time.
    """
    deadline = monotonic() + within_seconds
    while True:
        try:
            snapshot = look_once()
            if after is None or (snapshot.epoch, snapshot.seq) > (after.epoch, after.seq):
                return snapshot
            missing = f"the data stay those of round {snapshot.seq}"
        except NoData as reason:
            missing = str(reason)
        if monotonic() >= deadline:
            raise Trouble(
                f"The page shows no new data after {within_seconds:g} s: {missing}. See: {call('ps')}, {call('logs')}"
            )
        sleep(_LOOK_SECONDS)

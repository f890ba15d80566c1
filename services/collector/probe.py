"""How a target is looked at."""

from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp

from collector.scrape import HttpProbe
from collector.targets.dns import Resolver
from collector.targets.target import Target

if TYPE_CHECKING:
    from collector.local import LocalProbe


def make_probe(
    target: Target,
    session: aiohttp.ClientSession,
    resolver: Resolver,
    *,
    timeout_seconds: float,
    local_exporter: tuple[str, int] | None,
) -> "HttpProbe | LocalProbe":
    """Return a probe of ``target``; for this machine, one of its exporter where there is one."""
    if not target.is_local:
        return HttpProbe(session, resolver, target, timeout_seconds)
    if local_exporter is None:
        # A collector that reads no machine by itself, as in a container, needs no psutil.
        from collector.local import LocalProbe

        return LocalProbe(timeout_seconds)
    host, port = local_exporter
    return HttpProbe(session, resolver, replace(target, host=host, port=port), timeout_seconds)

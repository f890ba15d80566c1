"""How a target is looked at."""

from dataclasses import replace

import aiohttp

from collector.local import LocalProbe
from collector.scrape import HttpProbe
from collector.targets.dns import Resolver
from collector.targets.target import Target


def make_probe(
    target: Target,
    session: aiohttp.ClientSession,
    resolver: Resolver,
    *,
    timeout_seconds: float,
    local_exporter: tuple[str, int] | None,
) -> HttpProbe | LocalProbe:
    """Return a probe of ``target``; for this machine, one of its exporter where there is one."""
    if not target.is_local:
        return HttpProbe(session, resolver, target, timeout_seconds)
    if local_exporter is None:
        return LocalProbe(timeout_seconds)
    host, port = local_exporter
    return HttpProbe(session, resolver, replace(target, host=host, port=port), timeout_seconds)

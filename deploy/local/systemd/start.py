"""Have systemd run what is installed, and see that it comes up."""

import os
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Final

from deploy.local.addresses import probe_host
from deploy.local.inquiry import Inquiry
from deploy.local.refusal import CannotStart
from deploy.local.settings import Settings
from deploy.local.systemd.accounts import AS_SERVICES, variables_of
from deploy.local.systemd.layout import SERVICES, TARGET, Layout
from deploy.local.systemd.systemctl import last_lines, restarts, systemctl

#: Seconds that the slowest board gets from the start of the services to the page with data.
READY_SECONDS: Final = 120.0
#: A service that was started again so often will not come up by waiting.
RESTARTS_LIMIT: Final = 3
_LOOK_SECONDS: Final = 0.5


def restart_all(former: Path | None) -> None:
    """Run what is installed now, in order, from this boot on; ``former`` is the release before.

    Raises:
        CannotStart: systemd refused, or a service did not start.
    """
    systemctl("daemon-reload")
    systemctl("enable", "--quiet", TARGET)
    for service in SERVICES:
        try:
            systemctl("restart", service)
        except CannotStart as refusal:
            raise CannotStart(_described(str(refusal), [service], former)) from None
    systemctl("start", TARGET)


def wait_until_live(layout: Layout, settings: Settings, former: Path | None) -> Inquiry:
    """Wait until the api has live data and the page answers; return what was asked.

    Raises:
        CannotStart: it does not; the text says what is missing and what the services said.
    """
    variables = variables_of(layout, os.environ)
    asked = Inquiry([str(layout.python)], variables, probe_host(settings.host), settings.port, **AS_SERVICES)
    with closing(asked):
        while not asked.is_answered():
            failing = [service for service in SERVICES if restarts(service) >= RESTARTS_LIMIT]
            if failing or asked.elapsed_seconds > READY_SECONDS:
                text = f"The page shows no data after {asked.elapsed_seconds:.0f} s: {asked.missing}."
                raise CannotStart(_described(text, failing or SERVICES, former))
            time.sleep(_LOOK_SECONDS)
    return asked


def _described(text: str, services: Iterable[str], former: Path | None) -> str:
    lines = [text, "Said last:", *(f"  {service}: {line}" for service in services for line in last_lines(service))]
    if former is not None:
        lines.append(
            "The way back to the release before:\n"
            f"  sudo ln -sfn {former} /opt/dispycluster/current && sudo systemctl restart {TARGET}"
        )
    return "\n".join(lines)

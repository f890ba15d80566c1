"""Have systemd run what is installed, and see that it comes up."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from deploy.local.addresses import probe_host
from deploy.local.refusal import CannotStart
from deploy.local.settings import Settings
from deploy.local.systemd.layout import SERVICES, TARGET
from deploy.local.systemd.settings_files import SettingsFiles
from deploy.local.systemd.systemctl import last_lines, restarts, systemctl
from deploy.local.watch import Watch

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


def wait_until_live(settings: Settings, files: SettingsFiles, former: Path | None, headers: Mapping[str, str]) -> Watch:
    """Wait until the page shows data of this run to who sends ``headers``.

    Raises:
        CannotStart: it does not; the text says what is missing and what the services said.
    """
    ports = files.inner_ports()
    inner = {service: ports[f"{service.upper()}_PORT"] for service in ("collector", "api", "ws")}
    watch = Watch(probe_host(settings.host), settings.port, inner, headers)
    while not watch.is_ready():
        failing = [service for service in SERVICES if restarts(service) >= RESTARTS_LIMIT]
        if failing or watch.elapsed_seconds > READY_SECONDS:
            text = f"The page shows no data after {watch.elapsed_seconds:.0f} s: {watch.missing}."
            raise CannotStart(_described(text, failing or SERVICES, former))
        time.sleep(_LOOK_SECONDS)
    return watch


def _described(text: str, services: Iterable[str], former: Path | None) -> str:
    lines = [text, "Said last:", *(f"  {service}: {line}" for service in services for line in last_lines(service))]
    if former is not None:
        lines.append(
            "The way back to the release before:\n"
            f"  sudo ln -sfn {former} /opt/dispycluster/current && sudo systemctl restart {TARGET}"
        )
    return "\n".join(lines)

"""The compose file with the defaults of its variables."""

import re
from functools import cache
from typing import Any

import yaml

from tests.drivers.process import ROOT


@cache
def compose_services() -> dict[str, dict[str, Any]]:
    """Return the services of the compose file, by name."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", (ROOT / "deploy/compose/compose.yaml").read_text())
    # A container's variables are texts: `no` is not a boolean.
    services: dict[str, dict[str, Any]] = yaml.load(text, Loader=yaml.BaseLoader)["services"]
    return services


def compose_images() -> set[str]:
    """Return the names of our images, without prefix and tag."""
    return {str(service["image"]).split("/")[1].split(":")[0] for service in compose_services().values()}

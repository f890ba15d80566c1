"""The compose file, as it is where nothing is set."""

import re
from functools import cache
from typing import Any

import yaml

from tests.drivers.process import ROOT


@cache
def compose_services() -> dict[str, dict[str, Any]]:
    """Every service of the compose file, with the defaults of its variables."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", (ROOT / "deploy/compose/compose.yaml").read_text())
    # All that is given to a container is text: `no` is no truth value there.
    services: dict[str, dict[str, Any]] = yaml.load(text, Loader=yaml.BaseLoader)["services"]
    return services


def compose_images() -> set[str]:
    """The names of our images, without prefix and tag."""
    return {str(service["image"]).split("/")[1].split(":")[0] for service in compose_services().values()}

"""The targets file (``nodes.yaml``) that makes a collector scrape the fleet."""

import json
import os
import tempfile
from pathlib import Path

from simulator.fleet import Fleet


def targets_text(fleet: Fleet) -> str:
    """``nodes.yaml`` with every node of the fleet as a worker, under its name."""
    # A JSON string is a YAML string, whatever an address or a name consists of.
    lines = [f"  - {{host: {json.dumps(node.address)}, name: {json.dumps(node.name)}}}\n" for node in fleet]
    return "# Simulated nodes; written when the simulator starts, removed when it ends.\nworkers:\n" + "".join(lines)


def write_targets(fleet: Fleet, path: Path) -> None:
    """Write ``path`` so that a reader sees either all of it or the file that was there before.

    Raises:
        OSError: it cannot be written.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(targets_text(fleet))
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise

"""The targets file (``nodes.yaml``) that makes a collector scrape the fleet."""

import json
import os
import tempfile
from pathlib import Path

from simulator.fleet import Fleet


def targets_text(fleet: Fleet, certificate: Path | None = None, *, is_demo: bool = False) -> str:
    """``nodes.yaml`` with every node of the fleet as a worker, under its name.

    With a ``certificate``, its folder is to be the collector's ``COLLECTOR_CREDENTIALS_DIR``. ``is_demo``: the file
    says that the nodes are simulated, so that every page does.
    """
    # A JSON string is a YAML string, whatever an address or a name consists of.
    how = "" if certificate is None else f", scheme: https, ca_file: {json.dumps(certificate.name)}"
    lines = [f"  - {{host: {json.dumps(node.address)}, name: {json.dumps(node.name)}{how}}}\n" for node in fleet]
    head = "# Simulated nodes; written when the simulator starts, removed when it ends.\n"
    return head + ("simulated: true\n" if is_demo else "") + "workers:\n" + "".join(lines)


def write_targets(fleet: Fleet, path: Path, certificate: Path | None = None, *, is_demo: bool = False) -> None:
    """Write ``targets_text`` to ``path`` so that a reader sees either all of it or the file that was there before.

    Raises:
        OSError: it cannot be written.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(targets_text(fleet, certificate, is_demo=is_demo))
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise

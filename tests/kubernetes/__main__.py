"""Name the tests' cluster and copy the images to it: ``python -m tests.kubernetes [--check]``.

``--check`` copies nothing.

``LOAD_IMAGES`` is the command that copies images from the Docker engine into the cluster, called with their names:
``kind load docker-image``, ``k3d image import``. Without it, the cluster has the images or pulls them.
"""

import shlex
import subprocess
import sys

from contract import VERSION
from tests.drivers.cluster_images import LOADER, command, load
from tests.drivers.kubectl import chosen_context
from tests.drivers.kustomization import IMAGES


def main() -> int:
    """Run; return the exit code."""
    try:
        context = chosen_context()
    except AssertionError as refusal:
        print(f"test-k8s: {refusal}", file=sys.stderr)
        return 2
    nodes = ["kubectl", f"--context={context}", "get", "nodes", "--no-headers"]
    done = subprocess.run(nodes, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"test-k8s: the cluster {context} does not answer: {done.stderr.strip()}", file=sys.stderr)
        return 2
    if "--check" in sys.argv[1:]:
        print(f"test-k8s: the cluster {context}:\n{done.stdout}", end="", flush=True)
        return 0
    loader = command(LOADER)
    images = [f"dispycluster/{name}:{VERSION}" for name in IMAGES]
    if not loader:
        print(f"test-k8s: {LOADER} is not set: the cluster is to have the images, or to pull them")
        return 0
    print(f"test-k8s: {shlex.join(loader)} {' '.join(images)}", flush=True)
    try:
        load(images)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"test-k8s: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Where the manifests are, and what stands beside them."""

from pathlib import Path

K8S = Path(__file__).parents[1].resolve()
ROOT = K8S.parents[1]
COMPONENTS = K8S / "components"
IMAGE_FILES = ROOT / "deploy" / "images"
COMPOSE_FILE = ROOT / "deploy" / "compose" / "compose.yaml"
#: Where tools are kept that are built here.
TOOLS = ROOT / ".cache" / "bin"

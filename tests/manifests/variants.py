"""The rendered variants: the product alone, with each component, with all components, and with users' settings."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from contract import VERSION
from tests.drivers.compose_file import compose_images
from tests.drivers.process import ROOT
from tests.manifests.model import Manifests

K8S = ROOT / "deploy/k8s"
COMPONENTS = sorted(path.parent.name for path in K8S.glob("components/*/kustomization.yaml"))


#: Settings in a user's kustomization, as in docs/kubernetes.md.
OF_USERS = """
example:
  components: [ingress, node-exporter]
  settings:
    {CLUSTER_NAME: lab, LOG_LEVEL: WARNING, PUBLIC_URL: "https://cluster.lab.lan", TRUSTED_PROXIES: 10.0.0.0/8}
  patches:
    - target: {kind: Ingress, name: dispycluster}
      patch: |
        - {op: replace, path: /spec/rules/0/host, value: cluster.lab.lan}
        - {op: replace, path: /spec/tls/0/hosts/0, value: cluster.lab.lan}
  registry: registry.lan:5000/
  pin: ":9.8.7"
digests:
  registry: registry.lan:5000/
  pin: "@sha256:0000000000000000000000000000000000000000000000000000000000000000"
gevent:
  patches:
    - patch: |
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: ws, namespace: dispycluster}
        spec: {template: {spec: {containers: [{name: ws, env: [{name: WS_LOOP, value: gevent}]}]}}}
external-redis over TLS:
  components: [external-redis]
  settings: {REDIS_CA_FILE: /redis-ca/ca.crt}
single sign-on:
  settings:
    ACCESS: closed
    ACCESS_USER_HEADER: X-Forwarded-User
    PUBLIC_URL: https://cluster.lab.lan
    TRUSTED_PROXIES: 10.244.0.0/16
  patches:
    - target: {kind: NetworkPolicy, name: gateway}
      patch: |
        - op: replace
          path: /spec/ingress/0/from
          value:
            - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: sign-on}}
              podSelector: {matchLabels: {app.kubernetes.io/name: oauth2-proxy}}
load balancer:
  components: [tls]
  settings: {ACCESS: closed, PUBLIC_URL: "https://cluster.lab.lan"}
  patches:
    - target: {kind: Service, name: gateway}
      patch: "- {op: add, path: /spec/type, value: LoadBalancer}"
    - target: {kind: NetworkPolicy, name: gateway}
      patch: "- {op: remove, path: /spec/ingress/0/from}"
"""


@dataclass(frozen=True)
class Variant:
    """An overlay on the product."""

    name: str
    components: Sequence[str] = ()
    #: Literals of the ConfigMap ``settings``.
    settings: Mapping[str, str] = field(default_factory=dict)
    patches: Sequence[Mapping[str, Any]] = ()
    #: Registry of the images, with their tag or digest.
    registry: str = ""
    pin: str = f":{VERSION}"

    def kustomization(self, folder: Path) -> dict[str, Any]:
        """Return the ``kustomization.yaml`` for ``folder``, with relative paths as kustomize requires."""
        literals = [f"{name}={value}" for name, value in self.settings.items()]
        settings = {"name": "settings", "namespace": "dispycluster", "behavior": "merge", "literals": literals}
        pin = {{":": "newTag", "@": "digest"}[self.pin[0]]: self.pin[1:]}
        return {
            "resources": [os.path.relpath(K8S, folder)],
            "components": [os.path.relpath(K8S / "components" / name, folder) for name in self.components],
            "configMapGenerator": [settings] if literals else [],
            "patches": self.patches,
            "images": [
                {"name": f"dispycluster/{name}", "newName": f"{self.registry}dispycluster/{name}", **pin}
                for name in sorted(compose_images() if self.registry else ())
            ],
        }


VARIANTS = [
    Variant("default"),
    *(Variant(name, [name]) for name in COMPONENTS),
    Variant("all but external-redis", [name for name in COMPONENTS if name != "external-redis"]),
    Variant("all", COMPONENTS),
    *(Variant(name, **given) for name, given in yaml.safe_load(OF_USERS).items()),
]


def kustomize() -> list[str] | None:
    """Return the command that renders a folder; ``None`` if it is missing."""
    commands = (["kubectl", "kustomize"], ["kustomize", "build"])
    return next((command for command in commands if shutil.which(command[0])), None)


@cache
def rendered(name: str) -> str:
    """Return the rendered variant of this name, as YAML.

    Raises:
        RuntimeError: it cannot be rendered, or kustomize prints a warning.
    """
    [variant] = [variant for variant in VARIANTS if variant.name == name]
    with tempfile.TemporaryDirectory(prefix="dispycluster-overlay-") as made:
        folder = Path(made).resolve()
        (folder / "kustomization.yaml").write_text(json.dumps(variant.kustomization(folder)))
        done = subprocess.run([*(kustomize() or []), folder], capture_output=True, text=True)
    if done.returncode != 0 or done.stderr.strip():
        raise RuntimeError(done.stderr.strip() or f"kustomize ended with {done.returncode}")
    return done.stdout


@cache
def manifests_of(name: str) -> Manifests:
    """Return the objects of the variant of this name; read-only."""
    return Manifests.parse(rendered(name))

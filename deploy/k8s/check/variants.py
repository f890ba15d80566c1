"""What is rendered: the product as it is, with each component, with all of them, and as a user would have it."""

from dataclasses import dataclass
from typing import Any

from contract import VERSION
from deploy.k8s.check.compose import compose_images
from deploy.k8s.check.folder import COMPONENTS

#: What a user has changed in the example.
REGISTRY, TAG, HOST = "registry.lan:5000", "9.8.7", "cluster.lab.lan"
SETTINGS = (("CLUSTER_NAME", "lab"), ("LOG_LEVEL", "WARNING"), ("PUBLIC_URL", f"https://{HOST}"))


@dataclass(frozen=True)
class Variant:
    """An overlay on the product."""

    name: str
    components: tuple[str, ...] = ()
    #: What else stands in its kustomization.yaml.
    own: tuple[tuple[str, Any], ...] = ()
    #: Where its images come from, before their name.
    image_prefix: str = "dispycluster"
    image_tag: str = VERSION
    #: Whether its settings are the product's own.
    is_default: bool = False
    #: What the ConfigMap settings must say at the end.
    settings: tuple[tuple[str, str], ...] = ()


def _settings(chosen: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """What a user writes to set some of what several services read."""
    literals = [f"{name}={value}" for name, value in chosen]
    return {"name": "settings", "namespace": "dispycluster", "behavior": "merge", "literals": literals}


#: The overlay of somebody with a registry, a name for the cluster, and an address for its pages.
EXAMPLE = Variant(
    "example",
    components=("ingress", "node-exporter"),
    own=(
        (
            "configMapGenerator",
            [_settings(SETTINGS)],
        ),
        (
            "images",
            [
                {"name": f"dispycluster/{name}", "newName": f"{REGISTRY}/dispycluster/{name}", "newTag": TAG}
                for name in sorted(compose_images())
            ],
        ),
        (
            "patches",
            [
                {
                    "target": {"kind": "Ingress", "name": "dispycluster"},
                    "patch": f"- {{op: replace, path: /spec/rules/0/host, value: {HOST}}}\n"
                    f"- {{op: replace, path: /spec/tls/0/hosts/0, value: {HOST}}}\n",
                }
            ],
        ),
    ),
    image_prefix=f"{REGISTRY}/dispycluster",
    image_tag=TAG,
    settings=SETTINGS,
)


#: Over TLS, with a CA of the user's.
TLS_SETTINGS = (("REDIS_CA_FILE", "/redis-ca/ca.crt"),)
EXTERNAL_TLS = Variant(
    "external-redis over TLS",
    components=("external-redis",),
    own=(("configMapGenerator", [_settings(TLS_SETTINGS)]),),
    settings=TLS_SETTINGS,
)


def variants() -> list[Variant]:
    """All of them; a folder in ``components`` is one more."""
    names = tuple(sorted(path.parent.name for path in COMPONENTS.glob("*/kustomization.yaml")))
    inside = tuple(name for name in names if name != "external-redis")
    return [
        Variant("default", is_default=True),
        *(Variant(name, (name,)) for name in names),
        Variant("all but external-redis", inside),
        Variant("all", names),
        EXAMPLE,
        EXTERNAL_TLS,
    ]

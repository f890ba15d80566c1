"""What is rendered: the product as it is, with each component, with all of them, and as a user would have it."""

from dataclasses import dataclass
from typing import Any

from contract import VERSION
from deploy.k8s.check.compose import compose_images
from deploy.k8s.check.folder import COMPONENTS

#: What a user has changed in the example.
REGISTRY, TAG, HOST = "registry.lan:5000", "9.8.7", "cluster.lab.lan"
SETTINGS = (
    ("CLUSTER_NAME", "lab"),
    ("LOG_LEVEL", "WARNING"),
    ("PUBLIC_URL", f"https://{HOST}"),
    ("TRUSTED_PROXIES", "10.0.0.0/8"),
)


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

#: A text that stands for the digest of any image.
DIGEST = f"sha256:{'0' * 64}"
PINNED = Variant(
    "digests",
    own=(
        (
            "images",
            [
                {"name": f"dispycluster/{name}", "newName": f"{REGISTRY}/dispycluster/{name}", "digest": DIGEST}
                for name in sorted(compose_images())
            ],
        ),
    ),
    image_prefix=f"{REGISTRY}/dispycluster",
)


#: Over TLS, with a CA of the user's.
TLS_SETTINGS = (("REDIS_CA_FILE", "/redis-ca/ca.crt"),)
EXTERNAL_TLS = Variant(
    "external-redis over TLS",
    components=("external-redis",),
    own=(("configMapGenerator", [_settings(TLS_SETTINGS)]),),
    settings=TLS_SETTINGS,
)


#: Behind somebody's single sign-on, and nothing else.
SIGN_ON_SETTINGS = (
    ("ACCESS", "closed"),
    ("ACCESS_USER_HEADER", "X-Forwarded-User"),
    ("PUBLIC_URL", f"https://{HOST}"),
    ("TRUSTED_PROXIES", "10.244.0.0/16"),
)
SIGN_ON = Variant(
    "single sign-on",
    own=(
        ("configMapGenerator", [_settings(SIGN_ON_SETTINGS)]),
        (
            "patches",
            [
                {
                    "target": {"kind": "NetworkPolicy", "name": "gateway"},
                    "patch": "- op: replace\n  path: /spec/ingress/0/from\n  value:\n"
                    "  - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: sign-on}}\n"
                    "    podSelector: {matchLabels: {app.kubernetes.io/name: oauth2-proxy}}\n",
                }
            ],
        ),
    ),
    settings=SIGN_ON_SETTINGS,
)

#: An address of the gateway's own, HTTPS, and everybody signs in.
BALANCER_SETTINGS = (("ACCESS", "closed"), ("PUBLIC_URL", f"https://{HOST}"))
BALANCER = Variant(
    "load balancer",
    components=("tls",),
    own=(
        ("configMapGenerator", [_settings(BALANCER_SETTINGS)]),
        (
            "patches",
            [
                {
                    "target": {"kind": "Service", "name": "gateway"},
                    "patch": "- {op: add, path: /spec/type, value: LoadBalancer}\n"
                    "- {op: add, path: /spec/externalTrafficPolicy, value: Local}\n",
                },
                {
                    "target": {"kind": "NetworkPolicy", "name": "gateway"},
                    "patch": "- {op: remove, path: /spec/ingress/0/from}\n",
                },
            ],
        ),
    ),
    settings=BALANCER_SETTINGS,
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
        PINNED,
        EXTERNAL_TLS,
        SIGN_ON,
        BALANCER,
    ]

"""Who gets in, and who has the Secrets that it takes."""

from collections.abc import Iterator

from deploy.k8s.check.documents import Document, Documents, of_kind, selects, title
from deploy.k8s.check.finding import Finding
from deploy.k8s.check.pods import Pod, pods
from deploy.k8s.check.variables import values

#: For whoever wants it; the others are for every installation.
CERTIFICATE = "gateway-tls"
#: The Secrets of access, who has them, and where.
HOLDERS = {
    "access-key": {"api": "/secrets/access", "ws": "/secrets/access"},
    "access-users": {"api": "/access/users"},
    "access-tokens": {"api": "/access/tokens", "ws": "/access/tokens"},
    CERTIFICATE: {"gateway": "/tls"},
}
#: The variables that lead to folders of files that come and go: each must be mounted as a whole.
FOLDERS = {"ACCESS_USERS_DIR": "access-users", "ACCESS_TOKENS_DIR": "access-tokens"}
#: What tells controllers to speak HTTPS to the gateway.
#: Source: https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/#backend-protocol
#: Source: https://www.haproxy.com/documentation/kubernetes-ingress/community/configuration-reference/ingress/#server-ssl
SPEAKS_HTTPS = {"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS", "haproxy.org/server-ssl": "true"}


def those_who_come_from_elsewhere_sign_in(documents: Documents) -> Iterator[Finding]:
    """Open access is for a gateway that only its own namespace reaches; api and ws agree in any case."""
    parts = {pod.name: values(documents, pod, pod.lasting[0]) for pod in pods(documents) if pod.name in ("api", "ws")}
    modes = {name: given.get("ACCESS") for name, given in parts.items()}
    if len(set(modes.values())) > 1:
        yield Finding("Deployment", f"api and ws differ in ACCESS: {modes}")
    for pod in pods(documents):
        if pod.name == "gateway" and _is_reached_from_elsewhere(documents, pod):
            for name, mode in modes.items():
                if mode != "closed":
                    yield Finding(f"Deployment/{name}", f"others reach the gateway, and ACCESS is {mode!r}")


def those_who_are_believed_are_named(documents: Documents) -> Iterator[Finding]:
    """Who can say for whom he speaks is let in by his own name: TRUSTED_PROXIES does not tell one pod from another.

    api and ws believe whoever connects, the gateway those of TRUSTED_PROXIES.
    """
    for pod in pods(documents):
        if pod.name in ("api", "ws") or (
            pod.name == "gateway" and values(documents, pod, pod.lasting[0]).get("TRUSTED_PROXIES")
        ):
            for policy, peer in _visitors(documents, pod):
                if not _is_named(peer):
                    yield Finding(title(policy), f"whoever is {peer} reaches {pod.name}, and can name any address")


def secrets_of_access_are_with_those_who_need_them(documents: Documents) -> Iterator[Finding]:
    """Each is mounted in its place, whole, read-only, and by nobody else."""
    there = {pod.name: pod for pod in pods(documents)}
    for pod in there.values():
        for secret, container, path in _held(pod):
            if secret in HOLDERS and HOLDERS[secret].get(pod.name) != path:
                yield Finding(pod.title, f"{container['name']} has the Secret {secret} at {path}, not its place")
    for secret, holders in HOLDERS.items():
        for name, path in holders.items() if secret != CERTIFICATE else ():
            if name in there and path not in [at for held, _, at in _held(there[name]) if held == secret]:
                yield Finding(there[name].title, f"the Secret {secret} is not mounted at {path}")


def folders_of_access_are_mounted(documents: Documents) -> Iterator[Finding]:
    """The variables lead to where the Secrets are, of which every key is a file."""
    for pod in pods(documents):
        for container in pod.lasting:
            for name, folder in values(documents, pod, container).items():
                if name in FOLDERS and folder not in [at for held, _, at in _held(pod) if held == FOLDERS[name]]:
                    yield Finding(pod.title, f"{name}: {folder} is not where the Secret {FOLDERS[name]} is")
        for volume in pod.spec.get("volumes") or []:
            held = volume.get("secret") or {}
            if held.get("secretName") in FOLDERS.values() and "items" in held:
                yield Finding(pod.title, f"only some of the Secret {held['secretName']} is mounted")


def ingresses_speak_as_the_gateway_does(documents: Documents) -> Iterator[Finding]:
    """HTTPS where it has a certificate, HTTP where it has none."""
    encrypted = any(secret == CERTIFICATE for pod in pods(documents) for secret, _, _ in _held(pod))
    for ingress in of_kind(documents, "Ingress"):
        notes = ingress["metadata"].get("annotations") or {}
        for name, value in SPEAKS_HTTPS.items():
            if (notes.get(name) == value) is not encrypted:
                yield Finding(title(ingress), f"{name} is {notes.get(name)!r}, and the gateway speaks otherwise")


def _held(pod: Pod) -> Iterator[tuple[str, Document, str]]:
    """The Secrets that a pod's containers have, and where; in part or to be written, which the place says."""
    volumes: dict[str, list[str]] = {}
    for volume in pod.spec.get("volumes") or []:
        sources = [volume, *((volume.get("projected") or {}).get("sources") or [])]
        held = [source["secret"] for source in sources if "secret" in source]
        volumes[volume["name"]] = [secret.get("secretName") or secret.get("name") for secret in held]
    for container in pod.containers:
        for mount in container.get("volumeMounts") or []:
            part = "/…" if "subPath" in mount or "subPathExpr" in mount else ""
            writable = "" if mount.get("readOnly") else " (writable)"
            for secret in volumes.get(mount["name"], []):
                yield secret, container, f"{mount['mountPath']}{part}{writable}"
        for entry in container.get("env") or []:
            if "secretKeyRef" in (entry.get("valueFrom") or {}):
                yield entry["valueFrom"]["secretKeyRef"]["name"], container, f"${entry['name']}"
        for source in container.get("envFrom") or []:
            if "secretRef" in source:
                yield source["secretRef"]["name"], container, "$…"


def _is_reached_from_elsewhere(documents: Documents, gateway: Pod) -> bool:
    """Whether a policy lets anybody of another namespace, or of none, connect to where the pages are."""
    return any({"namespaceSelector", "ipBlock"} & peer.keys() for _, peer in _visitors(documents, gateway))


def _visitors(documents: Documents, pod: Pod) -> Iterator[tuple[Document, Document]]:
    """The policies that let somebody connect to a pod's pages, and whom; an empty ``ipBlock`` is everybody."""
    pages = {port for one in pod.ports() if one.get("name") == "http" for port in ("http", one["containerPort"])}
    for policy in of_kind(documents, "NetworkPolicy"):
        spec = policy["spec"]
        if "Ingress" not in spec["policyTypes"] or not selects(spec["podSelector"], pod.labels):
            continue
        for rule in spec.get("ingress") or []:
            if any(port.get("port", "http") in pages for port in rule.get("ports") or [{}]):
                for peer in rule.get("from") or [{"ipBlock": {}}]:
                    yield policy, peer


def _is_named(peer: Document) -> bool:
    """Whether a policy's peer is certain pods or addresses, and not a whole namespace or everybody."""
    if "ipBlock" in peer:
        return not peer["ipBlock"].get("cidr", "/0").endswith("/0")
    # Who may have pods in our own namespace reads its Secrets too.
    return "namespaceSelector" not in peer or any((peer.get("podSelector") or {}).values())

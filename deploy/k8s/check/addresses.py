"""Addresses in variables lead to Services that are there."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from deploy.k8s.check.documents import Documents, find
from deploy.k8s.check.finding import Finding
from deploy.k8s.check.pods import pods
from deploy.k8s.check.variables import SECRET, values

#: The variables that hold one address or several.
VARIABLES = ("API_ADDRESS", "WS_ADDRESS", "REDIS_URL", "COLLECTOR_DNS_TARGETS", "COLLECTOR_LOCAL_EXPORTER")


def addresses_are_services(documents: Documents) -> Iterator[Finding]:
    """Host and port of an address inside the cluster are those of a Service."""
    for pod in pods(documents):
        for container in pod.containers:
            given = values(documents, pod, container)
            for name in VARIABLES:
                for address in given.get(name, "").replace(",", " ").split():
                    if address != SECRET and not _is_service(documents, pod.namespace, address):
                        yield Finding(pod.title, f"{name}: there is no Service at {address}")


def _is_service(documents: Documents, within: str, address: str) -> bool:
    parts = urlsplit(address if "://" in address else f"//{address}")
    name, _, rest = (parts.hostname or "").partition(".")
    space, _, domain = rest.partition(".")
    service = find(documents, "Service", name, space or within)
    ports = [] if service is None else service["spec"].get("ports") or []
    return domain in ("", "svc", "svc.cluster.local") and any(port["port"] == parts.port for port in ports)

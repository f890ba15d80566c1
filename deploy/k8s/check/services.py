"""What leads to pods from outside them: Services, Ingresses, and what a Prometheus is told."""

from collections.abc import Iterator

from deploy.k8s.check.documents import Documents, find, namespace, of_kind, title
from deploy.k8s.check.finding import Finding
from deploy.k8s.check.pods import pods, selected


def services_lead_to_pods(documents: Documents) -> Iterator[Finding]:
    """Every Service's selector matches a pod in its namespace, and each such pod has its target ports."""
    for service in of_kind(documents, "Service"):
        selector = {"matchLabels": service["spec"].get("selector") or {"": "nothing"}}
        behind = selected(documents, namespace(service), selector)
        if not behind:
            yield Finding(title(service), "its selector matches no pod")
        for port in service["spec"].get("ports") or []:
            target = port.get("targetPort", port["port"])
            for pod in behind:
                if not pod.listens_on(target, port.get("protocol", "TCP")):
                    yield Finding(title(service), f"{pod.title} has no port {target}")


def ingresses_lead_to_services(documents: Documents) -> Iterator[Finding]:
    """Every backend of an Ingress is a Service that has the port, and every host of its rules has a certificate."""
    for ingress in of_kind(documents, "Ingress"):
        rules = ingress["spec"].get("rules") or []
        certified = {host for entry in ingress["spec"].get("tls") or [] for host in entry.get("hosts") or []}
        for rule in rules:
            if rule.get("host") not in certified:
                yield Finding(title(ingress), f"the host {rule.get('host')} is not among those of tls")
        for backend in (path["backend"]["service"] for rule in rules for path in rule["http"]["paths"]):
            service = find(documents, "Service", backend["name"], namespace(ingress))
            wanted = set(backend["port"].values())
            ports = (service or {"spec": {}})["spec"].get("ports") or []
            if not any(wanted & {port.get("name"), port["port"]} for port in ports):
                yield Finding(title(ingress), f"there is no Service {backend['name']} with the port {wanted}")


def annotated_ports_exist(documents: Documents) -> Iterator[Finding]:
    """A Prometheus is told of ports that the pod has."""
    for pod in pods(documents):
        port = (pod.template["metadata"].get("annotations") or {}).get("prometheus.io/port")
        if port is not None and not pod.listens_on(int(port)):
            yield Finding(pod.title, f"it has no port {port}, which the annotation prometheus.io/port names")

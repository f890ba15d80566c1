"""The namespaces, what they forbid, and what is in them."""

from collections.abc import Iterator

from deploy.k8s.check.documents import NAMESPACE, Documents, namespace, of_kind, title
from deploy.k8s.check.finding import Finding
from deploy.k8s.check.pods import pods

ENFORCE = "pod-security.kubernetes.io/enforce"
PART_OF = "app.kubernetes.io/part-of"
#: The only ones that may be in a namespace that forbids nothing.
PRIVILEGED = {"DaemonSet/node-exporter"}
#: Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
RESTRICTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
CLUSTER_WIDE = ("Namespace",)


def everything_is_in_a_namespace_of_ours(documents: Documents) -> Iterator[Finding]:
    """Every object says where it belongs, and that it is a part of the product."""
    ours = {space["metadata"]["name"] for space in of_kind(documents, "Namespace")}
    for document in documents:
        if document["kind"] not in CLUSTER_WIDE and namespace(document) not in ours:
            yield Finding(title(document), f"it is in the namespace {namespace(document)}, which is not ours")
        if (document["metadata"].get("labels") or {}).get(PART_OF) != NAMESPACE:
            yield Finding(title(document), f"it has no label {PART_OF}={NAMESPACE}")
    for pod in pods(documents):
        if pod.labels.get(PART_OF) != NAMESPACE:
            yield Finding(pod.title, f"its pods have no label {PART_OF}={NAMESPACE}")


def namespaces_forbid_what_is_not_needed(documents: Documents) -> Iterator[Finding]:
    """All is restricted but the namespace of what needs the node, in which there is nothing else."""
    levels = {
        space["metadata"]["name"]: (space["metadata"].get("labels") or {}).get(ENFORCE)
        for space in of_kind(documents, "Namespace")
    }
    if levels.get(NAMESPACE) != "restricted":
        yield Finding(f"Namespace/{NAMESPACE}", f"{ENFORCE} is {levels.get(NAMESPACE)} and not restricted")
    for name, level in levels.items():
        there = {pod.title for pod in pods(documents) if pod.namespace == name}
        if level != "restricted" and (not there or not there <= PRIVILEGED):
            yield Finding(f"Namespace/{name}", f"it is {level}, and holds {', '.join(sorted(there)) or 'nothing'}")


def pods_are_restricted(documents: Documents) -> Iterator[Finding]:
    """Outside the privileged namespace no pod has anything of its node; ``containers`` looks at the rest."""
    for pod in pods(documents):
        if pod.title in PRIVILEGED and pod.namespace != NAMESPACE:
            continue
        for name in ("hostNetwork", "hostPID", "hostIPC"):
            if pod.spec.get(name):
                yield Finding(pod.title, f"{name} is forbidden in a restricted namespace")
        for volume in pod.spec.get("volumes") or []:
            for kind in set(volume) - {"name"} - RESTRICTED_VOLUMES:
                yield Finding(pod.title, f"the volume {volume['name']} is a {kind}, which restricted forbids")
        if any("hostPort" in port for port in pod.ports()):
            yield Finding(pod.title, "hostPort is forbidden in a restricted namespace")
        if (pod.spec.get("securityContext") or {}).get("sysctls"):
            yield Finding(pod.title, "sysctls are set, which restricted bounds")

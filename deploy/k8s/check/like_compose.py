"""The same settings as in the compose file, but for those that have a reason."""

from collections.abc import Iterator

from deploy.k8s.check.compose import compose_services
from deploy.k8s.check.documents import Documents
from deploy.k8s.check.finding import Finding
from deploy.k8s.check.pods import pods
from deploy.k8s.check.variables import image_name, known, own, service_of, values

#: Service and variable, and why it is there on one side only, or has another value.
MEANT = {
    ("api", "ACCESS"): "by name here; there it follows from PUBLIC_HOST where nobody says it",
    ("api", "PUBLIC_HOST"): "nothing is published on an address of a machine",
    ("api", "WS_ALLOWED_ORIGINS"): "host names are checked where ACCESS was not chosen, which it always is here",
    ("collector", "ACCESS"): "as of api",
    ("collector", "COLLECTOR_CREDENTIALS_DIR"): "a Secret that may be missing here, a folder of the host's there",
    ("collector", "COLLECTOR_LOCAL_EXPORTER"): "the component node-exporter finds every node, this one among them",
    ("collector", "COLLECTOR_LOCAL_NAME"): "a container of compose has its host's name, a pod one of its own",
    ("collector", "COLLECTOR_TARGETS"): "a ConfigMap of file_sd here, a file of the simulator there",
    ("collector", "PUBLIC_HOST"): "as of api",
    ("collector", "WS_ALLOWED_ORIGINS"): "as of api",
    ("gateway", "ACCESS"): "for host names, as WS_ALLOWED_ORIGINS of api",
    ("gateway", "API_ADDRESS"): "whole names here, since a cluster's short ones need a search list",
    ("gateway", "CLUSTER_DOMAIN"): "a part of the whole names",
    ("gateway", "NAMESPACE"): "a part of the whole names",
    ("gateway", "PUBLIC_HOST"): "as of api",
    ("gateway", "PUBLIC_URL"): "for host names, as WS_ALLOWED_ORIGINS of api",
    ("gateway", "WS_ADDRESS"): "as API_ADDRESS",
    ("gateway", "WS_ALLOWED_ORIGINS"): "as of api",
    ("ws", "ACCESS"): "as of api",
    ("ws", "PUBLIC_HOST"): "as of api",
    ("ws", "WS_DRAIN_SECONDS"): "the other replicas of an update are on other machines, and take their time to start",
}


def settings_are_those_of_compose(documents: Documents) -> Iterator[Finding]:
    """A service gets the same variables with the same values, where it is the product's own settings."""
    for pod in pods(documents):
        for container in pod.lasting:
            name = image_name(container)
            if "command" in container or "environment" not in compose_services().get(name, {}):
                continue
            service = service_of(container)
            names = set(own(container)) | (known(service) if service else set())
            here = {key: text for key, text in values(documents, pod, container).items() if key in names}
            there = compose_services()[name]["environment"]
            for key in sorted(here.keys() | there.keys()):
                is_same = here.get(key) == there.get(key)
                if is_same and (name, key) in MEANT:
                    yield Finding(pod.title, f"{key} is the same in compose.yaml: it needs no reason any more")
                if not is_same and (name, key) not in MEANT:
                    yield Finding(pod.title, f"{key} is {here.get(key)!r}, and {there.get(key)!r} in compose.yaml")


def memory_is_that_of_compose(documents: Documents) -> Iterator[Finding]:
    """Whoever runs on may take as much memory as there."""
    for pod in pods(documents):
        for container in pod.lasting if pod.workload["kind"] != "Job" else []:
            limit = str(compose_services().get(image_name(container), {}).get("mem_limit"))
            there = limit.replace("m", "Mi").replace("g", "Gi")
            here = ((container.get("resources") or {}).get("limits") or {}).get("memory")
            if here != there:
                yield Finding(pod.title, f"{container['name']} may take {here} of memory, and {there} in compose.yaml")

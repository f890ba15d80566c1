"""The product on Kubernetes: the users' manifests with an overlay."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import yaml

from contract import VERSION
from tests.drivers.installation import Installation
from tests.drivers.kubectl import Kubectl
from tests.drivers.kustomization import LABEL, SETTINGS, Patch, overlay, quick_patches, required_patches, without_job
from tests.drivers.port_forward import port_forward
from tests.drivers.process import ROOT
from tests.drivers.waiting import T, eventually

#: The workloads and their numbers of pods.
WORKLOADS = {"redis": 1, "api": 2, "ws": 3, "collector": 2, "gateway": 2}
#: Namespace of the component node-exporter.
EXPORTERS_NAMESPACE = "dispycluster-exporters"
#: Objects have their namespace in their manifest, and some of a component have another one.
_ANY_NAMESPACE = ("--namespace=",)
#: For frequent calls: without these options, kubectl takes seconds to read the API server's schema. ``kubectl apply``
#: of the unmodified manifests runs without them, as users run it.
_WITHOUT_SCHEMA = ("--validate=ignore", "--openapi-patch=false")

#: Between two queries to the cluster.
_PAUSE_SECONDS = 0.25


class KubernetesDeployment(Installation):
    """One installation. ``root`` has the manifests; ``tag`` is the tag of the images."""

    REDIS = "redis-0"
    ROUND_WITHIN_SECONDS = 60.0

    def __init__(self, kubectl: Kubectl, *, root: Path = ROOT, tag: str = VERSION) -> None:
        self.kubectl = kubectl
        self.root = root
        self.tag = tag
        self.components: tuple[str, ...] = ()
        self.patches: list[Patch] = []
        self.settings: tuple[str, ...] = ()
        self._is_quick = False
        self._has_secrets = False
        self._origin = ""

    def apply(
        self, *components: str, patches: Sequence[Patch] = (), settings: Sequence[str] = (), secrets: bool = False
    ) -> str:
        """Apply the manifests; return kubectl's output.

        Args:
            components: components of the overlay.
            patches: the test's own patches.
            settings: literals of the ConfigMap with that name.
            secrets: run the Job that makes missing Secrets, even if only the manifests are applied again.
        """
        self.components, self.patches, self.settings, self._is_quick = components, list(patches), tuple(settings), True
        chosen = {**SETTINGS, "settings": settings} if settings else SETTINGS
        has_secrets = self._has_secrets and not components and not secrets
        self._has_secrets = True
        return self._apply(
            [*quick_patches(), *(without_job() if has_secrets else ()), *self.patches], chosen, _WITHOUT_SCHEMA
        )

    def apply_unmodified(self) -> str:
        """Apply what ``kubectl apply -k deploy/k8s`` applies, with only the patches that this cluster needs."""
        self.components, self.patches, self.settings, self._is_quick = (), [], (), False
        return self._apply([], {})

    def apply_policies_unmodified(self) -> None:
        """Apply only the network policies of ``apply_unmodified``."""
        self._is_quick = False
        with self._overlay([], {}) as folder:
            documents = yaml.safe_load_all(self.kubectl.run("kustomize", str(folder)))
            policies = [document for document in documents if document["kind"] == "NetworkPolicy"]
        self.kubectl.run("apply", *_WITHOUT_SCHEMA, "-f", "-", input_text=yaml.safe_dump_all(policies))

    def _apply(self, patches: Sequence[Patch], settings: Mapping[str, Sequence[str]], how: Sequence[str] = ()) -> str:
        with self._overlay(patches, settings) as folder:
            return self.kubectl.run(*_ANY_NAMESPACE, "apply", *how, "-k", str(folder))

    def _overlay(self, patches: Sequence[Patch], settings: Mapping[str, Sequence[str]]) -> AbstractContextManager[Path]:
        return overlay(
            self.root,
            namespace=self.kubectl.namespace,
            tag=self.tag,
            components=self.components,
            patches=[*required_patches(self.kubectl), *patches],
            settings=settings,
        )

    def remove_components(self, *components: str) -> None:
        """Remove components as documented: delete their files, and apply without them."""
        for component in components:
            folder = self.root / "deploy/k8s/components" / component
            for name in yaml.safe_load((folder / "kustomization.yaml").read_text()).get("resources", []):
                text = (folder / name).read_text()
                text = text.replace("namespace: dispycluster\n", f"namespace: {self.kubectl.namespace}\n")
                self.kubectl.run(*_ANY_NAMESPACE, "delete", "--ignore-not-found", "-f", "-", input_text=text)
        self.apply(*(name for name in self.components if name not in components))

    def forget_replica_counts(self) -> None:
        """Before autoscaling, as documented: remove the numbers of pods from kubectl's last applied configuration.

        Else an apply removes the numbers, which leaves one pod.
        """
        for workload in ("api", "ws"):
            known = yaml.safe_load(self.kubectl.run("apply", "view-last-applied", f"deployment/{workload}"))
            known["spec"].pop("replicas", None)
            self.kubectl.run("apply", "set-last-applied", "-f", "-", input_text=yaml.safe_dump(known))

    def wait(self, *, within_seconds: float = 180.0) -> None:
        """Wait until every workload has all its pods and the api answers."""
        self.wait_for_pods(within_seconds=within_seconds)
        eventually(self.newest, within_seconds=within_seconds, what="a snapshot through the gateway")

    def wait_for_pods(self, *, within_seconds: float = 180.0) -> None:
        """Wait until every workload has exactly its pods, all ready and of the newest template."""
        for workload in self.workloads():
            kind = "statefulset" if workload == "redis" else "deployment"
            self.kubectl.run("rollout", "status", f"{kind}/{workload}", f"--timeout={within_seconds:.0f}s")
        self.wait_until(lambda: not self.terminating(), within_seconds=within_seconds, what="no terminating pods")

    def wait_until_ready(self, *, within_seconds: float = 180.0) -> None:
        """Wait until every workload has its number of ready pods; an update may still be in progress."""

        def all_ready() -> bool:
            return {workload: len(self.ready_pods(workload)) for workload in WORKLOADS} == WORKLOADS

        self.wait_until(all_ready, within_seconds=within_seconds, what=f"ready pods: {WORKLOADS}")

    def wait_until(self, probe: Callable[[], T], *, within_seconds: float, what: str) -> T:
        """Wait for a condition of the cluster, with longer pauses than for one of the product."""
        return eventually(probe, within_seconds=within_seconds, what=what, pause_seconds=_PAUSE_SECONDS)

    def is_unmodified(self, patches: Sequence[Patch] = ()) -> bool:
        """Whether ``apply`` had only ``patches``, and every workload has exactly its pods, ready and current."""
        if self.components or self.patches != list(patches) or self.settings or not self._is_quick:
            return False
        workloads = [*self.kubectl.items("deployments"), *self.kubectl.items("statefulsets")]
        if not all(map(_is_rolled_out, workloads)):
            return False
        pods = [pod for pod in self.kubectl.items("pods") if _workload_of(pod) in WORKLOADS]
        stays = all(is_ready(pod) and "deletionTimestamp" not in pod["metadata"] for pod in pods)
        return stays and Counter(map(_workload_of, pods)) == WORKLOADS

    def workloads(self) -> tuple[str, ...]:
        """Return the workloads of this installation."""
        return tuple(
            workload for workload in WORKLOADS if not (workload == "redis" and "external-redis" in self.components)
        )

    def remove(self, *, wait: bool = True) -> None:
        """Remove the installation with its data."""
        if "rest" in vars(self):
            self.rest.close()
            del self.rest
        namespaces = [self.kubectl.namespace, *([EXPORTERS_NAMESPACE] if "node-exporter" in self.components else [])]
        how = ("--ignore-not-found", f"--wait={str(wait).lower()}")
        self.kubectl.run("delete", "namespace", *how, *namespaces, timeout_seconds=200)
        self._is_quick, self._has_secrets, self._origin = False, False, ""

    @property
    def origin(self) -> str:
        """Return the origin of the gateway's Service at the node's address."""
        if not self._origin:
            service = self.kubectl.json("get", "service", "gateway")
            [node, *_] = self.kubectl.json("get", "nodes")["items"]
            [address] = [each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP"]
            self._origin = f"http://{address}:{service['spec']['ports'][0]['nodePort']}"
        return self._origin

    def pods(self, workload: str) -> list[dict[str, Any]]:
        """Return a workload's pods that are not terminating, oldest first."""
        items = self.kubectl.items("pods", label=f"app.kubernetes.io/name={workload}")
        living = [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]
        return sorted(living, key=lambda pod: pod["metadata"]["creationTimestamp"])

    def addresses(self, workload: str) -> list[str]:
        """Return the addresses of a workload's pods, oldest first; pods without one are left out."""
        return [pod["status"]["podIP"] for pod in self.pods(workload) if "podIP" in pod["status"]]

    def ready_pods(self, workload: str) -> list[str]:
        """Return the names of a workload's ready pods."""
        return [pod["metadata"]["name"] for pod in self.pods(workload) if is_ready(pod)]

    def terminating(self) -> list[str]:
        """Return the names of the terminating pods."""
        items = self.kubectl.items("pods")
        return [pod["metadata"]["name"] for pod in items if "deletionTimestamp" in pod["metadata"]]

    def restarts(self) -> dict[str, int]:
        """Return the number of container restarts by pod; pods without restarts are left out."""
        return {
            pod["metadata"]["name"]: count
            for pod in self.kubectl.items("pods")
            if (count := sum(each["restartCount"] for each in pod["status"].get("containerStatuses", [])))
        }

    def generations(self) -> dict[str, Any]:
        """Return the generation of each permanent object of an apply."""
        items = self.kubectl.json("get", "deploy,sts,pdb,netpol,hpa,ingress")["items"]
        # These have no generation, but only an apply changes them.
        plain = self.kubectl.json("get", "svc,cm,sa,role,rolebinding")["items"]
        return {
            **{f"{each['kind']}/{each['metadata']['name']}": each["metadata"]["generation"] for each in items},
            **{f"{each['kind']}/{each['metadata']['name']}": each["metadata"]["resourceVersion"] for each in plain},
        }

    def scale(self, workload: str, replicas: int) -> None:
        """Scale a workload, and wait for its pods."""
        self.kubectl.run("scale", f"deployment/{workload}", f"--replicas={replicas}")
        self.wait_until(
            lambda: len(self.ready_pods(workload)) == len(self.pods(workload)) == replicas and not self.terminating(),
            within_seconds=120,
            what=f"{replicas} pods of {workload}",
        )

    def execute(self, target: str, *command: str, input_text: str | None = None, check: bool = True) -> str:
        """Run a command in a pod: ``deploy/api``, ``redis-0``."""
        stdin = ["-i"] if input_text is not None else []
        return self.kubectl.run("exec", *stdin, target, "--", *command, input_text=input_text, check=check)

    def write_config(self, name: str, text: str) -> None:
        """Replace a file of the collector's configuration, and have the kubelet update it in the pods."""
        change = json.dumps({"data": {name: text}})
        self.kubectl.run("patch", "configmap", "collector-config", "--type=merge", "-p", change)
        self.refresh_config("collector")

    def set_nodes(self, workers: Sequence[object]) -> None:
        self.write_config("nodes.yaml", json.dumps({"workers": workers}))

    def refresh_config(self, workload: str) -> None:
        """Have the kubelet update the mounted ConfigMaps of a workload's pods now, instead of within two minutes."""
        mark = f"{LABEL}/looked-after={time.time_ns()}"
        self.kubectl.run("annotate", "pods", "-l", f"app.kubernetes.io/name={workload}", "--overwrite", mark)

    def leader(self) -> str:
        """Return the name of the collector's pod with the lease."""
        name = str(self.rest.json("/api/health")["collector"]["leader"])
        found = [pod for pod in (each["metadata"]["name"] for each in self.pods("collector")) if name.startswith(pod)]
        assert found, f"{name} is no collector that stays"
        return str(found[0])

    def delete_pods(self, *names: str, grace_seconds: int | None = None) -> None:
        """Delete pods without waiting; 0 seconds kills them immediately."""
        how = [] if grace_seconds is None else [f"--grace-period={grace_seconds}", *(["--force"] * (not grace_seconds))]
        self.kubectl.run("delete", "pod", *names, "--wait=false", *how)

    def restart(self, workload: str) -> None:
        """Replace the pods of a workload one by one, and wait for them."""
        kind = "statefulset" if workload == "redis" else "deployment"
        self.kubectl.run("rollout", "restart", f"{kind}/{workload}")
        self.wait()

    def replica(self, pod: str) -> str:
        """Return the name of the ws replica in a pod."""
        match = re.search(r"replica (\S+) listens", self.kubectl.run("logs", pod))
        assert match, f"{pod} does not say its name"
        return match[1]

    def port_forward(self) -> AbstractContextManager[str]:
        """Run ``kubectl port-forward service/gateway``, as documented; return the origin."""
        return port_forward(self.kubectl, "service/gateway", 8085)


def _workload_of(pod: Mapping[str, Any]) -> str:
    """Return the workload of a pod."""
    return str(pod["metadata"].get("labels", {}).get("app.kubernetes.io/name", ""))


def _is_rolled_out(workload: Mapping[str, Any]) -> bool:
    """Whether the newest template of a Deployment or StatefulSet is that of all its pods."""
    seen = workload["status"].get("observedGeneration") == workload["metadata"]["generation"]
    return bool(seen and workload["status"].get("updatedReplicas") == workload["spec"]["replicas"])


def is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True"

"""The product on Kubernetes: the very manifests that users have, with an overlay as users write one."""

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
from tests.drivers.kustomization import LABEL, SETTINGS, Patch, needed_patches, overlay, quick_patches, without_job
from tests.drivers.port_forward import port_forward
from tests.drivers.process import ROOT
from tests.drivers.waiting import T, eventually

#: Every part and how many pods of it there are.
PARTS = {"redis": 1, "api": 2, "ws": 3, "collector": 2, "gateway": 2}
#: Where the component node-exporter has its objects.
EXPORTERS_NAMESPACE = "dispycluster-exporters"
#: Objects say themselves where they belong, and some of a component belong elsewhere.
_ANY_NAMESPACE = ("--namespace=",)
#: For what is applied often: kubectl would take seconds of a core to read what the API server says of all kinds. The
#: manifests as they stand are applied as users do it.
_LEAN = ("--validate=ignore", "--openapi-patch=false")

#: Between two questions to the cluster.
_PAUSE_SECONDS = 0.25


class KubernetesDeployment(Installation):
    """One installation. ``root`` holds the manifests; ``tag`` is that of the images."""

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
        """Apply the manifests with these; return what kubectl says of each object.

        Args:
            components: to be laid on top.
            patches: of the test's own.
            settings: literals of the ConfigMap of that name.
            secrets: even where the manifests alone are applied again, have the Job run that makes missing Secrets.
        """
        self.components, self.patches, self.settings, self._is_quick = components, list(patches), tuple(settings), True
        chosen = {**SETTINGS, "settings": settings} if settings else SETTINGS
        has_secrets = self._has_secrets and not components and not secrets
        self._has_secrets = True
        return self._apply([*quick_patches(), *(without_job() if has_secrets else ()), *self.patches], chosen, _LEAN)

    def apply_as_it_stands(self) -> str:
        """Apply what ``kubectl apply -k deploy/k8s`` would, and nothing of tests but what this cluster needs."""
        self.components, self.patches, self.settings, self._is_quick = (), [], (), False
        return self._apply([], {})

    def apply_policies_as_they_stand(self) -> None:
        """Apply the network policies of ``apply_as_it_stands``, and leave the rest as it is."""
        self._is_quick = False
        with self._overlay([], {}) as folder:
            documents = yaml.safe_load_all(self.kubectl.run("kustomize", str(folder)))
            policies = [document for document in documents if document["kind"] == "NetworkPolicy"]
        self.kubectl.run("apply", *_LEAN, "-f", "-", input_text=yaml.safe_dump_all(policies))

    def _apply(self, patches: Sequence[Patch], settings: Mapping[str, Sequence[str]], how: Sequence[str] = ()) -> str:
        with self._overlay(patches, settings) as folder:
            return self.kubectl.run(*_ANY_NAMESPACE, "apply", *how, "-k", str(folder))

    def _overlay(self, patches: Sequence[Patch], settings: Mapping[str, Sequence[str]]) -> AbstractContextManager[Path]:
        return overlay(
            self.root,
            namespace=self.kubectl.namespace,
            tag=self.tag,
            components=self.components,
            patches=[*needed_patches(self.kubectl), *patches],
            settings=settings,
        )

    def take_away(self, *components: str) -> None:
        """Remove components as the documentation says: delete their files, and apply without them."""
        for component in components:
            folder = self.root / "deploy/k8s/components" / component
            for name in yaml.safe_load((folder / "kustomization.yaml").read_text()).get("resources", []):
                text = (folder / name).read_text()
                text = text.replace("namespace: dispycluster\n", f"namespace: {self.kubectl.namespace}\n")
                self.kubectl.run(*_ANY_NAMESPACE, "delete", "--ignore-not-found", "-f", "-", input_text=text)
        self.apply(*(name for name in self.components if name not in components))

    def hand_over_replicas(self) -> None:
        """Before autoscaling, as the documentation says: let kubectl forget the fixed numbers of pods.

        What an apply no longer finds it would otherwise take away, which leaves one pod.
        """
        for part in ("api", "ws"):
            known = yaml.safe_load(self.kubectl.run("apply", "view-last-applied", f"deployment/{part}"))
            known["spec"].pop("replicas", None)
            self.kubectl.run("apply", "set-last-applied", "-f", "-", input_text=yaml.safe_dump(known))

    def wait(self, *, within_seconds: float = 180.0) -> None:
        """Wait until every part has all its pods, and the api answers."""
        self.wait_for_pods(within_seconds=within_seconds)
        eventually(self.newest, within_seconds=within_seconds, what="a snapshot through the gateway")

    def wait_for_pods(self, *, within_seconds: float = 180.0) -> None:
        """Wait until every part has all its pods, ready and of the newest template, and no others."""
        for part in self.parts():
            kind = "statefulset" if part == "redis" else "deployment"
            self.kubectl.run("rollout", "status", f"{kind}/{part}", f"--timeout={within_seconds:.0f}s")
        self.wait_until(lambda: not self.terminating(), within_seconds=within_seconds, what="former pods are gone")

    def wait_until_ready(self, *, within_seconds: float = 180.0) -> None:
        """Wait until every part has its number of pods, all of them ready; an update may go on waiting after that."""

        def all_ready() -> bool:
            return {part: len(self.ready_pods(part)) for part in PARTS} == PARTS

        self.wait_until(all_ready, within_seconds=within_seconds, what=f"ready pods: {PARTS}")

    def wait_until(self, probe: Callable[[], T], *, within_seconds: float, what: str) -> T:
        """Wait for something that the cluster is asked for, which takes more of the machine than to ask the product."""
        return eventually(probe, within_seconds=within_seconds, what=what, pause_seconds=_PAUSE_SECONDS)

    def is_whole(self, patches: Sequence[Patch] = ()) -> bool:
        """Whether it is as ``apply`` with ``patches`` alone had it, every pod new and ready, and none besides."""
        if self.components or self.patches != list(patches) or self.settings or not self._is_quick:
            return False
        workloads = [*self.kubectl.items("deployments"), *self.kubectl.items("statefulsets")]
        if not all(map(_is_rolled_out, workloads)):
            return False
        pods = [pod for pod in self.kubectl.items("pods") if _part(pod) in PARTS]
        stays = all(is_ready(pod) and "deletionTimestamp" not in pod["metadata"] for pod in pods)
        return stays and Counter(map(_part, pods)) == PARTS

    def parts(self) -> tuple[str, ...]:
        """The parts that run."""
        return tuple(part for part in PARTS if not (part == "redis" and "external-redis" in self.components))

    def remove(self, *, wait: bool = True) -> None:
        """Remove everything of it, data included, and nothing of another namespace."""
        if "rest" in vars(self):
            self.rest.close()
            del self.rest
        namespaces = [self.kubectl.namespace, *([EXPORTERS_NAMESPACE] if "node-exporter" in self.components else [])]
        how = ("--ignore-not-found", f"--wait={str(wait).lower()}")
        self.kubectl.run("delete", "namespace", *how, *namespaces, timeout_seconds=200)
        self._is_quick, self._has_secrets, self._origin = False, False, ""

    @property
    def origin(self) -> str:
        """Where the gateway's Service is reached: at the node's address."""
        if not self._origin:
            service = self.kubectl.json("get", "service", "gateway")
            [node, *_] = self.kubectl.json("get", "nodes")["items"]
            [address] = [each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP"]
            self._origin = f"http://{address}:{service['spec']['ports'][0]['nodePort']}"
        return self._origin

    def pods(self, part: str) -> list[dict[str, Any]]:
        """The pods of a part that are not being ended, oldest first."""
        items = self.kubectl.items("pods", label=f"app.kubernetes.io/name={part}")
        living = [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]
        return sorted(living, key=lambda pod: pod["metadata"]["creationTimestamp"])

    def addresses(self, part: str) -> list[str]:
        """Addresses of those of a part's pods that have one, oldest first."""
        return [pod["status"]["podIP"] for pod in self.pods(part) if "podIP" in pod["status"]]

    def ready_pods(self, part: str) -> list[str]:
        """Names of the pods of a part that are ready."""
        return [pod["metadata"]["name"] for pod in self.pods(part) if is_ready(pod)]

    def terminating(self) -> list[str]:
        """Names of the pods that are being ended."""
        items = self.kubectl.items("pods")
        return [pod["metadata"]["name"] for pod in items if "deletionTimestamp" in pod["metadata"]]

    def restarts(self) -> dict[str, int]:
        """How often containers were started again, by pod; pods without any are left out."""
        return {
            pod["metadata"]["name"]: count
            for pod in self.kubectl.items("pods")
            if (count := sum(each["restartCount"] for each in pod["status"].get("containerStatuses", [])))
        }

    def generations(self) -> dict[str, Any]:
        """How often the description of each object was changed that an apply makes and that goes on existing."""
        items = self.kubectl.json("get", "deploy,sts,pdb,netpol,hpa,ingress")["items"]
        # These have no generation, but nothing else than an apply writes them either.
        plain = self.kubectl.json("get", "svc,cm,sa,role,rolebinding")["items"]
        return {
            **{f"{each['kind']}/{each['metadata']['name']}": each["metadata"]["generation"] for each in items},
            **{f"{each['kind']}/{each['metadata']['name']}": each["metadata"]["resourceVersion"] for each in plain},
        }

    def scale(self, part: str, replicas: int) -> None:
        """Have so many pods of a part, and wait for them."""
        self.kubectl.run("scale", f"deployment/{part}", f"--replicas={replicas}")
        self.wait_until(
            lambda: len(self.ready_pods(part)) == len(self.pods(part)) == replicas and not self.terminating(),
            within_seconds=120,
            what=f"{replicas} pods of {part}",
        )

    def execute(self, target: str, *command: str, input_text: str | None = None, check: bool = True) -> str:
        """Run a command in a pod: ``deploy/api``, ``redis-0``."""
        stdin = ["-i"] if input_text is not None else []
        return self.kubectl.run("exec", *stdin, target, "--", *command, input_text=input_text, check=check)

    def write_config(self, name: str, text: str) -> None:
        """Replace a file of the collector's configuration, and have it brought to its pods."""
        change = json.dumps({"data": {name: text}})
        self.kubectl.run("patch", "configmap", "collector-config", "--type=merge", "-p", change)
        self.look_after("collector")

    def watch(self, workers: Sequence[object]) -> None:
        """See ``Installation``."""
        self.write_config("nodes.yaml", json.dumps({"workers": workers}))

    def look_after(self, part: str) -> None:
        """Have what pods read from ConfigMaps brought to them now, and not within a minute or two."""
        mark = f"{LABEL}/looked-after={time.time_ns()}"
        self.kubectl.run("annotate", "pods", "-l", f"app.kubernetes.io/name={part}", "--overwrite", mark)

    def leader(self) -> str:
        """Name of the pod whose collector holds the lease."""
        name = str(self.rest.json("/api/health")["collector"]["leader"])
        found = [pod for pod in (each["metadata"]["name"] for each in self.pods("collector")) if name.startswith(pod)]
        assert found, f"{name} is no collector that stays"
        return str(found[0])

    def delete_pods(self, *names: str, grace_seconds: int | None = None) -> None:
        """Delete pods, without waiting; with 0 seconds they are killed at once, and forgotten."""
        how = [] if grace_seconds is None else [f"--grace-period={grace_seconds}", *(["--force"] * (not grace_seconds))]
        self.kubectl.run("delete", "pod", *names, "--wait=false", *how)

    def restart(self, part: str) -> None:
        """Replace the pods of a part one by one, and wait until it is done."""
        kind = "statefulset" if part == "redis" else "deployment"
        self.kubectl.run("rollout", "restart", f"{kind}/{part}")
        self.wait()

    def replica(self, pod: str) -> str:
        """What the replica of a ws pod is called."""
        said = re.search(r"replica (\S+) listens", self.kubectl.run("logs", pod))
        assert said, f"{pod} does not say its name"
        return said[1]

    def port_forward(self) -> AbstractContextManager[str]:
        """``kubectl port-forward service/gateway``, as the documentation has it; gives the origin."""
        return port_forward(self.kubectl, "service/gateway", 8085)


def _part(pod: Mapping[str, Any]) -> str:
    """What a pod belongs to."""
    return str(pod["metadata"].get("labels", {}).get("app.kubernetes.io/name", ""))


def _is_rolled_out(workload: Mapping[str, Any]) -> bool:
    """Whether the newest template of a Deployment or StatefulSet is that of all its pods."""
    seen = workload["status"].get("observedGeneration") == workload["metadata"]["generation"]
    return bool(seen and workload["status"].get("updatedReplicas") == workload["spec"]["replicas"])


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether a pod is."""
    conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True"

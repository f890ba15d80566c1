"""Probes, updates, terminations and numbers of pods, and the demo's nodes."""

import re
from collections.abc import Iterator

from simulator.options import Options
from tests.drivers.process import ROOT
from tests.manifests.demo_nodes import nodes_of
from tests.manifests.model import Document, Manifests, Pod, title

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
#: Seconds of a ws replica besides its drain: the notice, the disconnections, and the last data of slow clients.
CLOSING_SECONDS = 12


def probes(manifests: Manifests) -> Iterator[tuple[Pod, Document, str, Document]]:
    for pod, container in manifests.containers():
        yield from ((pod, container, name, container[name]) for name in PROBES if name in container)


def test_long_running_containers_have_a_liveness_and_a_readiness_probe(manifests: Manifests) -> None:
    for pod in manifests.pods():
        for container in pod.lasting if not pod.is_job else []:
            assert container.keys() >= {*PROBES[1:]}, pod.title


def test_probes_use_ports_of_the_container(manifests: Manifests) -> None:
    for pod, container, name, probe in probes(manifests):
        asked = (probe.get("httpGet") or probe.get("tcpSocket") or {}).get("port")
        assert asked is None or asked in [port["name"] for port in container["ports"]], f"{pod.title}: {name}"


def test_no_liveness_probe_depends_on_another_pod(manifests: Manifests) -> None:
    for pod, _, name, probe in probes(manifests):
        assert name == "readinessProbe" or "readyz" not in str(probe), f"{pod.title}: {name}"


def test_redis_is_restarted_when_a_script_keeps_it_busy(manifests: Manifests) -> None:
    """A command checks its liveness, because its port stays open meanwhile."""
    asked = [probe for pod, _, name, probe in probes(manifests) if (pod.name, name) == ("redis", "livenessProbe")]
    assert all(probe["exec"]["command"] == ["alive"] for probe in asked)


def test_update_removes_no_pod_before_its_successor_is_ready(manifests: Manifests) -> None:
    for deployment in manifests.of_kind("Deployment"):
        strategy = deployment["spec"]["strategy"]
        # A second simulator would have the same nodes again.
        assert title(deployment) == "Deployment/simulator" or strategy["rollingUpdate"]["maxUnavailable"] == 0


def test_pods_have_time_to_stop(manifests: Manifests) -> None:
    for pod in manifests.pods():
        for container in pod.lasting:
            hook = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["sleep", "0"])
            drain = float(manifests.variables(pod, container).get("WS_DRAIN_SECONDS", 0))
            needed = float(hook[1]) + (drain + CLOSING_SECONDS if drain else 0)
            assert pod.spec.get("terminationGracePeriodSeconds", 30) > needed, pod.title


def test_terminating_pods_stay_in_dns(manifests: Manifests) -> None:
    """The gateway closes the connections to pods whose addresses leave DNS."""
    for name in ("api", "ws"):
        service = manifests.find("Service", name)
        assert service["spec"]["clusterIP"] == "None"
        assert service["spec"]["publishNotReadyAddresses"] is True


def test_gateway_has_server_slots_for_the_most_pods(manifests: Manifests) -> None:
    text = (ROOT / "deploy/images/gateway/haproxy.cfg").read_text()
    places = {name: int(count) for name, count in re.findall(r"^\s*server-template (\w+) 1-(\d+)", text, re.MULTILINE)}
    assert places.keys() == {"api", "ws"}
    for each in manifests.of_kind("Deployment", "HorizontalPodAutoscaler"):
        most = each["spec"].get("maxReplicas", each["spec"].get("replicas", 1))
        assert most <= places.get(each["metadata"]["name"], most), title(each)


def test_demo_nodes_are_those_of_the_simulator(manifests: Manifests) -> None:
    held, simulator = manifests.find("ConfigMap", "demo-nodes"), manifests.find("Deployment", "simulator")
    assert (held is None) == (simulator is None)
    if simulator is not None:
        options = Options.parse(Pod(simulator).lasting[0]["args"])
        assert held["data"]["nodes.yaml"] == nodes_of(options), "python -m tests.manifests.demo_nodes"
        ports = {"protocol": "TCP", "port": options.port + 1, "endPort": options.port + options.nodes}
        for name, direction in (("simulator", "ingress"), ("to-simulator", "egress")):
            [rule] = manifests.find("NetworkPolicy", name)["spec"][direction]
            assert rule["ports"] == [ports], name

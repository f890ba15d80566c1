"""Every component: added, seen at work, and removed again."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from contract import VERSION
from contract.names import ALERTS_CHANNEL
from tests.drivers.alert_log import make_alerts, require_kept
from tests.drivers.fleet import BROWSERS, listening, positions_by_client, settle
from tests.drivers.kubectl import Kubectl
from tests.drivers.kubernetes import EXPORTERS_NAMESPACE, KubernetesDeployment, is_ready
from tests.drivers.kustomization import Patch, one_by_one, patch
from tests.drivers.listener import Listener
from tests.drivers.repeatedly import repeatedly
from tests.drivers.visitors import Visitor, matrix, namespace, reached, running, visitor
from tests.drivers.waiting import eventually

DAEMON_SET = ("daemonset/node-exporter", f"--namespace={EXPORTERS_NAMESPACE}")


@contextmanager
def removed_afterwards(deployment: KubernetesDeployment, component: str) -> Iterator[None]:
    """Remove the component afterwards, and check that none of its objects is left."""
    before = objects(deployment)
    try:
        yield
    finally:
        deployment.remove_components(component)
    deployment.wait_until(
        lambda: same(objects(deployment) | before, before), within_seconds=60, what=f"nothing is left of {component}"
    )


def objects(deployment: KubernetesDeployment) -> set[str]:
    """Return all objects that an apply makes. A ConfigMap with a hash in its name stays for earlier pods."""
    kinds = "deploy,ds,sts,svc,cm,sa,secret,role,rolebinding,pdb,netpol,hpa,ingress"
    names = {plain(name) for name in deployment.kubectl.run("get", kinds, "-o", "name").split()}
    return {name for name in names if not name.startswith("configmap/settings-")}


def plain(name: str) -> str:
    """Return kind and name without the kind's group."""
    kind, _, own = name.partition("/")
    return f"{kind.partition('.')[0]}/{own}"


def same(now: set[str], before: set[str]) -> bool:
    assert sorted(now ^ before) == []
    return True


def get(one: Visitor, url: str, **headers: str) -> str:
    """Return the response of an address to a pod, or the error."""
    code = (
        "import sys, urllib.request as r; "
        "print(r.urlopen(r.Request(sys.argv[1], headers=dict(a.split('=', 1) for a in sys.argv[2:])), timeout=5)"
        ".read().decode())"
    )
    given = [f"{name}={value}" for name, value in headers.items()]
    return one.kubectl.run("exec", one.name, "--", "/opt/venv/bin/python", "-c", code, url, *given, check=False)


# node-exporter


#: containerd's error where the node's root directory is not a shared mount, as on machines without systemd.
NOT_SHARED = "is not a shared or slave mount"
MOUNT = "/spec/template/spec/containers/0/volumeMounts/2/mountPropagation"


def exporters(kubectl: Kubectl) -> list[str]:
    items = kubectl.json(f"--namespace={EXPORTERS_NAMESPACE}", "get", "pods")["items"]
    return [pod["metadata"]["name"] for pod in items if is_ready(pod)]


def start_exporters(deployment: KubernetesDeployment) -> None:
    """Run an exporter on every node; where nodes do not propagate later mounts, one without that requirement."""
    kubectl = deployment.kubectl
    count = len(kubectl.json("get", "nodes")["items"])
    deployment.apply("node-exporter")

    def run() -> bool:
        if NOT_SHARED in kubectl.run(f"--namespace={EXPORTERS_NAMESPACE}", "get", "pods", "-o", "json"):
            deployment.apply("node-exporter", patches=[patch("DaemonSet", "node-exporter", "remove", MOUNT)])
        return len(exporters(kubectl)) == count

    deployment.wait_until(run, within_seconds=60, what="an exporter on every node")


def page_of(kubectl: Kubectl, pod: str) -> str:
    return kubectl.run("get", "--raw", f"/api/v1/namespaces/{EXPORTERS_NAMESPACE}/pods/{pod}:9100/proxy/metrics")


def name_in(page: str) -> str:
    """Return the node's own name."""
    line = next(line for line in page.splitlines() if line.startswith("node_uname_info{"))
    return line.partition('nodename="')[2].partition('"')[0]


def test_node_exporter_shows_every_node_under_its_own_name_instead_of_local(deployment: KubernetesDeployment) -> None:
    kubectl = deployment.kubectl
    local = deployment.statuses()
    with removed_afterwards(deployment, "node-exporter"):
        # When an exporter runs on every node
        start_exporters(deployment)
        pages = [page_of(kubectl, pod) for pod in exporters(kubectl)]
        nodes = dict.fromkeys(map(name_in, pages), "online")
        # Then exactly these nodes appear, under their own names
        eventually(lambda: deployment.statuses() == nodes, within_seconds=60, what=f"{nodes}")
        eventually(
            lambda: all(node["cpu_usage"] is not None for node in deployment.snapshot()["nodes"]), what="two scrapes"
        )
        shown = {node["node"]: node for node in deployment.snapshot()["nodes"]}
        for page in pages:
            node = shown[name_in(page)]
            assert node["memory_usage"] > 0
            assert node["disk_usage"] > 0
            # If the machine has sensors
            assert (node["temperature"] is not None) == ("node_thermal_zone_temp{" in page or "_temp_celsius{" in page)
        # When a node leaves, it disappears
        elsewhere = [{"op": "add", "path": "/spec/template/spec/nodeSelector/of", "value": "nowhere"}]
        kubectl.run("patch", *DAEMON_SET, "--type=json", "-p", json.dumps(elsewhere))
        eventually(lambda: deployment.statuses() == {}, within_seconds=90, what="no node")
        # And when it comes back, it appears again
        back = [{"op": "remove", "path": "/spec/template/spec/nodeSelector/of"}]
        kubectl.run("patch", *DAEMON_SET, "--type=json", "-p", json.dumps(back))
        eventually(lambda: deployment.statuses() == nodes, within_seconds=90, what=f"{nodes}")
    eventually(lambda: deployment.statuses() == local, within_seconds=90, what="this node alone")
    assert not kubectl.succeeds("get", "namespace", EXPORTERS_NAMESPACE)


# demo


def test_demo_adds_fifty_nodes_of_which_three_have_problems(deployment: KubernetesDeployment) -> None:
    before = deployment.statuses()
    fifty = {f"node{number:02}" for number in range(1, 51)}

    def problems() -> dict[str, str]:
        """Return the problem of each node that has one."""
        found = {}
        for node in deployment.snapshot()["nodes"]:
            if node["node"] in fifty:
                if node["status"] != "online":
                    found[node["node"]] = "dead"
                elif (node["temperature"] or 0) >= 80:  # a new node has no values yet
                    found[node["node"]] = "hot"
                elif (node["disk_usage"] or 0) >= 90:
                    found[node["node"]] = "full"
        return found

    with removed_afterwards(deployment, "demo"):
        deployment.apply("demo")
        deployment.wait_until(lambda: deployment.ready_pods("simulator"), within_seconds=60, what="the simulator")
        deployment.refresh_config("collector")
        # Then there are fifty additional nodes, and each problem has one of them
        eventually(lambda: set(deployment.statuses()) == fifty | set(before), within_seconds=90, what="fifty nodes")
        # The third one is offline for a minute and a half, and online for as long
        eventually(
            lambda: sorted(problems().values()) == ["dead", "full", "hot"],
            within_seconds=120,
            what="three problems",
        )
        # And only the collector can reach the simulator, which reaches nothing
        parts = ("redis", "api", "ws", "collector", "gateway", "simulator")
        newest = {part: [pod for pod in deployment.pods(part) if is_ready(pod)][-1] for part in parts}
        addresses = {part: pod["status"]["podIP"] for part, pod in newest.items()}
        ports = {"redis": 6379, "api": 8000, "ws": 8001, "collector": 8002, "gateway": 8085, "simulator": 19101}
        ways = matrix(
            {part: (deployment.kubectl, pod["metadata"]["name"]) for part, pod in newest.items()},
            {part: (addresses[part], ports[part]) for part in parts},
        )
        ways -= {(part, part) for part in parts}
        assert {way for way in ways if "simulator" in way} == {("collector", "simulator")}
    deployment.refresh_config("collector")
    eventually(lambda: deployment.statuses() == before, within_seconds=60, what="nodes as before")


# autoscaling


def eager_autoscalers(averages: str) -> list[Patch]:
    """Return autoscalers that react immediately, below a pod's capacity, with a maximum of one more pod than now."""
    values = {
        "/spec/maxReplicas": 4,
        "/spec/metrics/0/resource/target/averageValue": averages,
        "/spec/behavior/scaleUp/stabilizationWindowSeconds": 0,
        "/spec/behavior/scaleDown/stabilizationWindowSeconds": 15,
        "/spec/behavior/scaleDown/policies/0/periodSeconds": 15,
    }
    change = [{"op": "replace", "path": path, "value": value} for path, value in values.items()]
    return [{"target": {"kind": "HorizontalPodAutoscaler", "name": "ws"}, "patch": change}]


def scaler(deployment: KubernetesDeployment) -> Any:
    found = deployment.kubectl.items("horizontalpodautoscalers")
    return next(each for each in found if each["metadata"]["name"] == "ws")


def test_autoscaling_adds_pods_under_load_and_removes_them_without_losing_a_client(
    deployment: KubernetesDeployment,
) -> None:
    kubectl = deployment.kubectl
    before = deployment.ready_pods("ws")
    with removed_afterwards(deployment, "autoscaling"):
        # When autoscaling is added, no pod disappears
        deployment.forget_replica_counts()
        deployment.apply("autoscaling", patches=eager_autoscalers("25m"))
        assert set(deployment.ready_pods("ws")) == set(before)
        with listening(deployment, 20, BROWSERS) as listeners:
            measured = lambda: "currentMetrics" in scaler(deployment)["status"]  # noqa: E731
            deployment.wait_until(measured, within_seconds=90, what="the autoscaler sees what the pods take")
            # When they have a high load
            messages = [{"number": number, "load": "x" * 1000} for number in range(500)]
            with repeatedly(lambda: deployment.publish(ALERTS_CHANNEL, messages), pause_seconds=0.5) as work:
                # Then there is one more, and another apply does not remove it
                deployment.wait_until(
                    lambda: len(deployment.ready_pods("ws")) == 4, within_seconds=150, what="a fourth pod"
                )
                output = deployment.apply("autoscaling", patches=eager_autoscalers("25m"))
                assert "deployment.apps/ws unchanged" in output
                assert kubectl.json("get", "deployment", "ws")["spec"]["replicas"] == 4
            assert work.failures == []
            # When the load ends, there are three again, and every client is live
            deployment.wait_until(lambda: len(deployment.pods("ws")) == 3, within_seconds=150, what="three pods")
            deployment.wait_until(lambda: not deployment.terminating(), within_seconds=90, what="the fourth is gone")
            settle(deployment, listeners)
        assert kubectl.json("get", "deployment", "api")["spec"]["replicas"] == 2
    assert kubectl.json("get", "deployment", "ws")["spec"]["replicas"] == 3


# external-redis

PASSWORD = "another one's"
#: Objects without which the component runs and which an apply therefore leaves. Data and Secrets are not among them.
LEFT_OVER = (
    "statefulset/redis",
    "service/redis",
    "serviceaccount/redis",
    "networkpolicy/redis",
    "networkpolicy/to-redis",
)


@pytest.fixture
def users_redis(deployment: KubernetesDeployment) -> Iterator[Visitor]:
    """A user's Redis in another namespace, with one password, and with its URL in the Secret."""
    container = {
        "name": "redis",
        "image": f"dispycluster/redis:{VERSION}",
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", 'exec $(command -v valkey-server || command -v redis-server) "$@"', "redis"],
        "args": ["--bind", "0.0.0.0", "--requirepass", PASSWORD, "--save", "", "--dir", "/tmp"],
        "readinessProbe": {"tcpSocket": {"port": 6379}, "periodSeconds": 1},
    }
    kubectl = deployment.kubectl
    with (
        namespace(kubectl, f"{kubectl.namespace}-their-redis") as elsewhere,
        running(elsewhere, "their-redis", [container]) as redis,
    ):
        url = f"redis://:{PASSWORD.replace(' ', '%20')}@{redis.address}:6379/0"
        users = [f"--from-literal={user}={url}" for user in ("api", "ws", "collector")]
        kubectl.run("create", "secret", "generic", "external-redis", *users)
        yield redis
        deployment.remove_components("external-redis")
        kubectl.run("delete", "secret", "external-redis")
        deployment.wait()


def test_external_redis_replaces_ours_which_returns_with_its_data(
    deployment: KubernetesDeployment, users_redis: Visitor
) -> None:
    log, before = make_alerts(deployment), objects(deployment)
    with listening(deployment, 10, BROWSERS) as listeners:
        # When the product uses the user's Redis, and our objects are deleted
        output = deployment.apply("external-redis")
        assert {plain(line.split()[0]) for line in output.splitlines()} & {*LEFT_OVER} == set()
        deployment.wait()
        deployment.kubectl.run("delete", "--ignore-not-found", *LEFT_OVER)
        # Then the data go there, and reach the clients from there
        deployment.next_round(2)
        all_have_the_newest(deployment, listeners)
        ask = 'REDISCLI_AUTH=$1 exec $(command -v valkey-cli || command -v redis-cli) --no-auth-warning keys "*"'
        keys = users_redis.kubectl.run("exec", users_redis.name, "--", "sh", "-c", ask, "sh", PASSWORD).split()
        assert {"cluster:collector", "cluster:metrics:latest", "cluster:alerts:log"} <= set(keys)
        deployment.wait_until(lambda: not deployment.pods("redis"), within_seconds=60, what="no Redis here")
        assert before - objects(deployment) == set(LEFT_OVER)
        # And the policies permit new connections from the right pods
        there = (users_redis.address, 6379)
        parts = ("api", "ws", "collector", "gateway")
        pods = {part: (deployment.kubectl, deployment.ready_pods(part)[-1]) for part in parts}
        assert matrix(pods, {"redis": there}) == {(part, "redis") for part in parts if part != "gateway"}
        # And when it uses its own again, it continues where that stopped
        deployment.remove_components("external-redis")
        deployment.wait()
        deployment.next_round(2)
        require_kept(deployment, log)
        all_have_the_newest(deployment, listeners)
    deployment.wait_until(lambda: same(objects(deployment), before), within_seconds=60, what="everything as before")


def all_have_the_newest(deployment: KubernetesDeployment, listeners: list[Listener]) -> None:
    """Wait until all clients have the newest snapshot. With two Redis servers, a client may get older ones too."""
    newest = deployment.newest()
    has_it = lambda: all(got[-1] >= newest for got in positions_by_client(listeners))  # noqa: E731
    eventually(has_it, within_seconds=90, what=f"every client at {newest} or later")


# ingress


def test_ingress_routes_to_the_gateway_which_only_its_controller_reaches_and_requires_a_sign_in(
    deployment: KubernetesDeployment,
) -> None:
    kubectl = deployment.kubectl
    with (
        namespace(kubectl, "ingress-nginx") as elsewhere,
        visitor(elsewhere, "controller", labels={"app.kubernetes.io/name": "ingress-nginx"}) as controller,
        visitor(elsewhere, "neighbour"),
        removed_afterwards(deployment, "ingress"),
    ):
        ports = {"api": 8000, "ws": 8001, "collector": 8002, "redis": 6379}

        def reachable(visitor_name: str = "controller") -> set[tuple[str, int]]:
            inside = {(address, port) for part, port in ports.items() for address in deployment.addresses(part)}
            gates = {(address, port) for address in deployment.addresses("gateway") for port in (8085, 8404)}
            return reached(elsewhere, visitor_name, inside | gates)

        # Given a pod elsewhere that reaches nothing
        deployment.apply_policies_unmodified()
        eventually(lambda: reachable() == set(), within_seconds=30, what="nothing is open")
        # When the component is applied
        deployment.apply("ingress")
        deployment.apply_policies_unmodified()
        deployment.wait_for_pods()
        # Then the controller reaches only the gateway; another pod beside it reaches nothing
        gates = {(address, 8085) for address in deployment.addresses("gateway")}
        eventually(lambda: reachable() >= gates, within_seconds=30, what="the gateway is open")
        assert reachable() == gates
        assert reachable("neighbour") == set()
        # And the Ingress routes there
        [rule] = kubectl.json("get", "ingress", "dispycluster")["spec"]["rules"]
        [path] = rule["http"]["paths"]
        backend = path["backend"]["service"]
        service = kubectl.json("get", "service", backend["name"])
        [port] = [each["port"] for each in service["spec"]["ports"] if each["name"] == backend["port"]["name"]]
        slices = kubectl.json("get", "endpointslices", "-l", f"kubernetes.io/service-name={backend['name']}")["items"]
        ready = {
            (address, slice_["ports"][0]["port"])
            for slice_ in slices
            for endpoint in slice_["endpoints"]
            if endpoint["conditions"]["ready"]
            for address in endpoint["addresses"]
        }
        assert ready == gates
        # And clients through it must sign in
        origin = f"http://{backend['name']}.{kubectl.namespace}.svc:{port}"
        assert "HTTP Error 401" in get(controller, f"{origin}/api/cluster/snapshot", Host=rule["host"])
        assert 'name="password"' in get(controller, f"{origin}/login", Host=rule["host"])
    deployment.wait()


# prometheus


def annotated(deployment: KubernetesDeployment, part: str) -> Any:
    """Return a ready pod of the workload with annotations for Prometheus, if there is one yet."""
    mark = "prometheus.io/scrape"
    pods = [pod for pod in deployment.pods(part) if is_ready(pod)]
    return next((pod for pod in pods if pod["metadata"].get("annotations", {}).get(mark) == "true"), None)


def test_prometheus_in_its_namespace_and_no_other_pod_reads_the_metrics_of_every_workload(
    deployment: KubernetesDeployment,
) -> None:
    kubectl = deployment.kubectl
    parts = ("api", "ws", "collector", "gateway")
    with (
        namespace(kubectl, "monitoring") as monitoring,
        namespace(kubectl, f"{kubectl.namespace}-elsewhere") as elsewhere,
        visitor(
            monitoring, "dispycluster-test-prometheus", labels={"app.kubernetes.io/name": "prometheus"}
        ) as prometheus,
        visitor(elsewhere, "prometheus"),
        removed_afterwards(deployment, "prometheus"),
    ):
        # One new pod of each workload suffices
        deployment.apply("prometheus", patches=one_by_one())
        deployment.apply_policies_unmodified()
        addresses = set()
        for part in parts:
            # Then a pod's annotations name its metrics, as usual for Prometheus
            found = lambda part=part: annotated(deployment, part)  # noqa: E731
            pod = deployment.wait_until(found, within_seconds=90, what=f"a new {part}")
            notes = pod["metadata"]["annotations"]
            address, port, path = pod["status"]["podIP"], notes["prometheus.io/port"], notes["prometheus.io/path"]
            addresses.add((address, int(port)))
            # And the metrics are there
            text = get(prometheus, f"http://{address}:{port}{path}")
            assert "\n# TYPE " in text, f"{part}: {text}"
            assert f"\n{'haproxy' if part == 'gateway' else part}_" in text, part
        # Prometheus reaches only them; and from elsewhere they cannot be reached
        others = {(deployment.addresses("redis")[0], 6379)}
        others |= {(address, 8085) for address in deployment.addresses("gateway")}
        assert reached(monitoring, prometheus.name, addresses | others) == addresses
        assert reached(elsewhere, "prometheus", addresses | others) == set()
    deployment.wait()

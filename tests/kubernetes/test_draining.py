"""A terminating ws pod disconnects its clients gradually and gets no new ones."""

import json
import time
from collections import Counter
from contextlib import ExitStack, closing
from subprocess import PIPE, Popen

import yaml

from tests.drivers.fleet import BROWSERS, listening, replicas_of, settle
from tests.drivers.kubernetes import KubernetesDeployment
from tests.drivers.newcomer import SingleConnection, connect, get
from tests.drivers.process import ROOT
from tests.drivers.repeatedly import repeatedly
from tests.drivers.waiting import eventually

CLIENTS = 90
NEWCOMERS = WITNESSES = 30
#: Time in which the gateway notices the drain, and the time of a busy machine.
MARGIN_SECONDS = 8


def test_ws_pod_disconnects_its_clients_gradually_and_exits_by_itself(deployment: KubernetesDeployment) -> None:
    drain_seconds, grace_seconds = time_limits()
    handshake = deployment.origin + "/socket.io/?EIO=4&transport=polling"
    with ExitStack() as stack:
        # The gateways balance the clients of the pods, so a pod that they find late gets more of the later clients. The
        # single connections come first, so that most of them are on the same pod as many other clients.
        connections = [stack.enter_context(closing(SingleConnection(deployment.origin))) for _ in range(WITNESSES)]
        eventually(lambda: all(each.replica for each in connections), what="all connections are confirmed")
        listeners = stack.enter_context(listening(deployment, CLIENTS, BROWSERS))
        # Given the pod with the most single connections
        replica = Counter(each.replica for each in connections).most_common(1)[0][0]
        pod = next(each for each in deployment.ready_pods("ws") if deployment.replica(each) == replica)
        mine = lambda: replicas_of(listeners)[replica]  # noqa: E731
        had = mine()
        assert had > CLIENTS / 10
        # When it terminates while new clients connect
        newcomers = stack.enter_context(repeatedly(lambda: connect(deployment.origin), pause_seconds=0.3))
        pollers = stack.enter_context(repeatedly(lambda: get(handshake), pause_seconds=0.3))
        ending = stack.enter_context(ContainerExit(deployment, pod))
        begun = time.monotonic()
        deployment.delete_pods(pod)
        # Then it is no endpoint any more
        address = next(each["status"]["podIP"] for each in [deployment.kubectl.json("get", "pod", pod)])
        eventually(lambda: address not in endpoints(deployment), within_seconds=20, what="out of the endpoints")
        # And its clients leave gradually
        eventually(lambda: not mine(), within_seconds=drain_seconds + MARGIN_SECONDS, what="all its clients have left")
        # And it exits by itself before it would be killed
        assert ending.exit_code() == 0
        assert time.monotonic() - begun < grace_seconds
        # And it did not disconnect all together: at most ten a second
        disconnected = sorted(each.ended_at for each in connections if each.ended_at is not None)
        assert len(disconnected) > WITNESSES / 6
        assert disconnected[-1] - disconnected[0] > 0.1 * len(disconnected)
        # And no client noticed, old or new
        eventually(lambda: newcomers.done >= NEWCOMERS, within_seconds=30, what="newcomers")
        settle(deployment, listeners)
    assert (newcomers.failures, pollers.failures) == ([], [])
    # A new pod replaces it
    deployment.wait()


class ContainerExit:
    """The end of a pod's container."""

    def __init__(self, deployment: KubernetesDeployment, pod: str) -> None:
        path = "jsonpath={.status.containerStatuses[0].state}{'\\n'}"
        self._deployment, self._pod = deployment, pod
        command = [*deployment.kubectl.command, "get", "pod", pod, "--watch", "-o", path]
        self._watch = Popen(command, stdout=PIPE, text=True)

    def __enter__(self) -> "ContainerExit":
        return self

    def exit_code(self) -> int:
        """Wait until the pod is gone; return its container's exit code."""
        self._deployment.kubectl.run("wait", "--for=delete", f"pod/{self._pod}", "--timeout=60s")
        self._watch.terminate()
        lines = [line for line in self._watch.communicate(timeout=10)[0].splitlines() if line.strip()]
        states = [json.loads(line) for line in lines]
        return int(next(state["terminated"]["exitCode"] for state in reversed(states) if "terminated" in state))

    def __exit__(self, *_: object) -> None:
        self._watch.terminate()
        self._watch.communicate(timeout=10)


def time_limits() -> tuple[float, float]:
    """Return the manifests' seconds for the drain and for the termination of a pod."""
    documents = yaml.safe_load_all((ROOT / "deploy/k8s/base/ws.yaml").read_text())
    [pod] = [each["spec"]["template"]["spec"] for each in documents if each["kind"] == "Deployment"]
    variables = {each["name"]: each.get("value") for each in pod["containers"][0]["env"]}
    return float(variables["WS_DRAIN_SECONDS"]), float(pod["terminationGracePeriodSeconds"])


def endpoints(deployment: KubernetesDeployment) -> set[str]:
    """Return the addresses behind the Service."""
    slices = deployment.kubectl.items("endpointslices", label="kubernetes.io/service-name=ws")
    return {
        address
        for one in slices
        for endpoint in one["endpoints"] or []
        if endpoint["conditions"].get("ready")
        for address in endpoint["addresses"]
    }

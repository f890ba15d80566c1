"""``kubectl port-forward``, which reaches a pod or a Service in every cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired

from deploy.host.listening import listener_name
from tests.drivers.kubectl import Kubectl
from tests.drivers.ports import free_port
from tests.drivers.waiting import eventually


@contextmanager
def port_forward(kubectl: Kubectl, target: str, port: int) -> Iterator[str]:
    """Forward a free local port to a port of ``target`` (``service/gateway``, ``pod/…``); yield the origin."""
    here = free_port()
    command = [*kubectl.command, "port-forward", target, f"{here}:{port}"]
    with Popen(command, stdout=DEVNULL, stderr=PIPE, text=True) as process:
        try:
            eventually(lambda: _listens(process, here), what=f"port-forward to {target}")
            yield f"http://127.0.0.1:{here}"
        finally:
            process.terminate()
            try:
                process.wait(10)
            except TimeoutExpired:
                process.kill()


def _listens(process: Popen[str], port: int) -> bool:
    if process.poll() is not None:
        assert process.stderr is not None
        raise RuntimeError(process.stderr.read())
    # Not by a connection, which kubectl would forward.
    return listener_name(port) != ""

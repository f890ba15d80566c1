"""The demo's targets file, which is what its simulator would write.

``python -m deploy.k8s.check.demo_nodes >deploy/k8s/components/demo/nodes.yaml`` makes it anew.
"""

from collections.abc import Iterator, Sequence
from textwrap import indent

from deploy.k8s.check.documents import NAMESPACE, Document, Documents, find, of_kind, title
from deploy.k8s.check.finding import Finding
from deploy.k8s.check.folder import COMPONENTS
from deploy.k8s.check.rendering import parse
from simulator.fleet import Fleet
from simulator.options import Options
from simulator.targets import targets_text

#: The Deployment, and the Service under which the nodes are reached.
NAME = "simulator"


def demo_nodes_are_those_of_the_simulator(documents: Documents) -> Iterator[Finding]:
    """The ConfigMap has every simulated node, and the policies open exactly their ports."""
    simulator = find(documents, "Deployment", NAME, NAMESPACE)
    if simulator is None:
        return
    options = Options.parse(arguments(simulator))
    held = find(documents, "ConfigMap", "demo-nodes", NAMESPACE) or {}
    if (held.get("data") or {}).get("nodes.yaml") != text(options):
        again = "python -m deploy.k8s.check.demo_nodes >deploy/k8s/components/demo/nodes.yaml"
        yield Finding("ConfigMap/demo-nodes", f"it is not what the simulator would write: {again}")
    ports = {"protocol": "TCP", "port": options.port + 1, "endPort": options.port + options.nodes}
    for policy in of_kind(documents, "NetworkPolicy"):
        rules = [*(policy["spec"].get("ingress") or []), *(policy["spec"].get("egress") or [])]
        if policy["metadata"]["name"] in (NAME, f"to-{NAME}") and [rule.get("ports") for rule in rules] != [[ports]]:
            yield Finding(title(policy), f"its ports are not {options.port + 1} to {options.port + options.nodes}")


def arguments(simulator: Document) -> Sequence[str]:
    """The command line of the simulator's Deployment."""
    return [str(word) for word in simulator["spec"]["template"]["spec"]["containers"][0].get("args") or []]


def text(options: Options) -> str:
    """The targets file of the simulated nodes."""
    count, host, port, seed = options.nodes, options.host, options.port, options.seed
    fleet = Fleet(count=count, host=host, port=port, seed=seed, advertise=NAME)
    return targets_text(fleet, is_demo=options.demo)


def config_map(nodes: str) -> str:
    """The ConfigMap with it, which the collector mounts wherever there is one."""
    head = (
        "# What the simulator itself would write. Made anew by:\n"
        "# .venv/bin/python -m deploy.k8s.check.demo_nodes >deploy/k8s/components/demo/nodes.yaml\n"
        f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: demo-nodes\n  namespace: {NAMESPACE}\n"
        "  labels:\n    app.kubernetes.io/part-of: dispycluster\ndata:\n  nodes.yaml: |\n"
    )
    return head + indent(nodes, "    ")


if __name__ == "__main__":
    manifest = find(parse((COMPONENTS / "demo" / "simulator.yaml").read_text()), "Deployment", NAME, NAMESPACE)
    assert manifest is not None
    print(config_map(text(Options.parse(arguments(manifest)))), end="")

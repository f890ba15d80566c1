"""Write the demo's targets file again, as its simulator writes it: ``python -m tests.manifests.demo_nodes``."""

from textwrap import indent

from simulator.fleet import Fleet, targets_text
from simulator.options import Options
from tests.drivers.process import ROOT
from tests.manifests.model import Manifests, Pod

DEMO = ROOT / "deploy/k8s/components/demo"
KEY = "  nodes.yaml: |\n"


def nodes_of(options: Options) -> str:
    """Return the targets file of a simulator with these arguments and the name of its Service."""
    fleet = Fleet(count=options.nodes, host=options.host, port=options.port, seed=options.seed, advertise="simulator")
    return targets_text(fleet, is_demo=options.demo, racks=options.racks)


if __name__ == "__main__":
    simulator = Manifests.parse((DEMO / "simulator.yaml").read_text()).find("Deployment", "simulator")
    assert simulator is not None
    nodes = nodes_of(Options.parse(Pod(simulator).lasting[0]["args"]))
    file = DEMO / "nodes.yaml"
    file.write_text(file.read_text().partition(KEY)[0] + KEY + indent(nodes, "    "))

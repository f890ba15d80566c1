import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.fleet import NodeNames
from collector.node_state import NodeState
from collector.sample import Sample, ScrapeFailed
from collector.sentences import failures
from collector.targets.target import Target
from contract.events import NODE_NAME_LIMIT


class Nodes:
    """Nodes by address, and their names."""

    def __init__(self):
        self.states = {}
        self.names = NodeNames()

    def find(self, *hosts):
        for host in hosts:
            target = Target(f"{host}:9100", f"{host}:9100", "worker", host, 9100, is_discovered=True)
            self.states[host] = NodeState(target, unix_seconds=0.0, interval_seconds=2.0)

    def list(self, host, name):
        target = Target(name, f"{host}:9100", "worker", host, 9100)
        self.states[host] = NodeState(target, unix_seconds=0.0, interval_seconds=2.0)

    def say(self, **names):
        """Set the host names of nodes; ``None`` for a node that does not answer. ``a`` stands for 10.0.0.10."""
        for letter, name in names.items():
            result = (
                ScrapeFailed("connect", failures.no_route())
                if name is None
                else Sample(monotonic_seconds=0.0, host_name=name)
            )
            self.states[host(letter)].update(result, unix_seconds=0.0)

    def round(self):
        self.names.assign(self.states.values())
        return [state.target.node for state in self.states.values()]


def host(letter):
    return f"10.0.0.{ord(letter) - ord('a') + 9}"


A, B, C = "10.0.0.9", "10.0.0.10", "10.0.0.11"


@pytest.fixture
def nodes():
    return Nodes()


def test_name_is_the_address_when_the_node_has_not_answered_yet(nodes):
    nodes.find(A)
    assert nodes.round() == ["10.0.0.9:9100"]
    nodes.say(a=None)
    assert nodes.round() == ["10.0.0.9:9100"]
    nodes.say(a="pi")
    assert nodes.round() == ["pi"]


def test_lowest_address_has_the_bare_name_when_several_have_it_at_once(nodes):
    nodes.find(B, A, C)
    nodes.say(a="pi", b="pi", c="pi")

    assert nodes.round() == ["pi@10.0.0.10:9100", "pi", "pi@10.0.0.11:9100"]


def test_name_stays_when_its_node_goes_offline_or_omits_it_or_other_nodes_change(nodes):
    nodes.find(B)
    nodes.say(b="pi")
    nodes.round()
    nodes.find(A)
    nodes.say(a="pi")
    assert nodes.round() == ["pi", "pi@10.0.0.9:9100"]
    nodes.say(b=None)
    assert nodes.round() == ["pi", "pi@10.0.0.9:9100"]
    nodes.say(b="")
    assert nodes.round() == ["pi", "pi@10.0.0.9:9100"]
    del nodes.states[B]
    for _ in range(3):
        assert nodes.round() == ["pi@10.0.0.9:9100"]


def test_name_changes_when_the_node_reports_another(nodes):
    nodes.find(A, B)
    nodes.say(a="pi", b="pi")
    nodes.round()

    nodes.say(a="oven", b="oven")

    assert nodes.round() == ["oven", "oven@10.0.0.10:9100"]


def test_names_are_few_when_a_node_changes_its_host_name_repeatedly(nodes, monkeypatch):
    now = 0.0
    monkeypatch.setattr("collector.node_state.time.monotonic", lambda: now)
    nodes.find(A)
    names = set()
    # When the node changes its host name every two seconds for a day
    for number in range(43_200):
        now += 2.0
        nodes.say(a=f"pi{number}")
        names.update(nodes.round())
    # Then the node keeps each of its names for a while
    assert 24 <= len(names) < 36


def test_name_goes_to_another_node_only_a_round_after_it_became_free(nodes):
    nodes.find(A)
    nodes.say(a="pi")
    nodes.round()

    nodes.say(a="oven")
    nodes.find(B)
    nodes.say(b="pi")

    # Otherwise, alerts of one node would move to the other.
    assert nodes.round() == ["oven", "pi@10.0.0.10:9100"]
    nodes.find(C)
    nodes.say(c="pi")
    assert nodes.round() == ["oven", "pi@10.0.0.10:9100", "pi"]


def test_listed_name_wins_when_a_discovered_node_reports_the_same(nodes):
    nodes.find(A)
    nodes.say(a="pi")
    assert nodes.round() == ["pi"]

    nodes.list(B, "pi")

    assert nodes.round() == ["pi@10.0.0.9:9100", "pi"]
    del nodes.states[B]
    assert nodes.round() == ["pi@10.0.0.9:9100"]


@pytest.mark.parametrize("name", ["", "  ", "a\x07b", "a\nb", "x" * 254, None])
def test_name_is_the_address_when_the_host_name_is_not_usable(nodes, name):
    nodes.find(A)
    nodes.states[A].update(Sample(monotonic_seconds=0.0, host_name=name), unix_seconds=0.0)

    assert nodes.round() == ["10.0.0.9:9100"]


def test_name_is_the_address_when_name_and_address_together_would_be_too_long(nodes):
    nodes.find(A, B)
    nodes.say(a="x" * 250, b="x" * 250)

    for _ in range(3):
        assert nodes.round() == ["x" * 250, "10.0.0.10:9100"]


def test_previous_collectors_names_stay_when_a_collector_with_other_names_takes_over(nodes):
    nodes.find(A, B, C)
    nodes.say(a="pi", b="pi")
    assert nodes.round() == ["pi", "pi@10.0.0.10:9100", "10.0.0.11:9100"]

    nodes.names.restore({f"{A}:9100": "pi@10.0.0.9:9100", f"{B}:9100": "pi", f"{C}:9100": "oven"})

    assert nodes.round() == ["pi@10.0.0.9:9100", "pi", "oven"]
    nodes.say(c="oven")
    assert nodes.round() == ["pi@10.0.0.9:9100", "pi", "oven"]


def test_names_are_unique_when_the_previous_collectors_are_not(nodes):
    nodes.find(A, B)

    nodes.names.restore({f"{A}:9100": "pi", f"{B}:9100": "pi"})

    assert nodes.round() == ["pi", "10.0.0.10:9100"]


_OWN = st.sampled_from(["pi", f"{A}:9100", f"{B}:9100", f"pi@{A}:9100", f"{A}:9100@{A}:9100", "", "x" * 253, None])
_STEP = st.tuples(st.sampled_from(["find", "list", "drop", "say", "restore"]), st.sampled_from([A, B, C]), _OWN)


@given(st.lists(_STEP, max_size=30))
def test_names_are_unique_and_short_for_all_host_names(steps):
    nodes = Nodes()
    for kind, address, name in steps:
        match kind:
            case "find":
                nodes.find(address)
            case "list" if name and name not in {
                s.target.node for s in nodes.states.values() if not s.target.is_discovered
            }:
                nodes.list(address, name)
            case "drop":
                nodes.states.pop(address, None)
            case "restore":
                nodes.names.restore({f"{address}:9100": name or "oven", f"{A}:9100": "pi"})
            case "say" if address in nodes.states:
                nodes.states[address].update(Sample(monotonic_seconds=0.0, host_name=name), unix_seconds=0.0)
        given = nodes.round()
        assert len(set(given)) == len(given)
        assert all(len(each) <= NODE_NAME_LIMIT for each in given)
        # Names do not change without a cause.
        nodes.round()
        assert nodes.round() == nodes.round()

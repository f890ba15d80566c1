import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.codec import encode
from contract.delta import apply_delta, compute_delta
from contract.messages import Coded, Delta, Node, Snapshot

CASES = sorted((Path(__file__).parents[1] / "golden" / "deltas").glob("*.json"))
SNAPSHOT = msgspec.json.decode(
    (Path(__file__).parents[1] / "golden" / "messages" / "metrics.json").read_bytes(), type=Snapshot
)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_delta_is_the_golden_one(path: Path) -> None:
    case = json.loads(path.read_bytes())
    base, new = (msgspec.convert(case[name], Snapshot) for name in ("base", "next"))
    delta = compute_delta(base, new)
    assert (None if delta is None else json.loads(encode(delta))) == case["delta"]
    if delta is not None:
        assert apply_delta(base, msgspec.convert(case["delta"], Delta)) == new


def nodes() -> st.SearchStrategy[tuple[Node, ...]]:
    def node(name: str, cpu: float | None, error: Coded | None) -> Node:
        text = None if error is None else error.code
        return msgspec.structs.replace(SNAPSHOT.nodes[0], node=name, cpu_usage=cpu, error=text, error_coded=error)

    one = st.builds(
        node,
        st.sampled_from(["a", "b", "c", "d", "é"]),
        st.one_of(st.none(), st.sampled_from([0.0, 50.0, 100.0])),
        st.one_of(
            st.none(),
            st.builds(Coded, st.just("http_status"), st.fixed_dictionaries({"status": st.integers(400, 599)})),
        ),
    )
    unique = st.lists(one, unique_by=lambda item: item.node)
    return unique.map(lambda found: tuple(sorted(found, key=lambda item: item.node)))


@given(nodes(), nodes())
def test_applied_delta_gives_exactly_the_new_snapshot(before: tuple[Node, ...], after: tuple[Node, ...]) -> None:
    base = msgspec.structs.replace(SNAPSHOT, nodes=before)
    new = msgspec.structs.replace(SNAPSHOT, nodes=after, seq=SNAPSHOT.seq + 1)
    delta = compute_delta(base, new)
    assert delta is not None
    carried = msgspec.json.decode(encode(delta), type=Delta)
    assert apply_delta(base, carried) == apply_delta(base, delta) == new


@pytest.mark.parametrize("field", Node.__struct_fields__[1:])
def test_delta_has_a_changed_field_and_no_other(field: str) -> None:
    before = SNAPSHOT.nodes[0]
    # A value of another type is enough: the delta only compares.
    after = msgspec.structs.replace(before, **{field: "changed"})
    base = msgspec.structs.replace(SNAPSHOT, nodes=(before,))

    delta = compute_delta(base, msgspec.structs.replace(SNAPSHOT, nodes=(after,), seq=SNAPSHOT.seq + 1))

    assert delta is not None
    assert delta.changed == ({"node": before.node, field: "changed"},)


def test_delta_is_refused_when_it_starts_at_another_snapshot() -> None:
    new = msgspec.structs.replace(SNAPSHOT, seq=SNAPSHOT.seq + 1)
    delta = compute_delta(SNAPSHOT, new)
    assert delta is not None
    with pytest.raises(ValueError, match="does not start"):
        apply_delta(new, delta)


@pytest.mark.parametrize(
    "change", [{"cluster": "other"}, {"interval_seconds": 9.0}, {"simulated": True}, {"epoch": 1}, {"seq": 4211}]
)
def test_delta_is_none_when_only_a_full_snapshot_can_express_the_change(change: dict[str, Any]) -> None:
    new = msgspec.structs.replace(SNAPSHOT, **({"seq": SNAPSHOT.seq + 1} | change))
    assert compute_delta(SNAPSHOT, new) is None

from collector.alerts.rules import built_in_rules
from collector.fleet import cluster_state
from collector.node_state import HANGING_SCRAPES, NodeState
from collector.sample import Sample, ScrapeFailed
from collector.sentences.failures import no_answer_within
from collector.sentences.sentence import english
from collector.targets.target import Target

LATE = ScrapeFailed("timeout", no_answer_within(2.0))


def sample(seconds, hung=None):
    return Sample(monotonic_seconds=float(seconds), hung_collector=hung, missing_reason=None)


def remarks_on_hanging(*results):
    """Return, for each scrape, whether the state then has a hanging collector."""
    target = Target("pi", "pi:9100", "worker", "pi", 9100)
    state = NodeState(target, unix_seconds=1.8e9, interval_seconds=2.0)
    said = []
    for result in results:
        state.update(result, unix_seconds=1.8e9)
        said.append(any("hangs" in english(remark) for remark in cluster_state([state], built_in_rules(), ()).remarks))
    return said


def test_collector_counts_as_hanging_when_it_was_left_out_of_several_scrapes_in_a_row():
    results = (LATE, *(sample(number, "filesystem") for number in range(4)), sample(5))

    assert remarks_on_hanging(*results) == [False] * HANGING_SCRAPES + [True, True, False]


def test_collector_does_not_count_as_hanging_when_a_busy_machine_was_sometimes_late():
    results = (LATE, sample(1, "filesystem"), sample(2, "filesystem"), LATE, sample(4, "filesystem"))

    assert not any(remarks_on_hanging(*results, *results))

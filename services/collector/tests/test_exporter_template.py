"""Which exporters have a template, and at what cost."""

import gc

import pytest

from collector import node_exporter
from collector.exposition_shape import ExpositionShape
from collector.exposition_template import (
    LONGEST_PAUSE,
    NODE_LABELS_LIMIT,
    REPETITIONS,
    TEMPLATE_BYTES,
    WORTHWHILE,
    Templates,
)
from tests.drivers.exposition_reading import SERVER, SIMULATED, STARTED, Exporter, node, taught
from tests.drivers.raw_exporter import answer


def test_nodes_share_few_templates_when_they_have_the_same_parts():
    templates, exporters = Templates(), []
    for number in range(40):
        exporters.append(Exporter(templates))
        simulated = node(f"node-{number}", is_full=number % 2 == 0)
        for seconds in range(2, 12, 2):
            exporters[-1].read(simulated.exposition(STARTED + seconds))

    assert len(templates) == 2
    assert all(exporter.has_followed for exporter in exporters)
    # Only the first node of a kind needs several expositions.
    assert len({id(exporter.template.current) for exporter in exporters}) == 2


def test_template_is_freed_when_no_exporter_follows_it():
    templates = Templates()
    exporter = taught(SERVER, templates)
    assert len(templates) == 1

    del exporter
    gc.collect()

    assert len(templates) == 0


def test_exporter_gets_a_template_when_the_memory_of_another_one_is_free_again():
    templates = Templates(limit_bytes=20_000)
    first, second = taught(SERVER, templates), taught(SIMULATED, templates)

    assert (first.template.current is None, second.template.current is None) == (False, True)
    assert second.read(SIMULATED) == Exporter().read(SIMULATED)

    del first
    gc.collect()
    second.read(SIMULATED)
    second.read(SIMULATED)
    assert second.has_followed


@pytest.mark.parametrize(
    ("line", "limit"),
    [
        (b'node_network_info{address="52:54:00:aa:bb:cc",device="eth%d"} 1\n', NODE_LABELS_LIMIT),
        (b'node_load1{a="%d' + b"x" * 1000 + b'"} 1\n', TEMPLATE_BYTES // 1024),
    ],
)
def test_exporter_gets_no_template_when_its_exposition_is_too_large(line, limit):
    exporters = [taught(b"".join(line % number for number in range(count))) for count in (limit, limit + 20)]

    assert [exporter.template.current is None for exporter in exporters] == [False, True]


def test_exporter_gets_no_template_when_a_value_is_no_number():
    exporter = taught(SERVER.replace(b"boot_time_seconds 1", b"boot_time_seconds x1"))

    assert exporter.template.current is None


class CountingTemplates(Templates):
    """Counts the expositions that take part."""

    def __init__(self):
        super().__init__()
        self.drafts = 0

    def draft(self, **options):
        self.drafts += 1
        return super().draft(**options)


@pytest.mark.parametrize("repetitions", [1, 2, 3, 4])
def test_most_expositions_cost_as_much_as_without_templates_when_the_series_change_often(repetitions):
    templates = CountingTemplates()
    exporter = Exporter(templates)

    for number in range(400):
        exporter.read(SERVER.replace(b"veth1a2b3c4", b"veth%d" % (number // repetitions)))

    assert templates.drafts <= 40

    # When the series change no longer, the exporter gets a template.
    for _ in range(LONGEST_PAUSE + REPETITIONS + 2):
        exporter.read(SERVER)
    assert exporter.has_followed


def test_exporter_keeps_its_template_when_a_single_exposition_differs():
    exporter = taught(SERVER)
    for _ in range(WORTHWHILE):
        exporter.read(SERVER)

    exporter.read(SERVER + b"node_load1 2\n")
    exporter.read(SERVER)

    assert exporter.has_followed


def test_scrapes_of_an_exporter_read_only_values_when_the_series_stay_the_same(scrape_with, monkeypatch):
    class CountedShape(ExpositionShape):
        count = 0

        def __init__(self):
            CountedShape.count += 1
            super().__init__()

    monkeypatch.setattr(node_exporter, "ExpositionShape", CountedShape)

    async def scrape(scraper, _):
        for _ in range(10):
            await scraper.scrape()
        CountedShape.count = 0
        return [await scraper.scrape() for _ in range(3)]

    samples = scrape_with(lambda _: answer(SERVER), scrape)

    assert [sample.host_name for sample in samples] == ["server-1"] * 3
    assert CountedShape.count == 0

"""A history as a table: a row for each step of each node, three columns for each measure.

How a measure of the cluster lies over its nodes is in five columns more.
"""

from collections.abc import Iterator, Sequence

import msgspec
from flask import Response

from api.spreadsheet import Cell, csv_answer
from contract.rest import DistributionValues, History
from runtime.clock import timestamp, unix_seconds


def history_table(history: History, measures: Sequence[str]) -> Response:
    """Answer ``history`` as CSV; ``node`` is empty for the averages of the cluster."""
    head = ["start", "node", *(f"{measure}_{kind}" for measure in measures for kind in ("min", "avg", "max"))]
    distributed = {} if history.distribution is None else history.distribution.measures
    head += [f"{measure}_nodes_{kind}" for measure in distributed for kind in DistributionValues.__struct_fields__]
    return csv_answer("history", head, _rows(history, measures))


def _rows(history: History, measures: Sequence[str]) -> Iterator[list[Cell]]:
    start = unix_seconds(history.start)
    for series in history.series:
        values = [series.measures[measure] for measure in measures]
        columns: list[Sequence[Cell]] = [column for each in values for column in (each.min, each.avg, each.max)]
        if history.distribution is not None:
            for each in history.distribution.measures.values():
                columns += msgspec.structs.astuple(each)
        for number, row in enumerate(zip(*columns, strict=True)):
            yield [timestamp(start + number * history.step_seconds), series.node, *row]

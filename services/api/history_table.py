"""A history as a table: a row for each step of each node, three columns for each measure."""

from collections.abc import Iterator, Sequence

from flask import Response

from api.spreadsheet import Cell, csv_answer
from contract.clock import timestamp, unix_seconds
from contract.rest import History


def history_table(history: History, measures: Sequence[str]) -> Response:
    """Answer ``history`` as CSV; ``node`` is empty for the averages of the cluster."""
    head = ["start", "node", *(f"{measure}_{kind}" for measure in measures for kind in ("min", "avg", "max"))]
    return csv_answer("history", head, _rows(history, measures))


def _rows(history: History, measures: Sequence[str]) -> Iterator[list[Cell]]:
    start = unix_seconds(history.start)
    for series in history.series:
        values = [series.measures[measure] for measure in measures]
        columns = [column for each in values for column in (each.min, each.avg, each.max)]
        for number, row in enumerate(zip(*columns, strict=True)):
            yield [timestamp(start + number * history.step_seconds), series.node, *row]

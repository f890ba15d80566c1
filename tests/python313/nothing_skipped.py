"""A pytest plugin, ``-p tests.python313.nothing_skipped``: a skipped test fails the run, and so do too few tests."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--at-least N``: the run fails where fewer tests passed."""
    parser.addoption("--at-least", type=int, default=1, help="fail where fewer tests passed")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn success into failure; the summary names what was skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if hasattr(session.config, "workerinput") or reporter is None or session.exitstatus != pytest.ExitCode.OK:
        return
    passed, due = len(reporter.stats.get("passed", [])), session.config.getoption("--at-least")
    if reporter.stats.get("skipped"):
        reporter.write_line("\nskipped tests are failures here", red=True)
    elif passed < due:
        reporter.write_line(f"\n{passed} tests passed, and at least {due} are due", red=True)
    else:
        return
    session.exitstatus = pytest.ExitCode.TESTS_FAILED

"""A pytest plugin, ``-p tests.python313.nothing_skipped``: a skipped test fails the run."""

import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn success into failure where a test was skipped; the summary names it."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter.stats.get("skipped") and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line("\nskipped tests are failures here", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

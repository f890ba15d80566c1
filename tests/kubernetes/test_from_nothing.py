"""One command leads from an empty cluster to the live page."""

import re

from playwright.sync_api import Page, expect

from tests.drivers.chromium import visit
from tests.drivers.kubernetes import KubernetesDeployment
from tests.drivers.rest import Rest
from tests.drivers.waiting import Deadline, eventually

#: Twice the documented time from the command to the page, because other tests run in parallel.
PAGE_WITHIN_SECONDS = 120
SECRETS = {
    "redis-passwords": {"api", "ws", "collector", "publisher"},
    "access-key": {"key"},
    "access-users": {"ada"},
    "access-tokens": set(),
}


def test_page_is_live_when_the_manifests_are_applied_to_an_empty_cluster(
    empty: KubernetesDeployment, page: Page
) -> None:
    deadline = Deadline(PAGE_WITHIN_SECONDS)
    left = lambda: max(0.001, deadline.left)  # noqa: E731
    # When the command is run
    empty.apply_unmodified()
    empty.wait_until(lambda: empty.ready_pods("gateway"), within_seconds=left(), what="a gateway is ready")
    with empty.port_forward() as origin:
        # As a person does: repeatedly until there is an answer
        eventually(lambda: answers(origin), within_seconds=left(), what="the api is ready")
        visit(page, origin + "/nodes")
        # Then the page is live, with the collector's node and its values
        expect(page.locator("#freshness[data-state=live]")).to_be_visible(timeout=1000 * left())
        name = empty.kubectl.json("get", "nodes")["items"][0]["metadata"]["name"]
        row = page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))
        for measure in ("cpu_usage", "memory_usage"):
            value = row.locator(f"[data-field={measure}]")
            expect(value).to_have_text(re.compile(r"\d.*%"), timeout=1000 * left())
        # And they change
        seen = row.inner_text()
        expect(row).not_to_have_text(seen, use_inner_text=True, timeout=1000 * left())
        rest = Rest(origin)
        first = rest.json("/api/cluster/snapshot")
        eventually(lambda: rest.json("/api/cluster/snapshot")["seq"] > first["seq"], what="a second round")
        rest.close()
    # And every workload gets all its pods without a restart
    empty.wait_until_ready(within_seconds=60)
    assert empty.restarts() == {}


def test_second_apply_changes_nothing_and_keeps_passwords_key_and_users(as_it_stands: KubernetesDeployment) -> None:
    kubectl = as_it_stands.kubectl
    no_job = lambda: not kubectl.items("jobs")  # noqa: E731
    as_it_stands.wait_until(no_job, within_seconds=60, what="the Job has removed itself")
    # Given a user
    kubectl.run("patch", "secret", "access-users", "-p", '{"data": {"ada": "e30="}}')

    def secrets() -> dict[str, dict[str, str]]:
        return {name: kubectl.json("get", "secret", name).get("data") or {} for name in SECRETS}

    before, held = as_it_stands.generations(), secrets()
    assert {name: set(data) for name, data in held.items()} == SECRETS
    # When the same is applied again
    output = as_it_stands.apply_unmodified()
    # Then nothing changes. kubectl prints "configured" for some objects that it sends again unchanged.
    assert as_it_stands.generations() == before
    # And the Job runs again, changes nothing, and disappears
    assert "job.batch/make-secrets created" in output.splitlines()
    as_it_stands.wait_until(no_job, within_seconds=60, what="the Job has removed itself again")
    assert secrets() == held
    kubectl.run("patch", "secret", "access-users", "-p", '{"data": {"ada": null}}')
    assert as_it_stands.restarts() == {}


def answers(origin: str) -> bool:
    rest = Rest(origin)
    try:
        return rest.status("/api/cluster/snapshot") == 200
    finally:
        rest.close()

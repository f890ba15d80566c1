"""Concurrent guesses of passwords, over all apis, are as slow as consecutive ones, and do not block other users."""

import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from access.grant import READ
from access.scripts import ADDRESS_BACKOFF, PAIR_BACKOFF, USER_BACKOFF, Backoff
from tests.drivers.closed_stack import PASSWORD, ClosedStack, closed_stack
from tests.drivers.person import Person
from tests.drivers.rest import Rest
from tests.drivers.waiting import eventually

GUESSES = 60
ATTACKER, ELSEWHERE = "198.51.100.66", "203.0.113.9"


@dataclass
class Installation:
    """Two apis that trust the client addresses from this machine."""

    stack: ClosedStack
    apis: list[Rest]
    metrics: Person

    def outcomes(self) -> dict[str, int]:
        """Return the outcomes of the sign-in attempts at both apis."""
        found: dict[str, int] = {"success": 0, "wrong": 0, "paused": 0, "unavailable": 0}
        for api in self.apis:
            text = self.metrics.get(f"{api.origin}/metrics").text
            for outcome, count in re.findall(r'^api_sign_ins_total\{outcome="(\w+)"\} (\S+)', text, re.MULTILINE):
                found[outcome] += int(float(count))
        return found

    def visitor(self, number: int, address: str) -> tuple[Person, str, str]:
        """Return a browser, the form's URL and its token."""
        origin = self.apis[number % 2].origin
        person = self.stack.person(X_Forwarded_For=address)
        return person, f"{origin}/login", person.form_token(f"{origin}/login")

    def guess(self, guesses: Sequence[tuple[str, str]]) -> tuple[dict[str, int], float]:
        """Send concurrent guesses as these users from these addresses; return outcomes and duration in seconds."""
        self.stack.forget_failures()
        with ThreadPoolExecutor(GUESSES + 1) as threads:
            ready = list(threads.map(lambda item: self.visitor(item[0], item[1][1]), enumerate(guesses)))
            other = self.visitor(0, ELSEWHERE)
            before, began = self.outcomes(), time.monotonic()
            tries = [
                threads.submit(person.post, url, {"csrf": csrf, "user": user, "password": f"guess {number}"})
                for number, ((person, url, csrf), (user, _)) in enumerate(zip(ready, guesses, strict=True))
            ]
            # Meanwhile another user signs in with the right password.
            person, url, csrf = other
            others_statuses = []

            def is_signed_in() -> bool:
                answer = person.post(url, {"csrf": csrf, "user": "grace", "password": PASSWORD})
                others_statuses.append(answer.status_code)
                return answer.status_code == 303

            eventually(is_signed_in, within_seconds=60, what="another user signs in")
            # At worst, where hashing is slower than the guesses, the other user gets a request to try again.
            assert set(others_statuses[:-1]) <= {503}, others_statuses
            self.stack.secrets.add(person.session)
            statuses = [each.result().status_code for each in tries]
            elapsed = time.monotonic() - began
        after = self.outcomes()
        counted = {outcome: after[outcome] - before[outcome] for outcome in after}
        print(f"{len(guesses)} guesses in {elapsed:.2f} s: {counted}")
        assert set(statuses) <= {401, 429, 503}
        assert counted["success"] == 1
        assert counted["wrong"] == statuses.count(401)
        assert sum(counted.values()) == len(guesses) + len(others_statuses)
        return counted, elapsed


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with closed_stack(TRUSTED_PROXIES="127.0.0.1") as stack:
        stack.add_user("grace")
        token = stack.add_token("metrics", READ)
        apis = [stack.start_api(), stack.start_api()]
        yield Installation(stack, apis, stack.person(Authorization=f"Bearer {token}"))


def max_checks(pace: Backoff, seconds: float) -> int:
    """Return the most passwords that may be checked in so many seconds: the free ones, then one after each pause."""
    count, pause = pace.free, 1
    while seconds >= pause:
        seconds -= pause
        count, pause = count + 1, min(2 * pause, pace.longest_seconds)
    return count


def test_burst_against_one_user_gets_only_the_free_checks_and_one_after_each_pause(
    installation: Installation,
) -> None:
    counted, elapsed = installation.guess([("ada", ATTACKER)] * GUESSES)

    assert 1 <= counted["wrong"] <= max_checks(PAIR_BACKOFF, elapsed)
    assert counted["paused"] >= GUESSES - counted["unavailable"] - max_checks(PAIR_BACKOFF, elapsed)
    # Now the right password is refused too, and the answer has the rest of the pause. If the pause ended before a busy
    # machine came to this point, another wrong password starts one of twice the length.
    person, url, csrf = installation.visitor(1, ATTACKER)
    for password in ("not it", PASSWORD):
        answer = person.post(url, {"csrf": csrf, "user": "ada", "password": password})
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= PAIR_BACKOFF.longest_seconds


@pytest.mark.parametrize(
    ("guesses", "pace"),
    [
        ([("ada", f"198.51.100.{number}") for number in range(GUESSES)], USER_BACKOFF),
        ([(f"user{number}", ATTACKER) for number in range(GUESSES)], ADDRESS_BACKOFF),
    ],
    ids=["one user from many addresses", "many users from one address"],
)
def test_burst_from_many_addresses_or_against_many_users_gets_no_more_checks(
    installation: Installation, guesses: Sequence[tuple[str, str]], pace: Backoff
) -> None:
    counted, elapsed = installation.guess(guesses)

    assert 1 <= counted["wrong"] <= max_checks(pace, elapsed)

"""Guessing passwords: many at once, over all apis, is no faster than one after the other, and keeps nobody else out."""

import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import requests

from access.grant import READ
from access.scripts import ADDRESS_PACE, PAIR_PACE, USER_PACE, Pace
from tests.drivers.attacks import ATTACK_SECONDS
from tests.drivers.closed_stack import PASSWORD, ClosedStack, closed_stack
from tests.drivers.person import Person
from tests.drivers.rest import Rest
from tests.drivers.waiting import eventually

GUESSES = 60
ATTACKER, ELSEWHERE = "198.51.100.66", "203.0.113.9"


@dataclass
class Installation:
    """Two apis, which believe who is on this machine about where requests come from."""

    stack: ClosedStack
    apis: list[Rest]
    metrics: Person

    def outcomes(self) -> dict[str, int]:
        """How attempts to sign in ended at both apis."""
        found: dict[str, int] = {"success": 0, "wrong": 0, "paused": 0, "unavailable": 0}
        for api in self.apis:
            text = self.metrics.get(f"{api.origin}/metrics").text
            for outcome, count in re.findall(r'^api_sign_ins_total\{outcome="(\w+)"\} (\S+)', text, re.MULTILINE):
                found[outcome] += int(float(count))
        return found

    def visitor(self, number: int, address: str) -> tuple[Person, str, str]:
        """Somebody with a form in his hand, and where it goes."""
        origin = self.apis[number % 2].origin
        person = self.stack.person(X_Forwarded_For=address)
        return person, f"{origin}/login", person.form_token(f"{origin}/login")

    def guess(self, guesses: Sequence[tuple[str, str]]) -> tuple[dict[str, int], float]:
        """Guess at once, as these users from these addresses; return the outcomes and the seconds that it took."""
        self.stack.forget_failures()
        with ThreadPoolExecutor(GUESSES + 1) as threads:
            ready = list(threads.map(lambda item: self.visitor(item[0], item[1][1]), enumerate(guesses)))
            other = self.visitor(0, ELSEWHERE)
            before, began = self.outcomes(), time.monotonic()
            tries = [
                threads.submit(person.post, url, {"csrf": csrf, "user": user, "password": f"guess {number}"})
                for number, ((person, url, csrf), (user, _)) in enumerate(zip(ready, guesses, strict=True))
            ]
            # Meanwhile somebody else signs in, who knows the password.
            person, url, csrf = other
            others_statuses = []

            def is_signed_in() -> bool:
                answer = person.post(url, {"csrf": csrf, "user": "grace", "password": PASSWORD})
                others_statuses.append(answer.status_code)
                return answer.status_code == 303

            eventually(is_signed_in, within_seconds=60, what="somebody else signs in")
            # At worst he is told to try again in a moment, where passwords are compared more slowly than they come.
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


def most(pace: Pace, seconds: float) -> int:
    """Passwords that may be looked at within so many seconds: the free ones, then one after each pause."""
    count, pause = pace.free, 1
    while seconds >= pause:
        seconds -= pause
        count, pause = count + 1, min(2 * pause, pace.longest_seconds)
    return count


def test_burst_against_one_user_gets_no_more_looks_than_its_free_ones_and_the_pauses_allow(
    installation: Installation,
) -> None:
    counted, elapsed = installation.guess([("ada", ATTACKER)] * GUESSES)

    assert 1 <= counted["wrong"] <= most(PAIR_PACE, elapsed)
    assert counted["paused"] >= GUESSES - counted["unavailable"] - most(PAIR_PACE, elapsed)
    # Now the right password tells nothing either, and the answer says how long that lasts. Where the pause was over
    # before a busy machine came to this, another wrong one begins one that is twice as long.
    person, url, csrf = installation.visitor(1, ATTACKER)
    for password in ("not it", PASSWORD):
        answer = person.post(url, {"csrf": csrf, "user": "ada", "password": password})
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= PAIR_PACE.longest_seconds


def test_right_password_lets_in_who_signed_in_before_and_who_comes_from_elsewhere_while_others_guess(
    installation: Installation,
) -> None:
    # given: a browser of before behind the guessers' address, and one of each guess's
    origin = installation.apis[0].origin
    installation.stack.forget_failures()
    known = installation.stack.person(X_Forwarded_For=ATTACKER)
    known.sign_in(origin, "grace", PASSWORD)
    for users in (lambda number: "grace", lambda number: f"user{number}"):
        # when
        statuses = []
        began = time.monotonic()
        # Not more often, whatever the attack's length: successful sign-ins are limited too.
        for sign_ins in range(1, 4):
            while len(statuses) < sign_ins * 20 or time.monotonic() - began < sign_ins * ATTACK_SECONDS / 3:
                person, url, csrf = installation.visitor(len(statuses), ATTACKER)
                form = {"csrf": csrf, "user": users(len(statuses)), "password": "not it"}
                statuses.append(person.post(url, form).status_code)
            # then
            answer = known.try_to_sign_in(installation.apis[sign_ins % 2].origin, "grace", PASSWORD)
            assert answer.status_code == 303
            elsewhere = installation.stack.person(X_Forwarded_For=ELSEWHERE)
            elsewhere.sign_in(origin, "grace", PASSWORD)
            installation.stack.secrets |= {known.session, elsewhere.session}
        assert 429 in statuses


@pytest.mark.parametrize(
    "name", [lambda number: "ada", lambda number: ("ada", "ADA", "Ada", "aDa")[number % 4]], ids=["same", "other case"]
)
def test_burst_against_one_user_from_many_addresses_gets_no_further(
    installation: Installation, name: Callable[[int], str]
) -> None:
    counted, elapsed = installation.guess([(name(number), f"198.51.100.{number}") for number in range(GUESSES)])

    assert 1 <= counted["wrong"] <= most(USER_PACE, elapsed)


@pytest.mark.parametrize(
    "address",
    [lambda number: ATTACKER, lambda number: f"2001:db8::{number:x}", lambda number: f"::ffff:{ATTACKER}"],
    ids=["one", "one network of IPv6", "IPv4 in IPv6"],
)
def test_burst_against_many_users_from_one_address_gets_no_further(
    installation: Installation, address: Callable[[int], str]
) -> None:
    counted, elapsed = installation.guess([(f"user{number}", address(number)) for number in range(GUESSES)])

    assert 1 <= counted["wrong"] <= most(ADDRESS_PACE, elapsed)


def test_answer_and_its_time_do_not_tell_whether_there_is_such_a_user(installation: Installation) -> None:
    origin = installation.apis[0].origin

    def tried(user: str) -> tuple[float, str]:
        installation.stack.forget_failures()
        person = installation.stack.person(X_Forwarded_For=ATTACKER)
        form = {"csrf": person.form_token(f"{origin}/login"), "user": user, "password": "not it"}
        began = time.monotonic()
        answer = person.post(f"{origin}/login", form)
        elapsed = time.monotonic() - began
        assert answer.status_code == 401
        return elapsed, re.sub(r'name="csrf" value="[^"]*"', "", answer.text).replace(user, "NAME")

    there, nobody = [], []
    for _ in range(9):
        there.append(tried("ada"))
        nobody.append(tried("adb"))

    assert {text for _, text in there} == {text for _, text in nobody}
    medians = [statistics.median(seconds for seconds, _ in each) for each in (there, nobody)]
    print(f"a wrong password took {medians[0] * 1e3:.0f} ms, one of nobody {medians[1] * 1e3:.0f} ms")
    # Without the same work for nobody it would be a tenth; what a busy machine adds is not looked at more closely.
    assert 0.4 < medians[1] / medians[0] < 2.5


def test_guesser_who_changes_what_he_says_of_himself_stays_the_same(installation: Installation) -> None:
    # Given an api that no proxy stands before
    api = installation.stack.start_api(TRUSTED_PROXIES="")
    installation.stack.forget_failures()
    began = time.monotonic()
    statuses = []
    for number in range(2 * ADDRESS_PACE.free):
        person = installation.stack.person(X_Forwarded_For=f"198.51.100.{number}", Forwarded=f"for=198.51.100.{number}")
        statuses.append(person.try_to_sign_in(api.origin, f"user{number}", "not it").status_code)

    assert statuses.count(401) <= most(ADDRESS_PACE, time.monotonic() - began)
    # Not each of them: on a busy machine a guess may take longer than the pause before it.
    assert 429 in statuses


def test_other_requests_are_answered_while_passwords_are_guessed(installation: Installation) -> None:
    # Given more guesses at once than an api has threads, each as somebody else from elsewhere: none has to pause
    installation.stack.forget_failures()
    guesses = [(f"user{number}", f"198.51.100.{number}") for number in range(GUESSES)]
    with ThreadPoolExecutor(GUESSES) as threads:
        ready = list(threads.map(lambda item: installation.visitor(0, item[1][1]), enumerate(guesses)))
        tries = [
            threads.submit(person.post, url, {"csrf": csrf, "user": user, "password": "not it"})
            for (person, url, csrf), (user, _) in zip(ready, guesses, strict=True)
        ]
        slowest = 0.0
        count = 0
        while not all(each.done() for each in tries):
            began = time.monotonic()
            assert requests.get(f"{installation.apis[0].origin}/livez", timeout=30).status_code == 200
            slowest = max(slowest, time.monotonic() - began)
            count += 1
        statuses = [each.result().status_code for each in tries]
    busy = statuses.count(503)
    print(
        f"meanwhile {count} requests were answered, the slowest after {slowest * 1e3:.0f} ms; {busy} were told to wait"
    )
    assert set(statuses) <= {401, 503}
    assert count >= 3

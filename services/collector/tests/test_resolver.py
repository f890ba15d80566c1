import asyncio
import socket
import threading

import pytest

from collector.targets import dns as module
from collector.targets.dns import Resolver

FOUND = ((socket.AF_INET, "10.0.0.6"),)
UNKNOWN = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
NOBODY = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


@pytest.fixture
def names(monkeypatch):
    """A fake name service of the system, with the names that were looked up."""

    class Names:
        def __init__(self):
            self.asked = []
            self.answer = FOUND

        def look_up(self, host):
            self.asked.append(host)
            answer = self.answer(host) if callable(self.answer) else self.answer
            if isinstance(answer, OSError):
                raise answer
            return answer

    names = Names()
    monkeypatch.setattr(module, "look_up", names.look_up)
    return names


async def found(resolver, host="pi.lan"):
    return [answer["host"] for answer in await resolver.resolve(host, 9100)]


def test_resolver_sends_one_query_when_a_name_is_looked_up_often(names):
    async def run():
        resolver = Resolver()
        together = await asyncio.gather(*(found(resolver) for _ in range(5)))
        return [*together, await found(resolver)]

    assert asyncio.run(run()) == [["10.0.0.6"]] * 6
    assert names.asked == ["pi.lan"]


def test_resolver_repeats_the_query_when_an_answer_is_old(names, monkeypatch):
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.0)

    async def run():
        resolver = Resolver()
        await found(resolver)
        names.answer = ((socket.AF_INET, "10.0.0.7"),)
        return await found(resolver)

    assert asyncio.run(run()) == ["10.0.0.7"]


@pytest.mark.parametrize(("error", "kept"), [(NOBODY, True), (UNKNOWN, False)])
def test_resolver_keeps_the_last_answer_only_when_the_name_service_is_unavailable(names, monkeypatch, error, kept):
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.0)

    async def run():
        resolver = Resolver()
        await found(resolver)
        names.answer = error
        return await found(resolver)

    if kept:
        assert asyncio.run(run()) == ["10.0.0.6"]
    else:
        with pytest.raises(OSError, match="not known"):
            asyncio.run(run())


def test_resolver_sends_no_query_for_a_while_when_a_name_is_unknown(names):
    names.answer = UNKNOWN

    async def run():
        resolver = Resolver()
        for _ in range(3):
            with pytest.raises(OSError, match="not known"):
                await found(resolver)

    asyncio.run(run())
    assert names.asked == ["pi.lan"]


def test_resolver_answers_for_other_names_when_some_hang(names):
    release = threading.Event()

    def answer(host):
        if host.startswith("dead"):
            release.wait(60)
        return FOUND

    names.answer = answer

    async def run():
        resolver = Resolver()
        dead = [asyncio.create_task(found(resolver, f"dead{number}.local")) for number in range(20)]
        result = await asyncio.wait_for(found(resolver), 20)
        waits = resolver.is_waiting_for("dead0.local"), resolver.is_waiting_for("pi.lan")
        release.set()
        await asyncio.gather(*dead)
        return result, waits

    assert asyncio.run(run()) == (["10.0.0.6"], (True, False))


def test_resolver_finds_this_machine_when_the_system_is_asked():
    async def run():
        return await found(Resolver(), "localhost")

    assert set(asyncio.run(run())) & {"127.0.0.1", "::1"}

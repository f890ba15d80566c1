"""Runs the whole product on this machine: ``dispycluster run``, which ``make run`` calls."""

import os
import shlex
import sys
from collections.abc import Mapping
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from contract import VERSION
from deploy.host.addresses import probe_host, urls
from deploy.host.status import Inquiry, about_nodes, answering
from deploy.local.commands import ADD_USER, RESTORE_ACCESS, SAVE_ACCESS
from deploy.local.data_dir import CLUSTER_NAME, AccessDir, DataDir, access_dir, limit_umask
from deploy.local.ports import InnerPorts, require_public
from deploy.local.product import RedisPlace, service_parts, simulator_part, valkey_part
from deploy.local.refusal import NO_ROOM, CannotStart, full_disk
from deploy.local.settings import DEMO_TARGETS, Settings, data_dir_of
from deploy.local.supervisor import PartDied, Signals, StopAsked, Supervisor
from deploy.local.valkey import URL_FILE, Access
from runtime.catalogue import RUN
from runtime.settings import SettingError

if TYPE_CHECKING:
    from deploy.local.demo import DemoStore

#: Seconds that the slowest board gets from the first process to the page with data.
READY_SECONDS = 90.0
#: How often other ports are tried where somebody else has listened on one before we did.
_TRIES = 5
#: At most, seconds before that. At random: who starts at the same moment looks for the same ports.
_APART_SECONDS = 2.0


def say(text: str = "") -> None:
    """Tell whoever started the product."""
    with suppress(OSError):  # the terminal is gone; SIGHUP follows
        print(text, flush=True)


def bring_up(
    settings: Settings,
    variables: Mapping[str, str],
    data_dir: DataDir,
    supervisor: Supervisor,
    ports: InnerPorts,
) -> Inquiry:
    """Start every part and wait until the api has live data and the page answers; return what was asked.

    Raises:
        CannotStart: something is in the way, or the page did not come.
        PartDied, StopAsked: see ``Supervisor.until``.
    """
    targets = data_dir.path / DEMO_TARGETS if settings.demo_nodes else data_dir.targets(settings.targets)
    # Collectors of one cluster meet in a Redis of somebody's own, and may run on several hosts.
    own_name = CLUSTER_NAME if settings.redis_url else data_dir.cluster_name()
    if ports.valkey is not None:
        access = Access(data_dir.valkey(), ports.valkey)
        redis = RedisPlace(access.url, data_dir.valkey())
        supervisor.start(valkey_part(access, ports.valkey, data_dir.valkey()))
        if not supervisor.until(access.answers, READY_SECONDS):
            raise CannotStart(f"The embedded Valkey does not answer on port {ports.valkey}.")
        say(f"  Redis: embedded Valkey on 127.0.0.1:{ports.valkey}; its URL for your scripts: {access.url_file}")
        say(f'    redis-cli -u "$(cat {shlex.quote(str(access.url_file))})"')
    else:
        redis = RedisPlace(settings.redis_url or "")
        # That of a former run is not this run's.
        (data_dir.path / URL_FILE).unlink(missing_ok=True)
        say("  Redis: yours, at REDIS_URL")
    if settings.demo_nodes:
        targets.unlink(missing_ok=True)
        supervisor.start(simulator_part(settings.demo_nodes, 1, targets))
        if not supervisor.until(targets.exists, READY_SECONDS):
            raise CannotStart("The simulated nodes did not come up.")
        say(f"  nodes: {settings.demo_nodes} simulated ones")
    else:
        say(f"  nodes: as {targets} says")
    cluster_name = settings.cluster_name or own_name
    parts = service_parts(settings, ports, redis, targets, data_dir.access(), cluster_name)
    (api,) = (part for part in parts if part.name == "api")
    asked = Inquiry([sys.executable, "-P"], {**variables, **api.variables}, probe_host(settings.host), settings.port)
    with closing(asked):
        for part in parts:
            supervisor.start(part)
        if not supervisor.until(asked.is_answered, READY_SECONDS):
            raise CannotStart(f"The page shows no data after {READY_SECONDS:g} s: {asked.missing}.")
    return asked


def greet(settings: Settings, asked: Inquiry) -> None:
    """Say where the pages are, and what is wrong with the nodes."""
    status = asked.status
    say(f"\nReady after {asked.elapsed_seconds:.1f} s; {answering(status.nodes_online, status.nodes_total)}. Open:\n")
    for url in urls(settings.host, settings.port):
        say(f"    {url}")
    for line in about_nodes(status.issues):
        say(line)


def bring_up_on_free_ports(
    settings: Settings, variables: Mapping[str, str], data_dir: DataDir, supervisor: Supervisor
) -> Inquiry:
    """Bring it up, on other ports where somebody else was quicker to listen on those that were free.

    Raises:
        CannotStart, PartDied, StopAsked: see ``bring_up``.
        SettingError: a port's variable is not valid.
    """
    with_valkey = settings.redis_url is None
    avoided = set[int]()
    for _ in range(_TRIES - 1):
        ports = InnerPorts.choose(variables, with_valkey=with_valkey, avoided=avoided)
        try:
            return bring_up(settings, variables, data_dir, supervisor, ports)
        except PartDied as death:
            if not death.has_lost_a_port:
                raise
        say("  Another program has just taken one of the ports: starting again on others")
        avoided.update(ports.all())
        supervisor.end_all()
        supervisor.until(lambda: False, os.urandom(1)[0] / 256 * _APART_SECONDS)
        require_public(settings.host, settings.port)
    ports = InnerPorts.choose(variables, with_valkey=with_valkey, avoided=avoided)
    return bring_up(settings, variables, data_dir, supervisor, ports)


def say_who_gets_in(settings: Settings, folder: AccessDir) -> None:
    """Say whether people must sign in, and how they can."""
    if not settings.is_closed:
        return
    text = "Nobody can yet. A first user:" if folder.is_empty() else "One more user:"
    say(f"\nEverybody must sign in. {text} {settings.command(ADD_USER.format('ada'))}")
    if settings.demo_nodes and folder.is_empty() and not access_dir(settings.data_dir.parent).is_empty():
        say("The users and tokens of your own nodes stay theirs. To let them in here too:")
        root, own = (shlex.quote(str(path)) for path in (settings.data_dir.parent, settings.data_dir))
        say(f"    {SAVE_ACCESS.format(root)} | {RESTORE_ACCESS.format(own)}")


def require_apart(settings: Settings, data_dir: DataDir) -> "DemoStore | None":
    """Check that a demo keeps to itself; return the Redis of somebody's own that it is to use.

    Raises:
        CannotStart: a cluster of real nodes uses that Redis.
    """
    if not settings.demo_nodes:
        return None
    if data_dir.is_new:
        say(f"  demo: its data are in a folder of their own; those in {data_dir.path.parent} stay as they are")
    if settings.redis_url is None:
        return None
    # Here alone the supervisor needs a client of Redis, which would more than double its memory.
    from deploy.local.demo import DemoStore

    store = DemoStore(settings.redis_url, data_dir.path)
    store.require_no_real_cluster()
    return store


def run(settings: Settings, variables: Mapping[str, str]) -> int:
    """Run until a signal or the end of a part; return the exit code.

    Raises:
        CannotStart, SettingError: see ``bring_up_on_free_ports``.
    """
    signals = Signals()
    limit_umask()
    with DataDir(settings.data_dir) as data_dir:
        require_public(settings.host, settings.port)
        folder = data_dir.access()
        for file in folder.exposed():
            said = "Others than its owner may read or write {0} (mode {1:o}): chmod 600 {0}"
            say(said.format(shlex.quote(str(file)), file.stat().st_mode & 0o777))
        supervisor = Supervisor(signals)
        say(f"DispyCluster Live {VERSION} starts; data in {settings.data_dir}")
        demo_store = require_apart(settings, data_dir)
        try:
            greet(settings, bring_up_on_free_ports(settings, variables, data_dir, supervisor))
            if demo_store is not None:
                demo_store.note_epoch()
            say_who_gets_in(settings, folder)
            say("\nCtrl-C stops everything.\n")
            supervisor.run()
        except StopAsked:
            say("\nStopping …")
        except PartDied as death:
            say(f"\n{death}\n\nStopping the rest …")
            return 1
        finally:
            supervisor.stop()
            say("Everything has stopped.")
    return 0


def main() -> int:
    """Return the exit code: 0 after a signal, 1 where something failed, 2 for a bad setting."""
    try:
        settings, notes = Settings.checked(os.environ, RUN)
        for note in notes:
            say(f"Note: {note}")
        return run(settings, os.environ)
    except SettingError as error:
        print(error, file=sys.stderr)
        return 2
    except CannotStart as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in NO_ROOM:
            if error.filename is None:
                raise
            print(f"{error.filename} cannot be used: {error.strerror}", file=sys.stderr)
            return 1
        print(full_disk(error.filename or data_dir_of(os.environ)), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

"""Runs the whole product on this machine: ``dispycluster run``, which ``make run`` calls."""

import os
import shlex
import sys
from collections.abc import Mapping
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from contract import VERSION
from deploy.host.addresses import probe_host, urls
from deploy.host.status import ReadinessCheck, node_issue_lines, nodes_answering
from deploy.local.commands import ADD_USER, RESTORE_ACCESS, SAVE_ACCESS
from deploy.local.data_dir import CLUSTER_NAME, AccessDir, DataDir, access_dir, limit_umask
from deploy.local.ports import InternalPorts, require_public_port
from deploy.local.product import RedisLocation, service_processes, simulator_process, valkey_process
from deploy.local.refusal import DISK_FULL_ERRORS, CannotStart, disk_full
from deploy.local.settings import DEMO_TARGETS, Settings, data_dir_of
from deploy.local.supervisor import ProcessDied, StopRequested, StopSignals, Supervisor
from deploy.local.valkey import URL_FILE, ValkeyCredentials
from runtime.catalogue import RUN
from runtime.settings import SettingError

if TYPE_CHECKING:
    from deploy.local.demo import DemoStore

#: Seconds from the first process to a page with data, enough for the slowest board.
READY_SECONDS = 90.0
#: Attempts to start when other programs take the chosen ports.
_ATTEMPTS = 5
#: Longest random pause between two attempts, in seconds. Instances that start together choose the same ports.
_RETRY_JITTER_SECONDS = 2.0


def say(text: str = "") -> None:
    """Print a line for the user."""
    with suppress(OSError):  # the terminal is closed; SIGHUP follows
        print(text, flush=True)


def start_product(
    settings: Settings,
    variables: Mapping[str, str],
    data_dir: DataDir,
    supervisor: Supervisor,
    ports: InternalPorts,
) -> ReadinessCheck:
    """Start every process and wait until the api has live data and the page answers; return the finished check.

    Raises:
        CannotStart: a condition is not met, or the page did not answer in time.
        ProcessDied, StopRequested: see ``Supervisor.wait_until``.
    """
    targets = data_dir.path / DEMO_TARGETS if settings.demo_nodes else data_dir.targets(settings.targets)
    # Collectors of one cluster share the user's own Redis, and may run on several hosts: their name must be the same.
    default_name = CLUSTER_NAME if settings.redis_url else data_dir.cluster_name()
    if ports.valkey is not None:
        credentials = ValkeyCredentials(data_dir.valkey(), ports.valkey)
        redis = RedisLocation(credentials.url, data_dir.valkey())
        supervisor.start(valkey_process(credentials, ports.valkey, data_dir.valkey()))
        if not supervisor.wait_until(credentials.is_answering, READY_SECONDS):
            raise CannotStart(f"The embedded Valkey does not answer on port {ports.valkey}.")
        say(f"  Redis: embedded Valkey on 127.0.0.1:{ports.valkey}; its URL for your scripts: {credentials.url_file}")
        say(f'    redis-cli -u "$(cat {shlex.quote(str(credentials.url_file))})"')
    else:
        redis = RedisLocation(settings.redis_url or "")
        # The file may be left over from a previous run with an embedded Valkey.
        (data_dir.path / URL_FILE).unlink(missing_ok=True)
        say("  Redis: your own, at REDIS_URL")
    if settings.demo_nodes:
        targets.unlink(missing_ok=True)
        supervisor.start(simulator_process(settings.demo_nodes, 1, targets))
        if not supervisor.wait_until(targets.exists, READY_SECONDS):
            raise CannotStart("The simulated nodes did not start.")
        say(f"  nodes: {settings.demo_nodes} simulated nodes")
    else:
        say(f"  nodes: listed in {targets}")
    cluster_name = settings.cluster_name or default_name
    processes = service_processes(settings, ports, redis, targets, data_dir.access(), cluster_name)
    (api,) = (process for process in processes if process.name == "api")
    api_variables = {**variables, **api.variables}
    check = ReadinessCheck([sys.executable, "-P"], api_variables, probe_host(settings.host), settings.port)
    with closing(check):
        for process in processes:
            supervisor.start(process)
        if not supervisor.wait_until(check.is_ready, READY_SECONDS):
            raise CannotStart(f"The page shows no data after {READY_SECONDS:g} s: {check.missing}.")
    return check


def print_summary(settings: Settings, check: ReadinessCheck) -> None:
    """Print the URLs of the pages and the problems of the nodes."""
    status = check.status
    answering = nodes_answering(status.nodes_online, status.nodes_total)
    say(f"\nReady after {check.elapsed_seconds:.1f} s; {answering}. Open:\n")
    for url in urls(settings.host, settings.port):
        say(f"    {url}")
    for line in node_issue_lines(status.issues):
        say(line)


def start_on_free_ports(
    settings: Settings, variables: Mapping[str, str], data_dir: DataDir, supervisor: Supervisor
) -> ReadinessCheck:
    """Start the product; try other ports when another program takes one that was free.

    Raises:
        CannotStart, ProcessDied, StopRequested: see ``start_product``.
        SettingError: a port's variable is not valid.
    """
    with_valkey = settings.redis_url is None
    avoided = set[int]()
    for _ in range(_ATTEMPTS - 1):
        ports = InternalPorts.choose(variables, with_valkey=with_valkey, avoided=avoided)
        try:
            return start_product(settings, variables, data_dir, supervisor, ports)
        except ProcessDied as death:
            if not death.is_port_conflict:
                raise
        say("  Another program has just taken one of the ports: starting again on other ports")
        avoided.update(ports.all())
        supervisor.stop_all()
        supervisor.wait_until(lambda: False, os.urandom(1)[0] / 256 * _RETRY_JITTER_SECONDS)
        require_public_port(settings.host, settings.port)
    ports = InternalPorts.choose(variables, with_valkey=with_valkey, avoided=avoided)
    return start_product(settings, variables, data_dir, supervisor, ports)


def print_sign_in_help(settings: Settings, folder: AccessDir) -> None:
    """Print that people must sign in, and the command that adds a user."""
    if not settings.is_closed:
        return
    hint = "There is no user yet. Add the first:" if folder.is_empty() else "Add another user:"
    say(f"\nEverybody must sign in. {hint} {settings.command(ADD_USER.format('ada'))}")
    if settings.demo_nodes and folder.is_empty() and not access_dir(settings.data_dir.parent).is_empty():
        say("The demo does not share users and tokens with your own nodes. To copy them to the demo:")
        source, demo = (shlex.quote(str(path)) for path in (settings.data_dir.parent, settings.data_dir))
        say(f"    {SAVE_ACCESS.format(source)} | {RESTORE_ACCESS.format(demo)}")


def require_separate_demo(settings: Settings, data_dir: DataDir) -> "DemoStore | None":
    """Check that a demo does not mix with real nodes; return the user's own Redis if the demo uses it.

    Raises:
        CannotStart: a cluster of real nodes uses that Redis.
    """
    if not settings.demo_nodes:
        return None
    if data_dir.is_new:
        say(f"  demo: has its own data folder; the data in {data_dir.path.parent} stay unchanged")
    if settings.redis_url is None:
        return None
    # Imported only here: a Redis client would more than double the supervisor's memory.
    from deploy.local.demo import DemoStore

    store = DemoStore(settings.redis_url, data_dir.path)
    store.require_no_real_nodes()
    return store


def run(settings: Settings, variables: Mapping[str, str]) -> int:
    """Run until a signal comes or a process dies; return the exit code.

    Raises:
        CannotStart, SettingError: see ``start_on_free_ports``.
    """
    signals = StopSignals()
    limit_umask()
    with DataDir(settings.data_dir) as data_dir:
        require_public_port(settings.host, settings.port)
        folder = data_dir.access()
        for file in folder.exposed_files():
            quoted = shlex.quote(str(file))
            say(f"Other users may read or write {quoted} (mode {file.stat().st_mode & 0o777:o}): chmod 600 {quoted}")
        supervisor = Supervisor(signals)
        say(f"DispyCluster Live {VERSION} starts; data in {settings.data_dir}")
        demo_store = require_separate_demo(settings, data_dir)
        try:
            print_summary(settings, start_on_free_ports(settings, variables, data_dir, supervisor))
            if demo_store is not None:
                demo_store.save_epoch()
            print_sign_in_help(settings, folder)
            say("\nCtrl-C stops everything.\n")
            supervisor.run()
        except StopRequested:
            say("\nStopping …")
        except ProcessDied as death:
            say(f"\n{death}\n\nStopping the rest …")
            return 1
        finally:
            supervisor.stop()
            say("Everything has stopped.")
    return 0


def main() -> int:
    """Return the exit code: 0 after a signal, 1 after a failure, 2 for a setting that is not valid."""
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
        if error.errno not in DISK_FULL_ERRORS:
            if error.filename is None:
                raise
            print(f"{error.filename} cannot be used: {error.strerror}", file=sys.stderr)
            return 1
        print(disk_full(error.filename or data_dir_of(os.environ)), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

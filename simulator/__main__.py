"""Run the fleet: ``python -m simulator --nodes 50``."""

import asyncio
import resource
import signal
import ssl
import sys
import time

from aiohttp import web

from simulator.control import control_application, make_demo_faults
from simulator.fleet import Fleet, write_targets
from simulator.options import Options


def log(text: str) -> None:
    """Write a log line to standard error, in the format of the services."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(f"{moment} INFO simulator: {text}", file=sys.stderr, flush=True)


async def simulate(options: Options) -> None:
    """Run the fleet until SIGINT or SIGTERM.

    Raises:
        LookupError: an option names a node that does not exist.
        OSError: a port is in use, the certificate cannot be used, or the targets file cannot be written.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    context = None
    if options.certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate)
    fleet = Fleet(
        count=options.nodes,
        host=options.host,
        port=options.port,
        seed=options.seed,
        advertise=options.advertise,
        has_full_expositions=options.has_full_expositions,
        context=context,
    )
    await fleet.start()
    for name, fault in options.faults:
        await fleet.exporter(name).set_fault(fault)
    demo_faults = asyncio.create_task(make_demo_faults(fleet, options.seed)) if options.demo else None
    control = web.AppRunner(control_application(fleet), access_log=None, shutdown_timeout=1.0)
    if options.control_port is not None:
        await control.setup()
        await web.TCPSite(control, "127.0.0.1", options.control_port).start()
        log(f"control endpoint at http://127.0.0.1:{control.addresses[0][1]}/nodes")
    if options.write_targets is not None:
        write_targets(fleet, options.write_targets, options.certificate, is_demo=options.demo, racks=options.racks)
    addresses = [exporter.address for exporter in fleet]
    log(f"{len(fleet)} simulated nodes listen on {addresses[0]} to {addresses[-1]}")
    await stop.wait()
    if options.write_targets is not None:
        options.write_targets.unlink(missing_ok=True)
    if demo_faults is not None:
        demo_faults.cancel()
    await control.cleanup()
    await fleet.stop()


def _allow_descriptors(count: int) -> None:
    """Raise the limit of open files to ``count``, or to the hard limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main() -> int:
    """Run the simulator; return its exit code."""
    options = Options.parse(sys.argv[1:])
    _allow_descriptors(4 * options.nodes + 200)
    try:
        asyncio.run(simulate(options))
    except LookupError as error:
        print(f"simulator: {error.args[0]}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"simulator: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

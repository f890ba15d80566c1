"""Change faults while the fleet runs: over HTTP, or by a schedule for the demo.

``GET /nodes`` lists the nodes; ``PUT /nodes/<name>/fault`` with a fault's name as its body sets the node's fault.
"""

import asyncio
from contextlib import suppress
from random import Random
from typing import Final

from aiohttp import web

from simulator.faults import Fault, fault_named
from simulator.fleet import Fleet

#: Seconds for which the third node is dead, then alive, in turn.
DEAD_SECONDS: Final = 90.0
#: Fewest nodes that stay without a fault.
_HEALTHY_NODES: Final = 1

_FLEET = web.AppKey("fleet", Fleet)


def control_application(fleet: Fleet) -> web.Application:
    """Return the web application that controls ``fleet``."""
    application = web.Application(client_max_size=1024)
    application[_FLEET] = fleet
    application.add_routes([web.get("/nodes", _list_nodes), web.put("/nodes/{name}/fault", _put_fault)])
    return application


async def _list_nodes(request: web.Request) -> web.Response:
    return web.json_response(
        [{"name": node.name, "address": node.address, "fault": node.node.fault} for node in request.app[_FLEET]]
    )


async def _put_fault(request: web.Request) -> web.Response:
    try:
        exporter = request.app[_FLEET].exporter(request.match_info["name"])
        fault = fault_named(await request.text())
    except LookupError as error:
        return web.Response(status=404, text=f"{error.args[0]}\n")
    except ValueError as error:
        return web.Response(status=400, text=f"{error}\n")
    try:
        await exporter.set_fault(fault)
    except OSError as error:
        return web.Response(status=409, text=f"{exporter.name} cannot listen on {exporter.address}: {error}\n")
    return web.Response(status=204)


async def make_demo_faults(fleet: Fleet, seed: int) -> None:
    """Make one node hot, one full and one dead; revive and stop the dead one in turn until cancelled."""
    names = [exporter.name for exporter in fleet]
    chosen = Random(seed).sample(names, max(0, min(3, len(names) - _HEALTHY_NODES)))  # noqa: S311 - a simulation
    for name, fault in zip(chosen, (Fault.HOT, Fault.FULL, Fault.DEAD), strict=False):
        await fleet.exporter(name).set_fault(fault)
    if len(chosen) < 3:
        return
    flapping = fleet.exporter(chosen[2])
    fault = Fault.DEAD
    while True:
        await asyncio.sleep(DEAD_SECONDS)
        fault = Fault.NONE if fault is Fault.DEAD else Fault.DEAD
        with suppress(OSError):  # another process took the port: the node stays dead
            await flapping.set_fault(fault)

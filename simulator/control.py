"""The control endpoint: faults are switched while the fleet runs.

``GET /nodes`` lists the nodes; ``PUT /nodes/<name>/fault`` with a fault's name as its body switches one.
"""

from aiohttp import web

from simulator.faults import fault_named
from simulator.fleet import Fleet

_FLEET = web.AppKey("fleet", Fleet)


def control_application(fleet: Fleet) -> web.Application:
    """The web application that controls ``fleet``."""
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

"""The way to the clients: frames that are shared, and connections that cost nothing while nothing happens.

The parts, from the socket up: ``reader`` (what a client sends), ``outbox`` (what waits for one that is slow),
``poller`` (which sockets can be read or written), ``wheel`` (the pings), ``shared`` (what all sessions share),
``session`` (one Engine.IO connection) with ``outgoing`` (what it writes), ``engine`` (Engine.IO's HTTP, with those
sessions), ``manager`` (Socket.IO's connections) and ``push``.
"""

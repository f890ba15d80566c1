"""Engine.IO: frames that are shared, and connections that cost nothing while nothing happens.

The parts, from the socket up: ``reader`` (what a client sends), ``outbox`` (what waits for one that is slow),
``poller`` (which sockets can be read or written), ``ping_wheel``, ``shared`` (what all sessions share), ``polling``,
``session`` (one connection), ``upgrade`` (from polling to a WebSocket), ``http`` (requests), ``server`` (all sessions)
and ``fan_out`` (broadcasts to Socket.IO's clients).
"""

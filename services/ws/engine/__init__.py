"""Engine.IO: sessions share frames, and an idle connection costs little memory and no work.

The modules, from the socket up: ``reader`` (messages from a client), ``outbox`` (packets that wait for a slow client),
``socket_monitor`` (which sockets can be read or written), ``ping_wheel``, ``session_context`` (state that all sessions
share), ``polling``, ``session`` (one connection), ``upgrade`` (from polling to a WebSocket), ``request_handler`` (HTTP
requests), ``server`` (all sessions) and ``fan_out`` (broadcasts to clients of Socket.IO).
"""

"""python-socketio under eventlet, with its defaults."""

import eventlet

eventlet.monkey_patch()

# ruff: noqa: E402
import json
import sys

import redis
import socketio
from eventlet import wsgi

server = socketio.Server(async_mode="eventlet", cors_allowed_origins="*")


def follow(url: str) -> None:
    """Emit the messages of Redis."""
    pubsub = redis.Redis.from_url(url).pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe("cluster:metrics")
    for message in pubsub.listen():
        server.emit("redis_cluster_metrics", json.loads(message["data"]))


if __name__ == "__main__":
    eventlet.spawn(follow, sys.argv[2])
    listener = eventlet.listen(("127.0.0.1", int(sys.argv[1])), backlog=4096)
    wsgi.server(listener, socketio.WSGIApp(server), log_output=False, max_size=50_000)

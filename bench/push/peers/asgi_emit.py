"""python-socketio's asyncio server under uvicorn, with its defaults."""

import asyncio
import json
import sys

import redis.asyncio
import socketio
import uvicorn

server = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*")


async def follow() -> None:
    """Emit the messages of Redis."""
    pubsub = redis.asyncio.Redis.from_url(sys.argv[2]).pubsub(ignore_subscribe_messages=True)
    await pubsub.subscribe("cluster:metrics")
    async for message in pubsub.listen():
        await server.emit("redis_cluster_metrics", json.loads(message["data"]))


async def started() -> None:
    """Start following Redis."""
    tasks.append(asyncio.create_task(follow()))


tasks: list[asyncio.Task[None]] = []
app = socketio.ASGIApp(server, on_startup=started)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", backlog=4096)

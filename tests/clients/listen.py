"""Connect COUNT clients to URL and write every event of ``/`` as a line of JSON: {client, event, data}."""

import json
import sys
import threading

import socketio

write = threading.Lock()


def say(client: int, event: str, data: object = None) -> None:
    with write:
        print(json.dumps({"client": client, "event": event, "data": data}), flush=True)


def in_order(client: socketio.Client) -> socketio.Client:
    """Handle packets one after the other: the library gives each a thread of its own, which loses their order."""
    trigger = client.eio._trigger_event
    client.eio._trigger_event = lambda event, *args, **options: trigger(event, *args, **{**options, "run_async": False})
    return client


def listen(url: str, number: int) -> socketio.Client:
    client = in_order(socketio.Client())
    client.on("*", lambda event, data=None: say(number, event, data))
    client.connect(url, transports=["websocket"] if number % 3 else ["polling"], wait_timeout=30)
    return client


if __name__ == "__main__":
    clients = [listen(sys.argv[1], number) for number in range(int(sys.argv[2]))]
    sys.stdin.read()
    for each in clients:
        each.disconnect()

"""Connect COUNT clients to URL and write every event as a line of JSON: {client, namespace, event, data}.

``python listen.py URL COUNT [WAY]``. Without a WAY the clients take WebSocket and polling, listen to ``/`` alone, and
also say when and why they lose their connection. With one each client goes that way to ``/`` and ``/monitoring``, asks
for the cluster's status, and says what the library tells it: connect, disconnect, connect_error, and acknowledged.
Another connection of it asks for a namespace that does not exist: when one namespace is refused, this library gives up
the whole connection.
"""

import json
import sys
import threading

import socketio

WAYS = {"websocket": ["websocket"], "polling": ["polling"], "upgrade": ["polling", "websocket"]}
write = threading.Lock()


def say(client: int, namespace: str, event: str, data: object = None) -> None:
    with write:
        print(json.dumps({"client": client, "namespace": namespace, "event": event, "data": data}), flush=True)


def in_order(client: socketio.Client) -> socketio.Client:
    """Handle packets one after the other: the library gives each a thread of its own, which loses their order."""
    trigger = client.eio._trigger_event
    client.eio._trigger_event = lambda event, *args, **options: trigger(event, *args, **{**options, "run_async": False})
    return client


def leave(client: socketio.Client) -> None:
    """Say goodbye. The client's own ``disconnect`` leaves the namespaces first, and may lose what comes after that."""
    client.eio.disconnect()


def listen(url: str, number: int) -> socketio.Client:
    client = in_order(socketio.Client())
    client.on("*", lambda event, data=None: say(number, "/", event, data))
    # 5.11 tells no reason.
    client.on("disconnect", lambda reason=None: say(number, "/", "disconnect", reason))
    client.connect(url, transports=["websocket"] if number % 3 else ["polling"], wait_timeout=30)
    return client


def message(error: object) -> object:
    """What the server refuses with is an object; an error of the transport is a text."""
    return error["message"] if isinstance(error, dict) else error


def say_all(client: socketio.Client, number: int, namespace: str) -> None:
    """Say every event of a namespace, and how the connection to it begins and ends."""

    def on_event(event: str, data: object = None) -> None:
        say(number, namespace, event, data)
        if event == "monitoring_connected":
            client.emit(
                "request_cluster_status", {}, namespace,
                callback=lambda answer: say(number, namespace, "acknowledged", answer),
            )  # fmt: skip

    client.on("*", on_event, namespace)
    client.on("connect", lambda: say(number, namespace, "connect"), namespace)
    # 5.11 tells no reason.
    client.on("disconnect", lambda reason=None: say(number, namespace, "disconnect", reason), namespace)
    client.on("connect_error", lambda error: say(number, namespace, "connect_error", message(error)), namespace)


def visit(url: str, number: int, transports: list[str]) -> socketio.Client:
    be_refused(url, number, transports)
    client = in_order(socketio.Client())
    for namespace in ("/", "/monitoring"):
        say_all(client, number, namespace)
    client.connect(url, transports=transports, namespaces=["/", "/monitoring"], wait_timeout=30)
    return client


def be_refused(url: str, number: int, transports: list[str]) -> None:
    client = in_order(socketio.Client())
    refused = threading.Event()

    def on_refusal(error: object) -> None:
        say(number, "/nowhere", "connect_error", message(error))
        refused.set()

    client.on("connect", lambda: say(number, "/nowhere", "connect"), "/nowhere")
    client.on("connect_error", on_refusal, "/nowhere")
    # 5.11 would wait in vain for the namespace before it tells of the refusal.
    client.connect(url, transports=transports, namespaces=["/nowhere"], wait=False)
    refused.wait(30)
    leave(client)


if __name__ == "__main__":
    url, count, *way = sys.argv[1:]
    if way:
        clients = [visit(url, number, WAYS[way[0]]) for number in range(int(count))]
    else:
        clients = [listen(url, number) for number in range(int(count))]
    sys.stdin.read()
    for each in clients:
        leave(each)

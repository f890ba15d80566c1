"""Connect COUNT clients to URL and write every event as a line of JSON: {client, namespace, event, data}.

``python listen.py URL COUNT [WAY]``. Without WAY, clients use WebSocket or polling, connect to ``/`` only, and also
report the reason of a disconnect. With WAY, each client uses this transport for ``/`` and ``/monitoring``, requests
the cluster's status, and reports the events of the library: connect, disconnect, connect_error and acknowledged. A
second connection requests an unknown namespace, because this library closes the whole connection when a namespace is
refused.
"""

import json
import sys
import threading

import socketio

WAYS = {"websocket": ["websocket"], "polling": ["polling"], "upgrade": ["polling", "websocket"]}
write_lock = threading.Lock()


def report(client: int, namespace: str, event: str, data: object = None) -> None:
    with write_lock:
        print(json.dumps({"client": client, "namespace": namespace, "event": event, "data": data}), flush=True)


def in_order(client: socketio.Client) -> socketio.Client:
    """Handle packets in their order. The library handles each packet in its own thread, which loses the order."""
    trigger = client.eio._trigger_event
    client.eio._trigger_event = lambda event, *args, **options: trigger(event, *args, **{**options, "run_async": False})
    return client


def close(client: socketio.Client) -> None:
    """Close the connection. The client's ``disconnect`` leaves the namespaces first and may lose the close packet."""
    client.eio.disconnect()


def listen(url: str, number: int) -> socketio.Client:
    client = in_order(socketio.Client())
    client.on("*", lambda event, data=None: report(number, "/", event, data))
    # 5.11 passes no reason.
    client.on("disconnect", lambda reason=None: report(number, "/", "disconnect", reason))
    client.connect(url, transports=["websocket"] if number % 3 else ["polling"], wait_timeout=30)
    return client


def message(error: object) -> object:
    """Return the message of an error: a refusal of the server is an object, an error of the transport a text."""
    return error["message"] if isinstance(error, dict) else error


def report_all(client: socketio.Client, number: int, namespace: str) -> None:
    """Report every event of a namespace, and its connects and disconnects."""

    def on_event(event: str, data: object = None) -> None:
        report(number, namespace, event, data)
        if event == "monitoring_connected":
            client.emit(
                "request_cluster_status", {}, namespace,
                callback=lambda answer: report(number, namespace, "acknowledged", answer),
            )  # fmt: skip

    client.on("*", on_event, namespace)
    client.on("connect", lambda: report(number, namespace, "connect"), namespace)
    # 5.11 passes no reason.
    client.on("disconnect", lambda reason=None: report(number, namespace, "disconnect", reason), namespace)
    client.on("connect_error", lambda error: report(number, namespace, "connect_error", message(error)), namespace)


def connect_all(url: str, number: int, transports: list[str]) -> socketio.Client:
    request_unknown_namespace(url, number, transports)
    client = in_order(socketio.Client())
    for namespace in ("/", "/monitoring"):
        report_all(client, number, namespace)
    client.connect(url, transports=transports, namespaces=["/", "/monitoring"], wait_timeout=30)
    return client


def request_unknown_namespace(url: str, number: int, transports: list[str]) -> None:
    client = in_order(socketio.Client())
    refused = threading.Event()

    def on_refusal(error: object) -> None:
        report(number, "/nowhere", "connect_error", message(error))
        refused.set()

    client.on("connect", lambda: report(number, "/nowhere", "connect"), "/nowhere")
    client.on("connect_error", on_refusal, "/nowhere")
    # 5.11 would wait for the namespace until a timeout before it reports the refusal.
    client.connect(url, transports=transports, namespaces=["/nowhere"], wait=False)
    refused.wait(30)
    close(client)


if __name__ == "__main__":
    url, count, *way = sys.argv[1:]
    if way:
        clients = [connect_all(url, number, WAYS[way[0]]) for number in range(int(count))]
    else:
        clients = [listen(url, number) for number in range(int(count))]
    sys.stdin.read()
    for each in clients:
        close(each)

// Connect COUNT clients of the npm package PACKAGE to URL and write every event as a line of JSON:
// {client, namespace, event, data}.
// node listen.cjs PACKAGE URL COUNT [WAY]
//
// Without WAY, clients use the three transports in turn, connect to / only, and also report the reason of a disconnect.
// With WAY, each client uses this transport and one connection for /, /monitoring and an unknown namespace, requests the
// cluster's status, and reports the events of the library: connect, disconnect, connect_error and acknowledged.
const [name, url, count, way] = process.argv.slice(2);
const { io, Manager } = require(name);
const ways = { websocket: ["websocket"], polling: ["polling"], upgrade: ["polling", "websocket"] };

function report(client, namespace, event, data = null) {
  process.stdout.write(JSON.stringify({ client, namespace, event, data }) + "\n");
}

function listen(client) {
  const transports = Object.values(ways)[client % 3];
  const socket = io(url, { transports, forceNew: true });
  socket.on("disconnect", (reason) => report(client, "/", "disconnect", reason));
  socket.onAny((event, data) => report(client, "/", event, data));
  return [socket];
}

function connectAll(client) {
  const manager = new Manager(url, { transports: ways[way] });
  return ["/", "/monitoring", "/nowhere"].map((namespace) => {
    const socket = manager.socket(namespace);
    socket.on("connect", () => report(client, namespace, "connect"));
    socket.on("disconnect", (reason) => report(client, namespace, "disconnect", reason));
    socket.on("connect_error", (error) => report(client, namespace, "connect_error", error.message));
    socket.onAny((event, data) => report(client, namespace, event, data));
    socket.on("monitoring_connected", () => {
      socket.emit("request_cluster_status", {}, (data) => report(client, namespace, "acknowledged", data));
    });
    return socket;
  });
}

const sockets = Array.from({ length: Number(count) }, (_, client) => (way ? connectAll : listen)(client)).flat();
process.stdin.resume();
process.stdin.on("end", () => {
  for (const socket of sockets) socket.disconnect();
  // Node exits when every socket has closed. A polling client that exits without closing counts until it misses a ping.
  setTimeout(() => process.exit(0), 5000).unref();
});

// Connect COUNT clients of the npm package PACKAGE to URL and write every event as a line of JSON:
// {client, namespace, event, data}.
// node listen.cjs PACKAGE URL COUNT [WAY]
//
// Without a WAY clients take all three in turn, listen to / alone, and also say when and why they lose their connection.
// With one each client goes that way, has one connection for /, /monitoring and a namespace that does not exist, asks for
// the cluster's status, and says what the library tells it: connect, disconnect, connect_error, and acknowledged.
const [name, url, count, way] = process.argv.slice(2);
const { io, Manager } = require(name);
const ways = { websocket: ["websocket"], polling: ["polling"], upgrade: ["polling", "websocket"] };

function say(client, namespace, event, data = null) {
  process.stdout.write(JSON.stringify({ client, namespace, event, data }) + "\n");
}

function listen(client) {
  const transports = Object.values(ways)[client % 3];
  const socket = io(url, { transports, forceNew: true });
  socket.on("disconnect", (reason) => say(client, "/", "disconnect", reason));
  socket.onAny((event, data) => say(client, "/", event, data));
  return [socket];
}

function visit(client) {
  const manager = new Manager(url, { transports: ways[way] });
  return ["/", "/monitoring", "/nowhere"].map((namespace) => {
    const socket = manager.socket(namespace);
    socket.on("connect", () => say(client, namespace, "connect"));
    socket.on("disconnect", (reason) => say(client, namespace, "disconnect", reason));
    socket.on("connect_error", (error) => say(client, namespace, "connect_error", error.message));
    socket.onAny((event, data) => say(client, namespace, event, data));
    socket.on("monitoring_connected", () => {
      socket.emit("request_cluster_status", {}, (data) => say(client, namespace, "acknowledged", data));
    });
    return socket;
  });
}

const sockets = Array.from({ length: Number(count) }, (_, client) => (way ? visit : listen)(client)).flat();
process.stdin.resume();
process.stdin.on("end", () => {
  for (const socket of sockets) socket.disconnect();
  // Node exits once every socket has said goodbye. A polling client that just leaves counts until it misses a ping.
  setTimeout(() => process.exit(0), 5000).unref();
});

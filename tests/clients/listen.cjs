// Connect COUNT clients of the npm package PACKAGE to URL and write every event of / as a line of JSON: {client, event, data}.
// node listen.cjs PACKAGE URL COUNT
const [name, url, count] = process.argv.slice(2);
const { io } = require(name);
const transports = [["websocket"], ["polling"], ["polling", "websocket"]];
const sockets = Array.from({ length: Number(count) }, (_, client) => {
  const socket = io(url, { transports: transports[client % 3], forceNew: true });
  socket.onAny((event, data) => process.stdout.write(JSON.stringify({ client, event, data }) + "\n"));
  return socket;
});
process.stdin.resume();
process.stdin.on("end", () => {
  for (const socket of sockets) socket.disconnect();
  process.exit(0);
});

// Node's Socket.IO with redis, written as its users would.
import { createServer } from "node:http";
import { createClient } from "redis";
import { Server } from "socket.io";

const [port, url, deflate] = process.argv.slice(2);
const http = createServer();
const io = new Server(http, { perMessageDeflate: deflate === "deflate" ? { threshold: 512 } : false });
const subscriber = createClient({ url });
await subscriber.connect();
await subscriber.subscribe("cluster:metrics", (message) => {
  io.emit("redis_cluster_metrics", JSON.parse(message));
});
http.listen({ host: "127.0.0.1", port: Number(port), backlog: 4096 });

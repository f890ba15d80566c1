/** Copies every event of a connection to a listener. */

import type { Manager, Socket } from "socket.io-client";
import type { Namespace } from "../contract.ts";
import { errorDataOf } from "./connect_error.ts";

/** Receives every event of every namespace, including connects, refusals and disconnects. */
export type PushTap = (namespace: Namespace, event: string, args: readonly unknown[]) => void;

/** Send the events of `socket` to `tap`. */
export function tapInto(namespace: Namespace, socket: Socket, manager: Manager, tap: PushTap): void {
  socket.onAny((event: string, ...args: unknown[]) => tap(namespace, event, args));
  socket.on("connect", () => tap(namespace, "connect", [{ transport: manager.engine.transport.name }]));
  socket.on("disconnect", (reason) => tap(namespace, "disconnect", [{ reason }]));
  socket.on("connect_error", (error) =>
    tap(namespace, "connect_error", [{ message: error.message, ...errorDataOf(error) }]),
  );
}

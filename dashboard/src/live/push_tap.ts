/** Every event of a connection, for whoever wants to see them all. */

import type { Manager, Socket } from "socket.io-client";
import type { Namespace } from "../contract.ts";
import { errorDataOf } from "./connect_error.ts";

/** Sees every event of every namespace, connecting, refusals and disconnecting included. */
export type PushTap = (namespace: Namespace, event: string, args: readonly unknown[]) => void;

/** Show `tap` what happens on `socket`. */
export function tapInto(namespace: Namespace, socket: Socket, manager: Manager, tap: PushTap): void {
  socket.onAny((event: string, ...args: unknown[]) => tap(namespace, event, args));
  socket.on("connect", () => tap(namespace, "connect", [{ transport: manager.engine.transport.name }]));
  socket.on("disconnect", (reason) => tap(namespace, "disconnect", [{ reason }]));
  socket.on("connect_error", (error) =>
    tap(namespace, "connect_error", [{ message: error.message, ...errorDataOf(error) }]),
  );
}

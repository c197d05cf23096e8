/**
 * Deno answers whoever asks of a pool.
 *
 * @module
 */

import process from "node:process";
import type { Answer, Answering } from "../../core/control/socket.ts";
import { fdOf } from "../ffi/connection.ts";
import { fetchControl } from "../shared/control_fetch.ts";
import { answering } from "../shared/http_server.ts";
import type { ServeControl } from "../shared/control_socket.ts";

/** See {@linkcode ServeControl}. */
export const serveControl: ServeControl = (path, answer) => {
  const server = Deno.serve(
    { path, onListen: () => undefined },
    fetchControl(answer),
  );
  server.unref();
  return Promise.resolve(() => void server.shutdown());
};

/** See {@linkcode Adapter.answer}. */
export function answerByDeno(answer: Answer): Answering {
  return answering(answer, (connection) => {
    const { Socket } = process.getBuiltinModule("node:net");
    return new Socket({ fd: fdOf(connection) });
  });
}

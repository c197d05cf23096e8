/**
 * Bun answers whoever asks of a pool.
 *
 * @module
 */

import type { NetConnectOpts } from "node:net";
import process from "node:process";
import type { Answer, Answering } from "../../core/control/socket.ts";
import { fdOf } from "../ffi/connection.ts";
import { fetchControl } from "../shared/control_fetch.ts";
import { answering } from "../shared/http_server.ts";
import type { ServeControl } from "../shared/control_socket.ts";
import type { BunControl } from "./types.ts";

/** See {@linkcode ServeControl}. */
export function bunControl(Bun: BunControl): ServeControl {
  return (file, answer) => {
    const server = Bun.serve({
      unix: file,
      // A reload takes longer than the 10 s that it would wait for an answer.
      idleTimeout: 0,
      fetch: fetchControl(answer),
    });
    server.unref();
    return Promise.resolve(() => void server.stop());
  };
}

/**
 * See {@linkcode Adapter.answer}. A socket of Bun 1.4.4 that is made of a file
 * descriptor reads nothing; one that is connected to it does.
 */
export function answerByBun(answer: Answer): Answering {
  return answering(answer, (connection) => {
    const { Socket } = process.getBuiltinModule("node:net");
    const options: object = { fd: fdOf(connection) };
    return new Socket().connect(options as NetConnectOpts);
  });
}

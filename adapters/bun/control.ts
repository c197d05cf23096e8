/**
 * Bun answers whoever asks of a pool.
 *
 * @module
 */

import { fetchControl } from "../shared/control_fetch.ts";
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

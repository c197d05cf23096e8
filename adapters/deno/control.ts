/**
 * Deno answers whoever asks of a pool.
 *
 * @module
 */

import { fetchControl } from "../shared/control_fetch.ts";
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

/**
 * Feeds a server of `node:http` that was grafted, once its program limits its
 * connections: the server accepts all that waits at once.
 *
 * @module
 */

import type { Server } from "node:http";
import process from "node:process";
import { messageOf } from "../../core/errors.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";
import { type AcceptSwitch, shareSwitch } from "../graft/accept_switch.ts";
import type { Graft } from "../graft/graft.ts";
import { type Acceptor, fed } from "../listening/acceptors.ts";
import {
  type ConnectionLimit,
  stopWhileFull,
  watchFull,
} from "../listening/limit.ts";
import { kindOf } from "../process/server_kind.ts";
import { isCounted } from "../balance/native_servers.ts";
import { presentCore } from "../process/worker_core.ts";

/** What accepts in the place of a server, until it is disposed. */
export interface BunHttpFeeding extends Disposable {
  /**
   * Accepts nothing for a while.
   *
   * @throws {PreforkError} `ERR_ATTACH` where it cannot, or not yet
   */
  pause(): void;
  /** Accepts again. */
  resume(): void;
}

/**
 * Accepts in the place of a server, until disposed.
 *
 * @param grafts by which it accepts now; they are quiesced
 * @param open how many connections the server has
 */
export function feedBunHttp(
  server: Server,
  listener: InheritedListener,
  limit: ConnectionLimit,
  grafts: readonly Graft[],
  open: () => number,
): BunHttpFeeding {
  const stopGrafts = (): void => grafts.forEach((graft) => graft.quiesce());
  stopGrafts();
  const parts: Disposable[] = [];
  let ended = false;
  let fails = false;
  let accepting: AcceptSwitch | undefined;
  const { balancer } = presentCore() ?? {};
  if (balancer !== undefined && isCounted(listener, balancer)) {
    parts.push(balancer.count(open), watchFull(limit, balancer.full));
  }
  const fd = listener.fds[listener.shard]!;
  const begin = (acceptor: Acceptor): void => {
    const close = { [Symbol.dispose]: acceptor.close };
    if (ended) return acceptor.close();
    parts.push(stopWhileFull(limit, fd), close);
  };
  const at = { fd, backlog: listener.backlog };
  const acceptor = fed(server, kindOf(server), at, limit);
  acceptor.started.then(() => begin(acceptor), (error: unknown) => {
    fails = true;
    if (!ended) { for (const graft of grafts) graft.resume(); }
    process.stderr.write(
      `the server on "${listener.name}" closes what is above its limit: ${
        messageOf(error)
      }\n`,
    );
  });
  return {
    pause() {
      if (fails) return;
      accepting ??= shareSwitch(fd);
      accepting.quiesce();
    },
    resume() {
      if (fails) return;
      // Whoever has resumed all servers has resumed these.
      stopGrafts();
      accepting?.resume();
    },
    [Symbol.dispose]() {
      ended = true;
      accepting?.end();
      for (const each of parts.splice(0)) each[Symbol.dispose]();
      limit.release();
    },
  };
}

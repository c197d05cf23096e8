/**
 * The runtimes' own servers, where they can be used.
 *
 * @module
 */

import process from "node:process";
import {
  type Address,
  formatAddress,
  type ListenerSpec,
  parseListener,
} from "../core/options/address.ts";
import type { InheritedListener } from "../core/launch/environment.ts";
import { isInherited } from "../core/options/share_mode.ts";
import type { Standalone } from "./listening/standalone.ts";
import { cannotBind } from "./process/errors.ts";
import type { Attachment } from "./process/worker_core.ts";
import { isFiltered, nativeRefusal } from "./filters/listener_filter.ts";
import { closingWhen } from "./drain/closing.ts";
import type { ErrorHandler, FetchHandler } from "./fetch/handler.ts";
import type { NativeKind, NativeServer } from "./fetch/native_server.ts";
import { defaultOnError, replying } from "./fetch/reply.ts";
import { graftRefusal } from "./graft/graft.ts";

/** What a runtime's own server can serve. */
export interface Native {
  /** Listens without a pool; undefined when it cannot have the address. */
  standalone(spec: ListenerSpec): Standalone | undefined;
  /** How to serve an inherited listener; undefined when it cannot. */
  inherited(listener: InheritedListener): StartNative | undefined;
  /** Says why it does not serve a listener. */
  warnBridged(listener: InheritedListener, reason: string): void;
}

/**
 * Starts a server; what it returns has it accept.
 *
 * @param held true when it is not to accept before
 */
export type StartNative = (held: boolean) => () => Attachment;

/** What a runtime's own server can do for a handler. */
export function nativeOf(
  kind: NativeKind,
  fetch: FetchHandler,
  draining: AbortSignal,
  onError: ErrorHandler = defaultOnError,
): Native {
  const handler = replying(fetch, onError);
  const last = closingWhen(draining, handler);
  const attachment = (server: NativeServer): Attachment => ({
    drain: (_idle, window) => server.stop(window),
  });
  return {
    standalone(spec) {
      const address = spec.address;
      if (address.kind !== "tcp" || spec.ipv6Only || isFiltered(spec)) {
        return undefined;
      }
      const server = startStandalone(
        spec,
        () => kind.start(last, { address, reusePort: false }),
      );
      const real: Address = { ...address, port: server.port };
      return { address: formatAddress(real), attachment: attachment(server) };
    },
    inherited(listener) {
      if (isInherited(listener.mode)) {
        if (nativeRefusal(listener) !== undefined) return undefined;
        const refusal = graftRefusal();
        if (refusal === undefined) {
          return (held) => {
            const serving = kind.inherit(handler, listener, held);
            return () => serving.serve(listener);
          };
        }
        warnBridged(listener, `${refusal.reason}, use ${refusal.instead}`);
        return undefined;
      }
      const { address } = parseListener(listener.address);
      if (
        listener.mode !== "reuseport" || !kind.reusePort ||
        listener.ipv6Only || address.kind !== "tcp" || isFiltered(listener)
      ) return undefined;
      // It accepts as soon as it has the port.
      const place = { address, reusePort: true };
      return () => () => attachment(kind.start(last, place));
    },
    warnBridged,
  };
}

function warnBridged({ name }: InheritedListener, reason: string): void {
  process.stderr.write(
    `serve() on "${name}" goes through node:http: ${reason}\n`,
  );
}

function startStandalone(
  spec: ListenerSpec,
  start: () => NativeServer,
): NativeServer {
  try {
    return start();
  } catch (error) {
    throw cannotBind(`listen on "${spec.name}"`, error);
  }
}

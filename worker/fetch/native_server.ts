/**
 * A runtime's own server of fetch handlers, as `serve()` uses it.
 *
 * @module
 */

import type { TcpAddress } from "../../core/options/address.ts";
import type { InheritedListener } from "../../core/launch/environment.ts";
import type { Attachment } from "../process/worker_core.ts";
import type { FetchHandler } from "./handler.ts";

/** Where a native server is to listen. */
export interface NativePlace {
  /** The address. */
  readonly address: TcpAddress;
  /** True to share it by SO_REUSEPORT. */
  readonly reusePort: boolean;
}

/** A running native server. */
export interface NativeServer {
  /** The port it listens on. */
  readonly port: number;
  /**
   * Stops accepting and resolves once its connections have ended.
   *
   * @param window how long it is until the deadline, in ms
   */
  stop(window: number): Promise<void>;
}

/** How one runtime starts its own server. */
export interface NativeKind {
  /** True when its SO_REUSEPORT can be used. */
  readonly reusePort: boolean;
  /** Starts it. */
  start(handler: FetchHandler, place: NativePlace): NativeServer;
  /**
   * Starts it on an inherited socket.
   *
   * @param held true when it is not to accept before it is told to serve
   * @throws {PreforkError} `ERR_ATTACH` when it cannot be put there
   */
  inherit(
    handler: FetchHandler,
    listener: InheritedListener,
    held: boolean,
  ): { serve(listener: InheritedListener): Attachment };
}

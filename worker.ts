/**
 * What a worker of a pool imports: attach to the supervisor, put a server on
 * the pool's listener, leave without cutting a request. The same file run by
 * hand just listens.
 *
 * @example Serve a fetch handler
 * ```ts
 * import { attach, serve } from "@prefork/prefork/worker";
 *
 * const { slot } = attach();
 * await serve(() => new Response(`hello from ${slot}\n`));
 * ```
 *
 * @example Put a server on one of two listeners
 * ```ts
 * import { createServer } from "node:net";
 * import { listen } from "@prefork/prefork/worker";
 *
 * const echo = createServer((socket) => socket.pipe(socket));
 * await listen(echo, { name: "echo", address: "127.0.0.1:7000" });
 * ```
 *
 * @module
 */

import { keepDescriptors } from "./worker/process/descriptors.ts";

// At once: the program may start something before it attaches.
keepDescriptors();

export type { ShareMode } from "./core/adapter.ts";
export { PreforkError, type PreforkErrorCode } from "./core/errors.ts";
export type {
  CertificateFiles,
  ListenerFeatures,
  ProxySettings,
  ProxyVersion,
} from "./core/options/listener_features.ts";
export { attach } from "./worker/attach.ts";
export {
  type CertificateOptions,
  certificates,
  type SecureServer,
} from "./worker/certificates.ts";
export type {
  ErrorHandler,
  FetchHandler,
  ServeInfo,
} from "./worker/fetch/handler.ts";
export {
  listen,
  type ListenInfo,
  type ListenOptions,
} from "./worker/listen.ts";
export {
  type DatagramHandler,
  type DatagramListener,
  type DatagramOptions,
  type DatagramPeer,
  listenDatagram,
} from "./worker/listen_dgram.ts";
export { serve, type ServeOptions } from "./worker/serve.ts";
export type { InheritedListener, Worker } from "./worker/types.ts";

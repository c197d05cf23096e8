/**
 * A way to a server of this process that no client goes: a private address, for
 * the request of a check. The server need not accept from the pool yet.
 *
 * @module
 */

/** A server at a private address, until it is disposed. */
export interface Probe extends Disposable {
  /** The port on 127.0.0.1, or the path; a leading NUL makes it abstract. */
  readonly at: { readonly port: number } | { readonly path: string };
  /** True where the server speaks TLS there. */
  readonly tls: boolean;
  /**
   * The request is on its way, from this port: where the address is one that
   * others of this machine can find, they are cut off.
   */
  admit(port: number): void;
}

/** Opens such an address; whatever cannot be done is thrown or rejected. */
export type OpenProbe = () => Probe | Promise<Probe>;

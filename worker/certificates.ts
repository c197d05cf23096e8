/**
 * `certificates()`: certificates for a server that ends TLS itself.
 *
 * @module
 */

import type { SecureContextOptions, TlsOptions } from "node:tls";
import { messageOf, PreforkError } from "../core/errors.ts";
import type { CertificateFiles } from "../core/options/listener_features.ts";
import { openCertificates } from "../tls/certificates.ts";

/** A server whose default certificate can be replaced. */
export interface SecureServer {
  /** As `tls.Server` has it; not every runtime's https server does. */
  setSecureContext?(options: SecureContextOptions): void;
}

/** TLS options that follow the files of their certificates. */
export interface CertificateOptions {
  /** The default certificate at the time of the call, PEM. */
  readonly cert: string;
  /** Its private key, PEM. */
  readonly key: string;
  /** Gives each client the certificate of the name that it asks for. */
  readonly SNICallback: NonNullable<TlsOptions["SNICallback"]>;
  /**
   * Has the server's default certificate follow its file too: Node and Bun ask
   * `SNICallback` only for clients that name a host. Returns the server.
   */
  renew<S extends SecureServer>(server: S): S;
}

/**
 * Certificates for a server of `node:https`, `node:tls` or `node:http2` that
 * ends TLS itself: several names on one port, and renewed files in use within
 * two seconds, without a restart. Connections that are open live on. A renewed
 * pair that cannot be used is reported by one line on stderr, and the last good
 * one stays.
 *
 * A client gets the first certificate that has the name it asks for, else the
 * first one. `*.example.com` stands for exactly one label.
 *
 * A listener with `?cert=..&key=..` does all of this for a server without TLS.
 *
 * @throws {TypeError} when there is no certificate
 * @throws {PreforkError} `ERR_ATTACH` when one of them cannot be used
 *
 * @example
 * ```ts
 * import { createServer } from "node:https";
 * import { certificates, listen } from "@prefork/prefork/worker";
 *
 * const tls = certificates([
 *   { cert: "example.com/fullchain.pem", key: "example.com/privkey.pem" },
 *   { cert: "example.org/fullchain.pem", key: "example.org/privkey.pem" },
 * ]);
 * const server = createServer(tls, (_request, response) => response.end("hi\n"));
 * await listen(tls.renew(server));
 * ```
 */
export function certificates(
  files: readonly CertificateFiles[],
): CertificateOptions {
  if (!Array.isArray(files) || files.length === 0) {
    throw new TypeError(
      'Cannot use certificates: there is none, pass at least one as in [{ cert: "cert.pem", key: "key.pem" }]',
    );
  }
  const opened = openFiles(files);
  const { cert, key } = opened.pairs()[0]!;
  return {
    cert,
    key,
    SNICallback: (name, done) => done(null, opened.contextFor(name)),
    renew(server) {
      opened.onRenewal(() => {
        const first = opened.pairs()[0]!;
        server.setSecureContext?.({ cert: first.cert, key: first.key });
      });
      return server;
    },
  };
}

function openFiles(
  files: readonly CertificateFiles[],
): ReturnType<typeof openCertificates> {
  try {
    return openCertificates(files);
  } catch (error) {
    throw new PreforkError(
      "ERR_ATTACH",
      `Cannot use certificates: ${messageOf(error)}`,
      error,
    );
  }
}

/**
 * The certificates of a listener: which one a client gets, and the reading of
 * renewed ones while the worker runs.
 *
 * @module
 */

import process from "node:process";
import type { SecureContext } from "node:tls";
import { messageOf } from "../core/errors.ts";
import type {
  CertificateFiles,
  ListenerFeatures,
} from "../core/options/listener_features.ts";
import { indexByName } from "./names.ts";
import { type CertificatePair, readPair } from "./pair.ts";
import { signatureOf, watchFiles } from "./file_watch.ts";

/** Certificates that are kept up to date. */
export interface Certificates {
  /** The certificates as they are now; the first is the default. */
  pairs(): readonly CertificatePair[];
  /**
   * The certificate for a client that asks for this name; the default one
   * without a name, or for a name that none has.
   */
  contextFor(name: string | undefined): SecureContext;
  /** Calls a function after each renewal, until disposed. */
  onRenewal(run: () => void): Disposable;
}

/** Writes a line about a certificate that cannot be used. */
export type Warn = (line: string) => void;

const toStderr: Warn = (line) => void process.stderr.write(`${line}\n`);

/**
 * Reads certificates and looks after their files. A renewed pair is used for
 * new connections from the moment it can be read; connections that are open
 * live on. One that cannot be used is reported once, and the last good one
 * stays.
 *
 * @throws {Error} when one of them cannot be used; the message is the rest of
 * a sentence
 */
export function openCertificates(
  files: readonly CertificateFiles[],
  warn: Warn = toStderr,
): Certificates {
  // Before reading: what changes from here on is a renewal.
  const before = files.map(({ cert, key }) => signatureOf([cert, key]));
  const pairs = files.map(readPair);
  const renewals = new Set<() => void>();
  const index = () =>
    indexByName(
      pairs.map(({ names, context }) => ({ names, value: context })),
    );
  let find = index();

  for (const [i, { cert, key }] of files.entries()) {
    watchFiles([cert, key], before[i]!, {
      changed() {
        const renewed = readPair(files[i]!);
        // The name of a link may be back on last year's file.
        const now = Date.now();
        if (renewed.expires < now && pairs[i]!.expires >= now) {
          const end = new Date(renewed.expires).toISOString();
          throw new Error(`the certificate "${cert}" expired on ${end}`);
        }
        pairs[i] = renewed;
        find = index();
        for (const run of renewals) run();
      },
      failed(error) {
        const until = new Date(pairs[i]!.expires).toISOString();
        warn(
          `Cannot renew a certificate: ${
            messageOf(error)
          }, the one in use stays and expires on ${until}`,
        );
      },
    });
  }
  return {
    pairs: () => [...pairs],
    contextFor: (name) => (name ? find(name) : undefined) ?? pairs[0]!.context,
    onRenewal(run) {
      renewals.add(run);
      return { [Symbol.dispose]: () => void renewals.delete(run) };
    },
  };
}

const byFiles = new WeakMap<readonly CertificateFiles[], Certificates>();

/**
 * The certificates of a listener, read once for each process, or undefined
 * when it has none. A native server that ends TLS itself takes the PEM texts
 * from `pairs()`, and learns from `onRenewal()` that they have changed.
 *
 * @throws {Error} as {@linkcode openCertificates}
 */
export function certificatesOf(
  { certificates }: ListenerFeatures,
): Certificates | undefined {
  if (certificates === undefined) return undefined;
  const known = byFiles.get(certificates) ?? openCertificates(certificates);
  byFiles.set(certificates, known);
  return known;
}

/**
 * Reads one certificate with its key and checks that they can be used.
 *
 * @module
 */

import { readFileSync, statSync } from "node:fs";
import process from "node:process";
import type { SecureContext } from "node:tls";
import { messageOf } from "../core/errors.ts";
import type { CertificateFiles } from "../core/options/listener_features.ts";
import { namesOf } from "./names.ts";

/** A certificate that can be used. */
export interface CertificatePair {
  /** The certificate and its chain, PEM. */
  readonly cert: string;
  /** The private key, PEM. */
  readonly key: string;
  /** The DNS names it is for, in lower case; some may be wildcards. */
  readonly names: readonly string[];
  /** Its serial number, hexadecimal. */
  readonly serial: string;
  /** When it ends, in ms since 1970. */
  readonly expires: number;
  /** What a TLS connection needs of it. */
  readonly context: SecureContext;
}

/** A long chain has some 10 KB; this much is read at once without a delay. */
const MAX_BYTES = 1024 * 1024;

/**
 * Reads a certificate with its key.
 *
 * @throws {Error} whose message says what is wrong with which file, as the rest
 * of a sentence
 */
export function readPair(files: CertificateFiles): CertificatePair {
  // Not imported: few have certificates, and the two cost a third of a start.
  const { createPrivateKey, X509Certificate } = process
    .getBuiltinModule("node:crypto");
  const { createSecureContext } = process.getBuiltinModule("node:tls");
  const cert = readText(files.cert, "certificate");
  const key = readText(files.key, "key");
  const leaf = withProblem(
    () => new X509Certificate(cert),
    `"${files.cert}" holds no certificate in PEM`,
  );
  const secret = withProblem(
    () => createPrivateKey(key),
    `"${files.key}" holds no private key in PEM without a passphrase`,
  );
  // createSecureContext() of Deno 2.9.5 checks neither of the two.
  if (!leaf.checkPrivateKey(secret)) {
    throw new Error(
      `the key "${files.key}" does not belong to the certificate "${files.cert}"`,
    );
  }
  return {
    cert,
    key,
    names: namesOf(leaf.subjectAltName, leaf.subject),
    serial: leaf.serialNumber,
    expires: Date.parse(leaf.validTo),
    context: withProblem(
      () => createSecureContext({ cert, key }),
      `TLS cannot use the certificate "${files.cert}"`,
    ),
  };
}

/** What is wrong with a certificate, or undefined when it can be used. */
export function pairProblem(files: CertificateFiles): string | undefined {
  try {
    readPair(files);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function readText(path: string, what: string): string {
  return withProblem(
    () => {
      // A pipe or a device may never come to an end, or not even open.
      const file = statSync(path);
      if (!file.isFile()) throw new Error("it is no regular file");
      if (file.size > MAX_BYTES) {
        throw new Error(
          `it has ${file.size} bytes, PEM files have ${MAX_BYTES} at most`,
        );
      }
      return readFileSync(path, "utf8");
    },
    `the ${what} "${path}" cannot be read`,
  );
}

function withProblem<T>(run: () => T, problem: string): T {
  try {
    return run();
  } catch (error) {
    throw new Error(`${problem}: ${messageOf(error)}`, { cause: error });
  }
}

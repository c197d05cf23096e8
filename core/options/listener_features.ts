/**
 * What a listener does with a connection before a server sees it: end TLS, read
 * the header of the PROXY protocol.
 *
 * @module
 */

import { parseNetwork } from "./networks.ts";

/** The files of one certificate. */
export interface CertificateFiles {
  /** Path of the certificate and its chain, PEM, the server's own first. */
  readonly cert: string;
  /** Path of its private key, PEM, without a passphrase. */
  readonly key: string;
}

/** Which versions of the PROXY protocol a listener reads. */
export type ProxyVersion = "v1" | "v2" | "any";

/** How a listener reads the PROXY protocol. */
export interface ProxySettings {
  /** Which versions. */
  readonly version: ProxyVersion;
  /**
   * The addresses and networks that may send a header. A connection from
   * elsewhere is closed; one over a Unix socket is always trusted.
   */
  readonly trust: readonly string[];
}

/** What a listener does before a server sees a connection. */
export interface ListenerFeatures {
  /** True where port 0 was asked for, and the kernel has chosen the port. */
  readonly anyPort?: boolean;
  /** The certificates to end TLS with; the first is the default. */
  readonly certificates?: readonly CertificateFiles[];
  /** How to read the PROXY protocol. */
  readonly proxy?: ProxySettings;
}

/** The names of these settings in an address. */
export const FEATURE_KEYS: readonly string[] = [
  "cert",
  "key",
  "proxy",
  "trust",
];

/** Who may send a PROXY header unless said otherwise: this machine. */
export const DEFAULT_TRUST: readonly string[] = ["127.0.0.0/8", "::1/128"];

const VERSIONS: readonly string[] = ["v1", "v2", "any"];

/**
 * Reads the settings behind an address; others are not looked at.
 *
 * @throws {TypeError} when one of them is wrong; it quotes the whole `text`
 */
export function parseFeatures(
  settings: Iterable<readonly [string, string]>,
  text: string,
): ListenerFeatures {
  const values: Record<string, string[]> = {};
  for (const [key, value] of settings) {
    if (!FEATURE_KEYS.includes(key)) continue;
    if (value === "") {
      throw wrong(text, `"${key}" is empty, give it a value or leave it out`);
    }
    (values[key] ??= []).push(value);
  }
  const certificates = pairs(values["cert"], values["key"], text);
  const proxy = proxyOf(values["proxy"], values["trust"], text);
  return {
    ...(certificates !== undefined && { certificates }),
    ...(proxy !== undefined && { proxy }),
  };
}

function pairs(
  certs: readonly string[] = [],
  keys: readonly string[] = [],
  text: string,
): readonly CertificateFiles[] | undefined {
  if (certs.length !== keys.length) {
    throw wrong(
      text,
      `it has ${certs.length} "cert" and ${keys.length} "key", each certificate needs its key as in "?cert=/path/fullchain.pem&key=/path/key.pem"`,
    );
  }
  if (certs.length === 0) return undefined;
  return certs.map((cert, i) => ({ cert, key: keys[i]! }));
}

function proxyOf(
  versions: readonly string[] = [],
  lists: readonly string[] = [],
  text: string,
): ProxySettings | undefined {
  const [version, second] = versions;
  if (second !== undefined) {
    throw wrong(text, `"proxy" is there twice, "any" reads both versions`);
  }
  if (version === undefined) {
    if (lists.length === 0) return undefined;
    throw wrong(text, `"trust" belongs to "proxy", add "proxy=v2"`);
  }
  if (!VERSIONS.includes(version)) {
    throw wrong(text, `"proxy" must be v1, v2 or any, received "${version}"`);
  }
  const trust = lists.flatMap((list) => list.split(","));
  for (const each of trust) {
    if (parseNetwork(each) !== undefined) continue;
    throw wrong(
      text,
      `"trust" takes addresses and networks such as "10.0.0.0/8,192.0.2.1", received "${each}"`,
    );
  }
  return {
    version: version as ProxyVersion,
    trust: trust.length === 0 ? DEFAULT_TRUST : trust,
  };
}

function wrong(text: string, what: string): TypeError {
  return new TypeError(`Cannot listen on "${text}": ${what}`);
}

/** True for features as {@linkcode parseFeatures} makes them. */
export function areFeatures(
  { anyPort, certificates, proxy }: Readonly<Record<string, unknown>>,
): boolean {
  return (anyPort === undefined || typeof anyPort === "boolean") &&
    (certificates === undefined || isList(certificates, isPair)) &&
    (proxy === undefined || isProxy(proxy));
}

function isPair(value: unknown): boolean {
  const { cert, key } = (value ?? {}) as Record<string, unknown>;
  return typeof cert === "string" && typeof key === "string";
}

function isProxy(value: unknown): boolean {
  const { version, trust } = (value ?? {}) as Record<string, unknown>;
  return VERSIONS.includes(version as string) &&
    isList(
      trust,
      (each) => typeof each === "string" && parseNetwork(each) !== undefined,
    );
}

function isList(value: unknown, fits: (each: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(fits);
}

/** The features alone of something that has them. */
export function featuresOf(
  { anyPort, certificates, proxy }: ListenerFeatures,
): ListenerFeatures {
  return {
    ...(anyPort !== undefined && { anyPort }),
    ...(certificates !== undefined && { certificates }),
    ...(proxy !== undefined && { proxy }),
  };
}

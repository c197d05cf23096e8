/**
 * Looks at what listeners do with connections before the first one is bound.
 *
 * @module
 */

import type { Adapter } from "./adapter.ts";
import type { ListenerSpec } from "./options/address.ts";
import { PreforkError } from "./errors.ts";

/**
 * Checks the certificates of listeners and makes their paths absolute: a
 * worker may run in another directory.
 *
 * @param foreign true when some workers are programs in other languages
 * @throws {PreforkError} `ERR_BIND` when a certificate cannot be used
 * @throws {TypeError} when a program in another language would get connections
 * that nobody has ended TLS of, or read the PROXY header of
 */
export function checkFeatures(
  specs: readonly ListenerSpec[],
  foreign: boolean,
  { host }: Adapter,
): readonly ListenerSpec[] {
  return specs.map((spec) => {
    const { name, certificates, proxy } = spec;
    if (foreign && (certificates !== undefined || proxy !== undefined)) {
      const [what, settings] = certificates === undefined
        ? ["read the PROXY header", `"proxy"`]
        : ["end TLS", `"cert" and "key"`];
      throw new TypeError(
        `Cannot listen on "${name}": only workers on Node, Deno and Bun ${what}, leave ${settings} out and let the program do it`,
      );
    }
    if (certificates === undefined) return spec;
    const absolute = certificates.map(({ cert, key }) => ({
      cert: host.resolve(cert),
      key: host.resolve(key),
    }));
    for (const files of absolute) {
      const problem = host.certificateProblem(files);
      if (problem === undefined) continue;
      throw new PreforkError(
        "ERR_BIND",
        `Cannot listen on "${name}": ${problem}`,
      );
    }
    return { ...spec, certificates: absolute };
  });
}

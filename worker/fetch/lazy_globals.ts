/**
 * Requests and responses that are made when somebody looks, on Node: its own are
 * written in JavaScript and cost more than all of `node:http`.
 *
 * @module
 */

import { installLazyRequest, platformOf } from "./lazy_request.ts";
import { installLazyResponse } from "./lazy_response.ts";

let installed = false;

/**
 * Has `new Response()` of the program make responses of ours, and `fetch()` and
 * `new Request()` take requests of ours. They are instances of the same classes
 * as the platform's own, which are instances of these.
 */
export function installLazy(): void {
  if (installed) return;
  installed = true;
  replace("Response", installLazyResponse());
  replace("Request", installLazyRequest());
  replace(
    "fetch",
    new Proxy(globalThis.fetch, {
      apply: (target, self, [input, ...init]) =>
        Reflect.apply(target, self, [platformOf(input), ...init]),
    }),
  );
}

function replace(name: "Response" | "Request" | "fetch", value: unknown): void {
  const own = Object.getOwnPropertyDescriptor(globalThis, name)!;
  const prototype = (value as { readonly prototype?: object }).prototype;
  if (prototype !== undefined) {
    const constructor = Object.getOwnPropertyDescriptor(
      prototype,
      "constructor",
    )!;
    Object.defineProperty(prototype, "constructor", { ...constructor, value });
  }
  // Node 22.12 gives some of them by a getter.
  const { enumerable = false } = own;
  Object.defineProperty(globalThis, name, {
    value,
    enumerable,
    writable: true,
    configurable: true,
  });
}

/**
 * The signal of a request of `Bun.serve` or `Deno.serve`, which a drain can abort.
 *
 * @module
 */

const controllers = new WeakMap<Request, AbortController>();

/** The runtime's own getter, which nobody can replace on the prototype (Bun 1.4.4). */
const signalOf = Object.getOwnPropertyDescriptor(Request.prototype, "signal")!
  .get as (this: Request) => AbortSignal;

const ABORTABLE: PropertyDescriptorMap = {
  signal: {
    configurable: true,
    get(this: Request) {
      return controllerOf(this).signal;
    },
  },
  clone: {
    configurable: true,
    writable: true,
    value(this: Request) {
      const copy = Request.prototype.clone.call(this);
      controllers.set(copy, controllerOf(this));
      return Object.defineProperties(copy, ABORTABLE);
    },
  },
};

/** Has a request and its clones show a signal that {@linkcode abort} can abort, too. */
export function makeAbortable(request: Request): void {
  Object.defineProperties(request, ABORTABLE);
}

/** Aborts the signal of a request: its answer ends before its time. */
export function abort(request: Request, reason: unknown): void {
  controllerOf(request).abort(reason);
}

/** Made when somebody looks: a signal for each request costs more than it. */
function controllerOf(request: Request): AbortController {
  let controller = controllers.get(request);
  if (controller === undefined) {
    const made = controller = new AbortController();
    controllers.set(request, made);
    const theirs = signalOf.call(request);
    const follow = (): void => made.abort(theirs.reason);
    if (theirs.aborted) follow();
    else theirs.addEventListener("abort", follow, { once: true });
  }
  return controller;
}

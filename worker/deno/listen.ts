/**
 * `Deno.listen` and `Deno.listenTls` on an inherited listener.
 *
 * @module
 */

import type { InheritedListener } from "../../core/launch/environment.ts";
import { scanUntil } from "../drain/connections.ts";
import { parkNative } from "../listening/park.ts";
import type { StartedServer } from "../listening/reservation.ts";
import { kernelHere } from "../graft/graft.ts";
import { viewConnections } from "../graft/connections.ts";
import {
  acceptFromAll,
  type AcceptPause,
  type AcceptSource,
  createAcceptPause,
} from "./accept.ts";
import { denoAddress } from "./address.ts";
import { withoutPlace } from "./arguments.ts";
import { startGrafted } from "./start.ts";
import { openDenoShards, type Referenced } from "./shards.ts";
import { lookOf } from "../balance/native_servers.ts";

/** The functions of Deno that listen. */
export type DenoListen = typeof Deno.listen | typeof Deno.listenTls;

/** One listener of Deno, with its own methods. */
interface NativeListener extends AcceptSource<Deno.Conn>, Referenced {
  /** Where it listened first. */
  readonly addr: Deno.Addr;
  /** Closes it; connections live on. */
  close(): void;
}

/**
 * Puts a listener of Deno on one whose socket was inherited: `accept()` gives
 * the pool's connections. In the drain it closes, so that a pending `accept()`
 * rejects and `for await` ends, as with `close()`; the drain then waits for the
 * connections, since only the program can tell when one of them is done.
 *
 * @param options as given to `Deno.listen` or `Deno.listenTls`
 * @param original that function of Deno
 * @param held true when it is not to accept before it is told to serve
 * @param left called when the program closes the listener by itself
 * @throws {PreforkError} `ERR_ATTACH` when it cannot be grafted
 * @throws what Deno throws for the options
 */
export function inheritDenoListen(
  listener: InheritedListener,
  options: object,
  original: DenoListen,
  held = false,
  left: () => void = () => {},
): StartedServer<Deno.Listener<Deno.Conn>> {
  const listen = original as (options: object) => Deno.Listener<Deno.Conn>;
  const rest = withoutPlace(options);
  const look = lookOf(listener);
  let facade: Deno.Listener<Deno.Conn> | undefined;
  let open = true;
  const accepting = acceptFromAll<Deno.Conn>(() => open);
  let home: NativeListener | undefined;
  const shards = openDenoShards<NativeListener>(
    listener,
    (each, shard, held) => {
      const pause = createAcceptPause();
      const grafted = startGrafted(
        each,
        shard,
        (place) => {
          const made = listen({ ...rest, ...place });
          facade ??= made;
          return pausing(ownMethods(made), pause, look);
        },
        (native) => native.close(),
        { held, guard: pause.follow },
      );
      accepting.add(grafted.server);
      return grafted;
    },
    held,
  );

  const close = (): boolean => {
    if (!open) return false;
    open = false;
    // First out of the event loop: what waits is for other workers.
    shards.quiesce();
    for (const { server } of shards.all()) server.close();
    home?.close();
    return true;
  };
  const closeByProgram = (): void => {
    if (close()) left();
    // Deno says what it thinks of a second call.
    else shards.own.server.close();
  };
  const value = (value: unknown): PropertyDescriptor => ({
    value,
    configurable: true,
    writable: true,
  });
  Object.defineProperties(facade!, {
    addr: {
      get: () => home?.addr ?? denoAddress(listener),
      configurable: true,
    },
    accept: value(accepting.accept),
    close: value(closeByProgram),
    ref: value(shards.ref),
    unref: value(shards.unref),
    [Symbol.dispose]: value(closeByProgram),
  });

  const ended = (isOver: () => boolean = () => false): Promise<void> => {
    const view = viewConnections(
      kernelHere(shards.sockets()[0]!),
      // Deno has one epoll instance, whatever listens.
      shards.own.graft.epoll,
      ...shards.sockets(),
    );
    return scanUntil(() => isOver() || view.open().length === 0);
  };
  const drain = (): Promise<void> => {
    close();
    return ended();
  };
  const parkable = parkNative(shards, {
    finish: (_idle, _window, isOver) => ended(isOver),
    resume() {},
  });
  return {
    server: facade!,
    serving: {
      serve: (each) => ({ raw: true, drain, parkable, ...shards.serve(each) }),
      cede: shards.cede,
      become(own) {
        home = ownMethods(own);
        accepting.add(home);
      },
    },
  };
}

/** The methods as they are before those of the program's listener replace them. */
function ownMethods(made: Deno.Listener<Deno.Conn>): NativeListener {
  return {
    addr: made.addr,
    accept: made.accept.bind(made),
    close: made.close.bind(made),
    ref: made.ref.bind(made),
    unref: made.unref.bind(made),
  };
}

/** The same, which can be stopped for a while. */
function pausing(
  native: NativeListener,
  pause: AcceptPause,
  look: (() => void) | undefined,
): NativeListener {
  return {
    ...native,
    async accept() {
      await pause.over();
      const connection = await native.accept();
      look?.();
      return connection;
    },
    close() {
      native.close();
      pause.end();
    },
  };
}

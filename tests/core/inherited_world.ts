/** What the tests of inherited sockets share: a parent that passes some on. */
import { MemoryWorld } from "../../adapters/memory.ts";

export type Env = Readonly<Record<string, string>>;

/** A systemd that has passed on so many sockets to the process of the tests. */
export function systemd(count: number | string, more: Env = {}): Env {
  return { LISTEN_PID: "1000", LISTEN_FDS: String(count), ...more };
}

/** A world whose parent has passed on web (3), api (4) and one at [::] (5). */
export function world(env: Env = {}): MemoryWorld {
  const made = new MemoryWorld();
  const names = { LISTEN_FDNAMES: "web:api:unknown" };
  Object.assign(made.env, systemd(3, { ...names, ...env }));
  made.inherited.listening(3, "127.0.0.1", 9000)
    .listening(4, "127.0.0.1", 9001)
    .listening(5, "", 9002);
  return made;
}

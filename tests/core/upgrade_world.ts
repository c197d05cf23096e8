/** Pools in memory that are succeeded, or succeed another one. */
import { type MemoryProcess, MemoryWorld } from "../../adapters/memory.ts";
import {
  encodeHandover,
  type HandedListener,
  type Handover,
} from "../../core/listeners/handover.ts";
import { say, type Word, wordIn } from "../../core/upgrade/words.ts";
import { running, settle, type Stage, stage } from "./world.ts";

/** The command line of a supervisor. */
export const COMMAND: readonly string[] = ["prefork", "app.js"];

/** A running pool that knows its command, and the successor that it starts. */
export async function upgrading(
  options: Parameters<typeof running>[0] = {},
  world?: MemoryWorld,
): Promise<Stage & { successor: MemoryProcess; upgrade: Promise<unknown> }> {
  const made = await running({ upgradeCommand: COMMAND, ...options }, world);
  made.world.onSpawn = () => {};
  const upgrade = made.pool.upgrade();
  upgrade.catch(() => {});
  await settle();
  return { ...made, upgrade, successor: made.world.processes.at(-1)! };
}

/** A successor says something. */
export const word = (process: MemoryProcess, said: Word): void =>
  process.plan.onMessage(say(said));

/** The predecessor of a pool, as that sees it. */
export interface Before {
  readonly said: (Word | undefined)[];
  tell(said: Word): void;
  die(): void;
}

function before(world: MemoryWorld, handover: Partial<Handover>): Before {
  const said: (Word | undefined)[] = [];
  let hear: (message: unknown) => void;
  let gone: () => void;
  world.predecessor = {
    handover: encodeHandover({
      pid: 77,
      listeners: [],
      opened: [],
      shards: [],
      ...handover,
    }),
    say: async (message) => void await said.push(wordIn(message)),
    onMessage: (run) => hear = run,
    onGone: (run) => gone = run,
    close: () => {},
  };
  return { said, tell: (each) => hear(say(each)), die: () => gone() };
}

/** A listener as it is handed over. */
export function handed(
  asked: string,
  more: Partial<HandedListener> = {},
): HandedListener {
  return {
    asked,
    name: asked,
    address: asked,
    mode: "balanced",
    backlog: 511,
    ipv6Only: false,
    anyPort: false,
    fds: [3],
    ...more,
  };
}

/** A pool that succeeds another one, and whose workers become ready. */
export async function succeeding(
  handover: Partial<Handover>,
  options: Parameters<typeof running>[0] = {},
  world: MemoryWorld = new MemoryWorld(),
): Promise<Stage & Before & { started: Promise<void> }> {
  const past = before(world, handover);
  const made = stage({ soak: 0, ...options }, world);
  world.onSpawn = (process) => queueMicrotask(() => process.getReady());
  const started = made.pool.start();
  started.catch(() => {});
  await settle();
  world.advance(0);
  await settle();
  return { ...made, ...past, started };
}

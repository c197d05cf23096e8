/** What happens to a pool in its model test, each thing a row that can be run again. */
import type { MemoryProcess } from "../../adapters/memory.ts";
import type { ExitStatus } from "../../core/adapter.ts";
import type { Random } from "../random.ts";
import type { Conn } from "./backends.ts";
import { pass, score } from "./passing_scene.ts";
import type { Reference, Seen } from "./pool_reference.ts";
import { settle, type Stage } from "./world.ts";

/** A pool, what must hold of it, and what has been passed on in it. */
export interface Scene extends Stage {
  readonly reference: Reference;
  readonly passed: Conn[];
  /** True when its workers pass connections on. */
  readonly balanced: boolean;
  /** How much has happened: deeds, and timers that fell due. */
  count: number;
}

/** What happens, and two numbers in [0, 1) that say to whom and how. */
export type Deed = readonly [kind: Kind, who: number, how: number];

const ENDS: readonly Partial<ExitStatus>[] = [
  { code: 0 },
  { code: 1 },
  { code: 134 },
  { code: null, signal: "SIGSEGV" },
  { code: null, signal: "SIGKILL" },
  { code: null, signal: "SIGTERM" },
];
const TIMES = [1, 100, 1_000, 11_000, 31_000, 61_000] as const;
const NOISE: readonly unknown[] = [null, 5, { prefork: 9 }, [1]];

function at<T>(list: readonly T[], part: number): T | undefined {
  return list[Math.floor(part * list.length)];
}

function someone(
  { reference }: Scene,
  who: number,
  ...phases: readonly Seen["phase"][]
): Seen | undefined {
  const all = reference.alive;
  return at(
    phases.length === 0
      ? all
      : all.filter(({ phase }) => phases.includes(phase)),
    who,
  );
}

/**
 * A worker that starts comes up, or fails if its release is broken; one that is
 * to take over does.
 */
export function boot({ reference }: Scene, one: Seen): void {
  const { process, phase, standby } = one;
  if (phase === "resuming") return process.say({ type: "ready" });
  if (phase !== "booting") return;
  if (reference.isBroken(one)) return process.exit({ code: 1 });
  process.say({ type: "hello", runtime: "memory", pid: process.pid });
  process.say({ type: standby ? "standby" : "ready" });
}

/** Lets time pass, and looks at the pool after each timer. */
export async function passTime(scene: Scene, ms: number): Promise<void> {
  const { world, reference } = scene;
  const { clock } = world.adapter;
  const end = clock.now() + ms;
  while (world.runNext(end - clock.now())) {
    await settle();
    reference.check();
    scene.count++;
  }
  world.advance(end - clock.now());
}

function scale({ pool, reference }: Scene, workers: number): void {
  reference.scale(workers);
  pool.scale(workers);
}

/** Whoever starts comes up, and whoever leaves is done: one after the other. */
export async function goWell(scene: Scene): Promise<void> {
  for (const one of scene.reference.alive) {
    if (one.phase === "leaving") one.process.exit();
    else boot(scene, one);
    await settle();
    scene.reference.check();
    scene.count++;
  }
}

/** How often each thing happens. */
const WEIGHTS = {
  boot: 40,
  "all well": 10,
  end: 6,
  "end at boot": 2,
  leave: 4,
  done: 14,
  hang: 3,
  wake: 1,
  spent: 5,
  parked: 2,
  unparkable: 0.5,
  quiesce: 3,
  resume: 3,
  noise: 2,
  "no process": 1,
  reload: 3,
  hup: 1,
  "broken reload": 2,
  mended: 1,
  scale: 2,
  winch: 1,
  more: 1,
  fewer: 1,
  time: 15,
  "pass on": 8,
} as const;

/** One of them. */
export type Kind = keyof typeof WEIGHTS;

type Act = (scene: Scene, who: number, how: number) => unknown;

const KINDS: Readonly<Record<Kind, Act>> = {
  boot(scene, who) {
    const one = someone(scene, who, "booting", "resuming");
    if (one !== undefined) boot(scene, one);
  },
  "all well": goWell,
  end: (scene, who, how) => someone(scene, who)?.process.exit(at(ENDS, how)),
  "end at boot": (scene, who, how) =>
    someone(scene, who, "booting", "resuming")?.process.exit(at(ENDS, how)),
  // As after a SIGTERM that was sent to it.
  leave: (scene, who) =>
    someone(
      scene,
      who,
      ...["booting", "serving", "parked", "quiesced", "waiting"] as const,
    )?.process.say({ type: "leaving" }),
  done: (scene, who, how) =>
    someone(scene, who, "leaving")?.process.exit({ code: how < 0.9 ? 0 : 1 }),
  hang(scene, who) {
    const one = someone(scene, who, "serving");
    if (one !== undefined) one.mute ??= scene.world.adapter.clock.now();
  },
  wake(scene, who) {
    const one = someone(scene, who, "serving");
    if (one?.mute === undefined) return;
    one.mute = undefined;
    one.process.say({ type: "heard", count: one.process.heard.length });
  },
  spent: (scene, who) =>
    someone(scene, who, "serving")?.process.say({ type: "spent", count: 1000 }),
  parked: (scene, who) =>
    someone(scene, who, "parked", "quiesced")?.process.say({ type: "parked" }),
  unparkable: (scene, who) =>
    someone(scene, who, "parked", "quiesced")?.process.say({
      type: "unparkable",
      reason: "no",
    }),
  quiesce: ({ pool }, who, how) =>
    void pool.quiesce(Math.floor(who * 6), { force: how < 0.5 }).catch(
      () => {},
    ),
  resume: ({ pool }, who) =>
    void pool.resume(Math.floor(who * 6)).catch(() => {}),
  noise: (scene, who, how) =>
    someone(scene, who)?.process.plan.onMessage(at(NOISE, how)),
  "no process": ({ reference }, _who, how) => {
    reference.failures = 1 + Math.floor(how * 3);
  },
  reload({ pool, reference }) {
    reference.reload();
    pool.reload().catch(() => {});
  },
  hup({ world, reference }) {
    reference.reload();
    world.signal("SIGHUP");
  },
  "broken reload"({ pool, reference }, who) {
    reference.broken = Math.floor(who * reference.wanted);
    reference.reload();
    pool.reload().catch(() => {});
  },
  mended: ({ reference }) => reference.broken = undefined,
  scale: (scene, who) => scale(scene, Math.floor(who * 6)),
  winch: ({ world, reference }) => {
    reference.scale(0);
    world.signal("SIGWINCH");
  },
  more({ world, reference }) {
    if (reference.wanted < 6) reference.scale(reference.wanted + 1);
    world.signal("SIGTTIN");
  },
  fewer({ world, reference }) {
    if (reference.wanted > 1) reference.scale(reference.wanted - 1);
    world.signal("SIGTTOU");
  },
  time: (scene, _who, how) => passTime(scene, at(TIMES, how)!),
  "pass on": (scene, who, how) => passAround(scene, who, how),
};

/** A worker passes a connection on, or answers, or lies. */
function passAround(scene: Scene, who: number, how: number): void {
  const { passed } = scene;
  const phases = ["serving", "parked", "quiesced", "leaving"] as const;
  const one = someone(scene, who, ...phases)?.process;
  if (one === undefined || !scene.balanced) return;
  const id = Math.floor(who * 1000) % (passed.length + 1);
  const acts: readonly ((one: MemoryProcess) => unknown)[] = [
    () => passed.push(pass(one, passed.length)),
    () => passed.push(pass(one, id)),
    () => passed.push(pass(one, passed.length, "elsewhere")),
    () => score(one, { open: Math.floor(who * 10) }),
    () => score(one, { takes: false }),
    () => one.say({ type: "heard", count: 5 }),
    () => one.say({ type: "gave", id }),
    () => one.say({ type: "kept", id }),
    () => one.received.at(-1)?.settle(true),
    () => one.received.at(-1)?.settle(false),
  ];
  at(acts, how)!(one);
}

/** Those that a day may have few of, so that what takes long comes about. */
const BAD: readonly string[] = [
  ...["end", "end at boot", "leave", "hang", "no process", "unparkable"],
  ...["scale", "winch", "more", "fewer", "spent", "quiesce"],
];

/** Draws what happens, on a bad day or a better one. */
export function drawDeeds(random: Random, count: number): readonly Deed[] {
  const part = random.pick([1, 0.4, 0.1]);
  const weights = Object.entries(WEIGHTS).map(([kind, weight]) =>
    [kind as Kind, weight * (BAD.includes(kind) ? part : 1)] as const
  );
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
  return Array.from({ length: count }, () => {
    let dice = random.next() * total;
    const [kind] = weights.find(([, weight]) => (dice -= weight) < 0)!;
    return [kind, random.next(), random.next()];
  });
}

/** Has it happen, and looks at the pool. */
export async function happen(
  scene: Scene,
  [kind, who, how]: Deed,
): Promise<void> {
  await KINDS[kind](scene, who, how);
  await settle();
  scene.reference.check();
  scene.count++;
}

/** The deeds in words. */
export function say(deeds: readonly Deed[]): string {
  return deeds.map(([kind, who, how]) =>
    `${kind} ${who.toFixed(3)} ${how.toFixed(3)}`
  ).join("\n");
}

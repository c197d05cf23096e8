/** Workers with their runtime's own servers share connections evenly. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import process from "node:process";
import { until } from "../command.ts";
import { test } from "../harness.ts";
import { ownRuntime } from "../runtimes.ts";
import { type Client, connect } from "./client.ts";
import {
  drainMessage,
  type FakeSupervisor,
  type FakeWorker,
  startSupervisor,
} from "./fake_supervisor.ts";
import { GET, left } from "./native_scene.ts";
import { busiest, haunt } from "./scoreboard.ts";

/** Workers of one listener. */
interface Scene {
  readonly supervisor: FakeSupervisor;
  readonly port: number;
  /** Starts one more. */
  spawn(): Promise<FakeWorker>;
  /** Waits until none is busy, which counts as load. */
  rest(): Promise<void>;
}

const skip = process.platform !== "linux"
  ? "grafting needs Linux"
  : ownRuntime === "node" && "Node has no server but its own net.Server";

function testServers(
  name: string,
  run: (scene: Scene) => Promise<void>,
): void {
  for (const what of ["own", "other"]) {
    test(`yielding, ${what} server: ${name}`, { skip }, async () => {
      await using supervisor = startSupervisor();
      const { index, port } = await supervisor.bind();
      let seat = 0;
      const spawn = async (): Promise<FakeWorker> => {
        const worker = await supervisor.spawn({
          runtime: ownRuntime,
          program: ["yielding_program.ts", what],
          listeners: [{
            name: "web",
            port,
            mode: "balanced",
            sockets: [index],
          }],
          board: { seat: seat++ },
        });
        await worker.until({ type: "ready" });
        return worker;
      };
      const rest = async (): Promise<void> => {
        const path = await supervisor.board();
        // Two beats from now on, so that none of the work before is missed.
        const since = Date.now() + 200;
        while (busiest(path, seat, since) > 0.02) {
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      };
      await run({ supervisor, port, spawn, rest });
    });
  }
}

/** A connection, and the worker that has it. */
interface Kept {
  readonly client: Client;
  readonly pid: number;
  /** Becomes true when the connection ends. */
  ended: boolean;
}

/** Opens a connection and asks once. */
async function kept(port: number): Promise<Kept> {
  const client = await connect(port);
  client.send(GET);
  const answer = await client.until(/\r\n\r\n\d+$/);
  const pid = Number(/\d+$/.exec(answer)![0]);
  const kept = { client, pid, ended: false };
  void client.ended.then(() => kept.ended = true);
  return kept;
}

/** The same, one after the other, with a pause in which all workers can act. */
async function row(port: number, count: number): Promise<Kept[]> {
  const all: Kept[] = [];
  for (let i = 0; i < count; i++) {
    all.push(await kept(port));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return all;
}

function close(all: readonly Kept[]): void {
  for (const { client } of all) client.close();
}

function of(all: readonly Kept[], { pid }: FakeWorker): number {
  return all.filter((each) => each.pid === pid).length;
}

/**
 * Resolves when both workers have about as many of these as the other; without
 * yielding it is 100 to 0. Being busy counts as load, and on a busy machine more
 * than connections do: who has less for it catches up with clients that come now
 * and then.
 *
 * @param last those that came last: more are added to them
 */
async function even(
  { port, rest }: Scene,
  one: FakeWorker,
  last: Kept[],
  before: readonly Kept[] = [],
): Promise<void> {
  const isEven = (): boolean => {
    const all = [...before, ...last];
    assert.ok(!all.some(({ ended }) => ended), "a worker has ended some");
    const apart = Math.abs(of(all, one) - all.length / 2);
    return apart <= Math.max(3, all.length / 10);
  };
  await until(async () => {
    if (isEven()) return true;
    await rest();
    last.push(await kept(port));
    return isEven();
  }, "as many each").catch(() => undefined);
  const all = [...before, ...last];
  assert.ok(isEven(), `${of(all, one)} of ${all.length}`);
}

testServers("connections are spread evenly", async (scene) => {
  const { port, spawn, rest } = scene;
  const [first] = [await spawn(), await spawn()];
  await rest();
  const all = await row(port, 100);
  await even(scene, first!, all);
  close(all);
});

testServers("a new worker gets the next ones", async (scene) => {
  const { port, spawn, rest } = scene;
  const first = await spawn();
  const before = await row(port, 20);
  const second = await spawn();
  await rest();
  const after = await row(port, 24);
  await even(scene, second, after, before);
  // And those that end make room again.
  close(before);
  await rest();
  const last = await row(port, 40);
  await even(scene, first, last, after);
  close([...after, ...last]);
});

testServers(
  "who is busy is not waited for, and has its part later",
  async (scene) => {
    const { port, spawn, rest } = scene;
    const [busy, other] = [await spawn(), await spawn()];
    await busy!.send({ burn: 3000 });
    await busy!.until({ burning: true });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const during = await row(port, 20);
    assert.equal(of(during, other!), 20);
    assert.ok(!busy!.messages.some((each) => each["burnt"]));
    await busy!.until({ burnt: true });
    await rest();
    const after = await row(port, 24);
    await even(scene, busy!, after, during);
    close([...during, ...after]);
  },
);

testServers(
  "nothing is left lying when all yield",
  async ({ supervisor, port, spawn }) => {
    await spawn();
    await spawn();
    // Less loaded than both, and takes nothing.
    using _ghost = haunt(await supervisor.board(), 2);
    const all = await row(port, 40);
    close(all);
  },
);

testServers(
  "a drain that begins meanwhile loses nothing and is for good",
  async ({ port, spawn, rest }) => {
    const first = await spawn();
    const before = await row(port, 12);
    const second = await spawn();
    await rest();
    const between = await row(port, 6);
    // Until the first one yields: it takes what the second one lets lie, as it
    // may on a busy machine.
    while (between.at(-1)!.pid !== second.pid) {
      between.push(...await row(port, 1));
    }
    const going = Promise.all(
      [...before, ...between].filter(({ pid }) => pid === first.pid)
        .map(({ client }) => ask(client)),
    );
    await first.send(drainMessage(20_000, 1000));
    await first.until({ draining: true });
    const after = await row(port, 30);
    assert.equal(of(after, second), 30);
    for (const answers of await going) assert.ok(answers > 1);
    await left(first);
    close([...between, ...after]);
  },
);

testServers(
  "a server that the program stops meanwhile stays stopped",
  async ({ port, spawn, rest }) => {
    const first = await spawn();
    const before = await row(port, 12);
    const second = await spawn();
    await rest();
    const between = await row(port, 6);
    // Until the first one yields: it takes what the second one lets lie, as it
    // may on a busy machine.
    while (between.at(-1)!.pid !== second.pid) {
      between.push(...await row(port, 1));
    }
    await first.send({ end: true });
    await first.until({ stopping: true });
    // More than the first one had.
    const after = await row(port, 20);
    assert.equal(of(after, second), 20);
    close([...before, ...between]);
    await first.until({ stopped: true });
    await first.send(drainMessage(10_000, 100));
    await left(first);
    close(after);
  },
);

testServers("no file stays open", async ({ port, spawn }) => {
  const workers = [await spawn(), await spawn()];
  close(await row(port, 4));
  await gone(workers);
  const before = workers.map(({ pid }) => filesOf(pid));
  for (let i = 0; i < 4; i++) close(await row(port, 25));
  await gone(workers);
  assert.deepEqual(workers.map(({ pid }) => filesOf(pid)), before);
});

/** Asks again and again until the server ends the connection. */
async function ask(client: Client): Promise<number> {
  for (let answers = 1;; answers++) {
    const { length } = client.text();
    client.send(GET);
    const ended = await Promise.race([
      client.ended,
      client.until(new RegExp(`^[^]{${length}}[^]*\\r\\n\\r\\n\\d+$`)),
    ]);
    const answer = client.text().slice(length);
    assert.match(answer, /^HTTP\/1.1 200 [^]*\r\n\r\n\d+$/, ended);
    if (/^connection: close/im.test(answer)) {
      await client.ended;
      return answers;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function filesOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Waits until the workers have closed what their clients have closed. */
async function gone(workers: readonly FakeWorker[]): Promise<void> {
  let before = "";
  let same = 0;
  while (same < 10) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const now = workers.map(({ pid }) => filesOf(pid)).join();
    same = now === before ? same + 1 : 0;
    before = now;
  }
}

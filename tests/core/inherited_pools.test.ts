/** Several pools of one process, and the one parent that they have. */
import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import { WHERE_PROGRAM } from "../../core/options/options.ts";
import { describe, test } from "../harness.ts";
import { settle, type Stage, stage } from "./world.ts";

/** A world whose systemd has passed on web (3), api (4) and one at [::] (5). */
function world(env: Readonly<Record<string, string>> = {}): MemoryWorld {
  const made = new MemoryWorld();
  Object.assign(made.env, {
    LISTEN_PID: "1000",
    LISTEN_FDS: "3",
    LISTEN_FDNAMES: "web:api:unknown",
    ...env,
  });
  made.inherited.listening(3, "127.0.0.1", 9000)
    .listening(4, "127.0.0.1", 9001)
    .listening(5, "", 9002);
  made.onSpawn = (process) => queueMicrotask(() => process.getReady());
  return made;
}

/** Pools that a command starts at once, each by what it asks for. */
async function together(
  made: MemoryWorld,
  ...asked: readonly Parameters<typeof stage>[0][]
): Promise<readonly Stage[]> {
  const stages = asked.map((options) =>
    stage({ workers: 1, soak: 0, ...options }, made)
  );
  await Promise.all(stages.map(({ pool }) => pool.start()));
  await settle();
  return stages;
}

const notes = (stages: readonly Stage[]): readonly string[] =>
  stages.flatMap(({ all }) => all("warning").map(({ message }) => message));

const end = async (stages: readonly Stage[]): Promise<void> => {
  await Promise.all(stages.map(({ pool }) => pool.stop({ quick: true })));
};

describe("several pools of a process, of what its parent has passed on", () => {
  test("say nothing of what another one has asked for", async () => {
    const pools = await together(
      world(),
      { listen: "systemd:web" },
      { listen: "127.0.0.1:9001", metrics: ":9002" },
    );
    assert.deepEqual(notes(pools), []);
    await end(pools);
  });

  test("name once what none of them wants, and what is broken", async () => {
    const made = world({ UNICORN_FD: "junk" });
    const pools = await together(
      made,
      { listen: "127.0.0.1:9000" },
      { listen: "127.0.0.1:9001" },
    );
    const said = notes(pools);
    assert.equal(said.length, 2, said.join("\n"));
    assert.match(said[0]!, /^UNICORN_FD is "junk"/);
    assert.match(said[1]!, /^nobody accepts on ":9002" \(descriptor 5 /);
    await end(pools);
    // Those that come after all have ended say it anew.
    const later = await together(made, { listen: "127.0.0.1:9001" });
    assert.equal(notes(later).length, 3);
    await end(later);
  });

  test("one that asks for nothing has what is left", async () => {
    const pools = await together(
      world(),
      { listen: "systemd:web" },
      { listen: WHERE_PROGRAM },
    );
    const addresses = pools.map(({ all }) =>
      all("listening").map(({ address }) => address).join(" ")
    );
    assert.deepEqual(addresses, ["127.0.0.1:9000", "127.0.0.1:9001 :9002"]);
    assert.deepEqual(notes(pools), []);
    await end(pools);
  });

  test("one of them that is not there is its own matter", async () => {
    const made = world();
    const [web, api] = ["systemd:web", "systemd:nope"].map((listen) =>
      stage({ listen, workers: 1, soak: 0 }, made)
    );
    const failing = assert.rejects(api!.pool.start(), { code: "ERR_BIND" });
    await web!.pool.start();
    await failing;
    await end([web!]);
  });

  test("Einhorn is told once, when the last one serves", async () => {
    const made = world({
      EINHORN_MASTER_PID: "999",
      EINHORN_SOCK_PATH: "/tmp/einhorn.sock",
    });
    const held: (() => void)[] = [];
    made.onSpawn = (process) => held.push(() => process.getReady());
    const pools = ["systemd:web", "systemd:api"].map((listen) =>
      stage({ listen, workers: 1, soak: 0 }, made)
    );
    const starts = pools.map(({ pool }) => pool.start());
    await settle();
    held[0]!();
    await Promise.race(starts);
    await settle();
    assert.deepEqual(made.inherited.said, []);
    held[1]!();
    await Promise.all(starts);
    await settle();
    assert.deepEqual(made.inherited.said, [
      `/tmp/einhorn.sock {"command":"worker:ack","pid":1000}\n`,
    ]);
    await end(pools);
  });
});

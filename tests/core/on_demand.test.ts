import assert from "node:assert/strict";
import { type MemoryProcess, MemoryWorld } from "../../adapters/memory.ts";
import { MAX_OPEN } from "../../core/listeners/permission.ts";
import { UNUSED_MS } from "../../core/listeners/on_demand.ts";
import { describe, test } from "../harness.ts";
import { running, settle, stage } from "./world.ts";

/** Has a worker ask for an address, and waits for the answer. */
async function ask(
  process: MemoryProcess,
  address: string,
  nth = 0,
  id = 0,
): Promise<Record<string, unknown>> {
  const before = process.heard.length;
  process.say({ type: "open", id, address, nth });
  await settle();
  const [answer] = process.heard.slice(before);
  // A worker says when it has read a message.
  process.say({ type: "heard", count: 1 });
  return answer as Record<string, unknown>;
}

/** A pool of one worker that has attached, asked and is not ready. */
async function asking() {
  const { world, pool } = stage({ workers: 1 });
  const started = pool.start();
  await settle();
  const worker = world.processes[0]!;
  worker.say({ type: "hello", runtime: "memory", pid: worker.pid });
  await ask(worker, ":9090");
  return { world, pool, started, worker };
}

describe("listeners that workers ask for", () => {
  test("an address is opened once and shared by all who ask", async () => {
    const { world, pool, all } = await running();
    const [first, second] = world.processes;
    const answer = { prefork: 1, type: "opened", name: "127.0.0.1:9090" };
    assert.deepEqual(await ask(first!, "127.0.0.1:9090"), {
      ...answer,
      id: 0,
      address: "127.0.0.1:9090",
    });
    assert.deepEqual(await ask(second!, "127.0.0.1:9090", 0, 7), {
      ...answer,
      id: 7,
      address: "127.0.0.1:9090",
    });
    assert.equal(world.bound.get("127.0.0.1:9090")?.length, 1);
    assert.deepEqual(
      all("listening").map(({ address, share, reason }) => [
        address,
        share,
        reason,
      ])[1],
      ["127.0.0.1:9090", "handoff", "opened for a worker"],
    );
    assert.deepEqual(pool.status().listeners.map(({ address }) => address), [
      "127.0.0.1:8080",
      "127.0.0.1:9090",
    ]);
  });

  test("its connections go to those who asked, and to nobody else", async () => {
    const { world } = await running({ workers: 3 });
    const [first, second, third] = world.processes;
    await ask(first!, ":9090");
    await ask(third!, ":9090");
    for (let i = 0; i < 4; i++) {
      world.connect();
      for (const { received } of world.processes) {
        received.at(-1)?.settle(true);
      }
    }
    assert.deepEqual(
      [first!, second!, third!].map(({ received }) => received.length),
      [2, 0, 2],
    );
    assert.deepEqual(first!.received[0]!.message, {
      prefork: 1,
      type: "connection",
      listener: ":9090",
    });
  });

  test("a worker that is not ready gets none", async () => {
    const { world, pool, started, worker } = await asking();
    world.connect();
    assert.equal(worker.received.length, 0);
    worker.say({ type: "ready" });
    await started;
    assert.equal(worker.received.length, 1);
    await pool.stop({ quick: true });
  });

  test("the n-th port 0 of each worker is one port", async () => {
    const { world } = await running();
    const [first, second] = world.processes;
    const port = async (process: MemoryProcess, nth: number) =>
      (await ask(process, "127.0.0.1:0", nth))["address"];
    const [one, two] = [await port(first!, 0), await port(first!, 1)];
    assert.notEqual(one, two);
    assert.equal(await port(second!, 0), one);
    assert.equal(await port(second!, 1), two);
  });

  test("one that its last worker has left is closed at once", async () => {
    const { world } = await running();
    const [first, second] = world.processes;
    await ask(first!, ":9090");
    await ask(second!, ":9090", 0, 1);
    first!.say({ type: "left", listener: ":9090" });
    await settle();
    assert.equal(world.bound.get(":9090")?.length, 1);
    world.connect();
    assert.deepEqual(
      [first!, second!].map(({ received }) => received.length),
      [0, 1],
    );
    second!.received[0]!.settle(true);
    second!.say({ type: "left", listener: ":9090" });
    await settle();
    assert.equal(world.bound.get(":9090")?.length ?? 0, 0);
    // And it is opened again for whoever asks, also in the same breath.
    second!.say({ type: "open", id: 2, address: ":9090", nth: 0 });
    second!.say({ type: "left", listener: ":9090" });
    first!.say({ type: "open", id: 3, address: ":9090", nth: 0 });
    await settle();
    assert.equal(world.bound.get(":9090")?.length, 1);
    const answer = first!.heard.at(-1) as Record<string, unknown>;
    assert.equal(answer["type"], "opened");
  });

  test("one that a worker has left stays for its other server there", async () => {
    const { world } = await running();
    const worker = world.processes[0]!;
    // Closed as soon as it listened, and the next one is there already.
    await ask(worker, ":9090");
    await ask(worker, ":9090", 0, 1);
    worker.say({ type: "left", listener: ":9090" });
    await settle();
    world.connect();
    assert.equal(worker.received.length, 1);
    worker.received[0]!.settle(true);
    worker.say({ type: "left", listener: ":9090" });
    await settle();
    assert.equal(world.bound.get(":9090")?.length ?? 0, 0);
  });

  test("what cannot be bound is refused, and tried anew for the next", async () => {
    const { world } = await running();
    world.taken.add("127.0.0.1:9090");
    const [first, second] = world.processes;
    const { type, id, code, reason } = await ask(
      first!,
      "127.0.0.1:9090",
      0,
      3,
    );
    assert.deepEqual([type, id, code], ["refused", 3, "EADDRINUSE"]);
    assert.match(String(reason), /127\.0\.0\.1:9090.*in use/);
    world.taken.clear();
    assert.equal((await ask(second!, "127.0.0.1:9090"))["type"], "opened");
  });

  test("nonsense is refused and harms nobody", async () => {
    const { world, pool } = await running();
    for (const address of ["nonsense", "fd:3", ":99999", ":1?backlog=-1", ""]) {
      const { type } = await ask(world.processes[0]!, address);
      assert.equal(type, "refused", address);
    }
    assert.equal(pool.status().ready, 2);
  });

  test("a supervisor that cannot hand over says what to do instead", async () => {
    const world = new MemoryWorld({
      handoff: { reason: "it is a test", instead: "another" },
    });
    await running({}, world);
    const { reason } = await ask(world.processes[0]!, ":9090");
    assert.match(String(reason), /it is a test.*"-l :9090"/);
  });

  test("it outlives its workers, and their successors get it back", async () => {
    const { world } = await running({ workers: 1 });
    await ask(world.processes[0]!, ":9090");
    world.processes[0]!.exit({ code: 1 });
    await settle();
    world.advance(200);
    await settle();
    const client = world.connect();
    assert.equal(client.closed, false);
    await ask(world.processes[1]!, ":9090");
    assert.equal(world.bound.get(":9090")?.length, 1);
    assert.equal(world.processes[1]!.received.length, 1);
  });

  test("what no worker serves for a time is closed, and its clients with it", async () => {
    const { world, pool, all } = await running({ workers: 1 });
    await ask(world.processes[0]!, ":9090");
    const reloaded = pool.reload();
    await settle();
    world.advance(1000);
    await settle();
    world.processes[0]!.exit();
    await reloaded;
    const client = world.connect();
    world.advance(UNUSED_MS - 1);
    await settle();
    assert.equal(world.bound.has(":9090"), true);
    world.advance(1);
    await settle();
    assert.equal(world.bound.has(":9090"), false);
    assert.equal(client.closed, true);
    assert.equal(pool.status().waiting, 0);
    assert.match(all("warning").at(-1)!.message, /closed ":9090"/);
    // Whoever asks later gets it opened anew.
    assert.equal((await ask(world.processes[1]!, ":9090"))["type"], "opened");
  });

  test("they are closed with the pool, also while one is being opened", async () => {
    const { world, pool } = await running({ workers: 1 });
    const [worker] = world.processes;
    await ask(worker!, ":9090");
    worker!.say({ type: "open", id: 1, address: ":9091", nth: 0 });
    await pool.stop({ quick: true });
    await settle();
    assert.deepEqual([...world.bound.keys()], []);
  });

  test("a program that does not boot leaves none behind", async () => {
    const { world, started, worker } = await asking();
    worker.exit({ code: 1 });
    await assert.rejects(started, { code: "ERR_BOOT" });
    assert.deepEqual([...world.bound.keys()], []);
  });
});

describe("what a worker may have opened", () => {
  const PORT = "127.0.0.1:80";

  test("no port that takes a privilege, unless all are allowed", async () => {
    const { world } = await running();
    const { type, code, reason } = await ask(world.processes[0]!, PORT);
    assert.deepEqual([type, code], ["refused", "EACCES"]);
    assert.equal(
      reason,
      `Cannot open "${PORT}" for a worker: ports below 1024 are privileged, name it in the command as in "-l ${PORT}" or allow all by "--open any"`,
    );
    world.sysctl.set("net.ipv4.ip_unprivileged_port_start", 80);
    assert.equal((await ask(world.processes[0]!, PORT))["type"], "opened");
    const { world: free } = await running({ open: "any" });
    assert.equal((await ask(free.processes[0]!, PORT))["type"], "opened");
  });

  test("none at all where the pool opens none", async () => {
    const { world } = await running({ open: "none" });
    for (const address of [":9090", "127.0.0.1:0", "unix:/run/x", "unix:@x"]) {
      const { code, reason } = await ask(world.processes[0]!, address);
      assert.equal(code, "EACCES");
      assert.match(String(reason), /the pool opens none \("--open none"\)/);
    }
    assert.equal(world.bound.size, 1);
  });

  test("no owner, mode or certificate, and no name", async () => {
    const { world } = await running({ open: "any" });
    const [worker] = world.processes;
    for (
      const address of [
        "unix:/run/x?mode=0777",
        "unix:/run/x?owner=root",
        "unix:/run/x?group=0",
        ":9090?share=shared",
        ":9090?cert=/a&key=/b",
        ":9090?proxy=v1",
        "web=:9090",
      ]
    ) {
      const { type, reason } = await ask(worker!, address);
      assert.equal(type, "refused", address);
      assert.match(String(reason), /can set backlog and ipv6Only, and nothing/);
    }
    const allowed = "[::1]:9090?backlog=5&ipv6Only=1";
    assert.equal((await ask(worker!, allowed))["type"], "opened");
  });

  test("no path where it has fewer rights than the supervisor", async () => {
    const { world } = await running();
    const [worker] = world.processes;
    assert.equal((await ask(worker!, "unix:/run/a"))["type"], "opened");
    world.unprivileged.add(worker!.pid);
    const { code, reason } = await ask(worker!, "unix:/run/b");
    assert.equal(code, "EACCES");
    assert.match(String(reason), /has not the supervisor's rights on the file/);
    assert.equal((await ask(worker!, "unix:@b"))["type"], "opened");
    assert.equal((await ask(worker!, ":9090"))["type"], "opened");
  });

  test("on Deno what its permissions allow", async () => {
    const may = async (address: string, ...runtimeArgs: string[]) => {
      const { world, pool } = await running({ runtime: "deno", runtimeArgs });
      const { type } = await ask(world.processes[0]!, address);
      await pool.stop({ quick: true });
      return type === "opened";
    };
    const [tcp, path] = ["127.0.0.1:9090", "unix:/run/x"];
    assert.equal(await may(tcp), true);
    assert.equal(await may(tcp, "--allow-net", "--allow-env"), true);
    assert.equal(await may(tcp, "-RN"), true);
    assert.equal(await may(tcp, "--allow-net=127.0.0.1:9090,a:1"), true);
    assert.equal(await may(tcp, "--allow-net=127.0.0.1"), true);
    assert.equal(await may(tcp, "--allow-net=127.0.0.1:9091"), false);
    assert.equal(await may(tcp, "--allow-env"), false);
    assert.equal(await may(":9090", "-N=0.0.0.0:9090"), true);
    assert.equal(await may(tcp, "--allow-net", "--deny-net=127.0.0.1"), false);
    assert.equal(await may(path, "--allow-net"), false);
    assert.equal(await may(path, "-R", "--allow-write"), false);
    assert.equal(await may(path, "-R", "--allow-write", "-N"), true);
    assert.equal(await may(path, "-A"), true);
  });

  test("on Node under --permission what --allow-net allows", async () => {
    const may = async (
      runtimeArgs: readonly string[],
      env: Record<string, string> = {},
    ) => {
      const options = { runtime: "node", runtimeArgs, env } as const;
      const { world, pool } = await running(options);
      const { type, reason } = await ask(world.processes[0]!, ":9090");
      await pool.stop({ quick: true });
      if (type === "opened") return true;
      assert.match(String(reason), /Node does not allow .* --allow-net"$/);
      return false;
    };
    assert.equal(await may([]), true);
    assert.equal(await may(["--permission", "--allow-fs-read=*"]), false);
    assert.equal(await may(["--permission", "--allow-net"]), true);
    const options = { NODE_OPTIONS: "--permission --allow-fs-read=*" };
    assert.equal(await may([], options), false);
    assert.equal(await may(["--allow-net"], options), true);
  });

  test("so many for each slot, also through its successors, and so many a second", async () => {
    const { world, pool } = await running();
    const [first, second] = world.processes;
    for (let i = 0; i < MAX_OPEN; i++) {
      const { type } = await ask(first!, `127.0.0.1:${10_000 + i}`);
      assert.equal(type, "opened");
    }
    world.advance(20);
    const { type, code, reason } = await ask(first!, ":9090");
    assert.deepEqual([type, code], ["refused", "EMFILE"]);
    assert.match(
      String(reason),
      /slot 0 has had 256 opened, which is the most/,
    );
    // What is there may be shared, and the others have room of their own.
    const shared = await ask(first!, "127.0.0.1:10001");
    assert.equal(shared["type"], "opened");
    assert.equal((await ask(second!, ":9090"))["type"], "opened");
    first!.exit({ code: 1 });
    await settle();
    const next = world.processes.at(-1)!;
    assert.equal((await ask(next, ":9091"))["code"], "EMFILE");
    world.advance(20);
    assert.equal((await ask(next, ":9091"))["type"], "opened");
    assert.equal((await ask(next, ":9092"))["code"], "EMFILE");
    assert.equal(pool.status().listeners.length, 1 + MAX_OPEN + 1);
  });

  test("the number of a port that is fixed does not matter", async () => {
    const { world } = await running();
    for (const nth of [0, 1, 2 ** 50]) {
      const { type } = await ask(world.processes[0]!, ":9090", nth);
      assert.equal(type, "opened");
    }
  });

  test("nothing while it does not read the answers", async () => {
    const { world, all } = await running();
    const [worker] = world.processes;
    worker!.behind = true;
    assert.equal(await ask(worker!, ":9090"), undefined);
    assert.equal(world.bound.size, 1);
    await settle();
    assert.match(all("worker-noise")[0]!.problem, /more than it reads answers/);
  });
});

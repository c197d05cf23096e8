import assert from "node:assert/strict";
import type { InheritedListener } from "../../core/launch/environment.ts";
import type { Core } from "../../worker/process/worker_core.ts";
import { type Claimant, claimsOf } from "../../worker/match/claims.ts";
import { matchListener, matchSocket } from "../../worker/match/match.ts";
import { formatWanted, type Wanted } from "../../worker/match/wanted.ts";
import { describe, test } from "../harness.ts";

/** A worker with these listeners, the named ones taken. */
function coreWith(addresses: readonly string[], taken: string[] = []): Core {
  const listeners = new Map(
    addresses.map((address, i): [string, InheritedListener] => [address, {
      name: address,
      address,
      mode: "shared",
      backlog: 1,
      ipv6Only: false,
      fds: [3 + i],
      shard: 0,
    }]),
  );
  const attachments = new Map(taken.map((name) => [name, {}]));
  const draining = new AbortController().signal;
  return {
    worker: { listeners, draining },
    attachments,
    tell: () => true,
    left: (name: string) => attachments.delete(name),
  } as unknown as Core;
}

function tcp(port: number, host?: string): Wanted {
  return { kind: "tcp", host, port };
}

/** The address that is got, or the kind of match. */
function got(core: Core, wanted: Wanted, privatePorts = false): string {
  const found = matchListener(core, wanted, privatePorts);
  return found.kind === "inherited"
    ? found.listener.address
    : found.kind === "claim"
    ? `claim ${found.listener.address}`
    : found.kind;
}

/** A server that listens, as the claims see it. */
function server(core: Core, wanted: Wanted, hears = true) {
  const match = matchListener(core, wanted, false);
  const has = new Set<string>();
  let own = 0;
  const claimant: Claimant = {
    wanted,
    named: match.kind === "inherited",
    hears: () => hears,
    serve(listener) {
      has.add(listener.name);
      core.attachments.set(listener.name, { drain: () => Promise.resolve() });
      claimsOf(core).hold(listener, claimant);
    },
    names: (listener) =>
      match.kind === "inherited" && match.listener === listener,
    cede: (listener) => has.delete(listener.name),
    settleDown: () => void (own = 1),
  };
  claimsOf(core).add(claimant);
  if (match.kind === "inherited") claimant.serve(match.listener);
  return {
    has,
    get own() {
      return own;
    },
    close() {
      claimsOf(core).remove(claimant);
      for (const name of has) core.left(name);
    },
  };
}

/** Waits until the program has settled. */
async function settled(core: Core): Promise<void> {
  while (claimsOf(core).pending) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function occupy(core: Core, address: string): void {
  core.attachments.set(address, { drain: () => Promise.resolve() });
}

describe("which listener a program means", () => {
  test("the one whose socket it names by number", () => {
    const core = coreWith([":8080", ":9090"], [":9090"]);
    assert.equal(matchSocket(core, { kind: "fd", fd: 3 })?.address, ":8080");
    assert.equal(matchSocket(core, { kind: "fd", fd: 5 }), undefined);
    assert.throws(
      () => matchSocket(core, { kind: "fd", fd: 4 }),
      /another server of this program has the pool's listener ":9090"/,
    );
  });

  test("the one with the same port, whatever the host", () => {
    const core = coreWith(["127.0.0.1:8080", "127.0.0.1:9090"]);
    assert.equal(got(core, tcp(9090)), "127.0.0.1:9090");
    assert.equal(got(core, tcp(8080, "localhost")), "127.0.0.1:8080");
  });

  test("of several with the same port the one with the same host", () => {
    const core = coreWith(["127.0.0.1:8080", "[::1]:8080", ":8080"]);
    assert.equal(got(core, tcp(8080, "::1")), "[::1]:8080");
    assert.equal(got(core, tcp(8080)), ":8080");
    assert.equal(got(core, tcp(8080, "::")), ":8080");
    assert.equal(got(core, tcp(8080, "localhost")), "127.0.0.1:8080");
    occupy(core, "127.0.0.1:8080");
    assert.equal(got(core, tcp(8080, "localhost")), "[::1]:8080");
  });

  test("the one with the same path, also of an abstract socket", () => {
    const core = coreWith(["unix:/run/a", "unix:/run/b", "unix:@c"]);
    assert.equal(got(core, { kind: "unix", path: "/run/b" }), "unix:/run/b");
    assert.equal(got(core, { kind: "unix", path: "\0c" }), "unix:@c");
    assert.equal(
      got(core, { kind: "unix", path: "c" }),
      "claim unix:/run/a",
    );
  });

  test("none by another port, but those that nobody names", () => {
    assert.equal(got(coreWith([":8080"]), tcp(3000)), "claim :8080");
    assert.equal(got(coreWith([":8080"]), tcp(0)), "claim :8080");
    assert.equal(got(coreWith(["unix:/a"]), tcp(3000)), "claim unix:/a");
    assert.equal(got(coreWith(["unix:/a", ":1"]), tcp(3)), "claim :1");
    assert.equal(got(coreWith([":1", ":2"], [":1"]), tcp(3)), "claim :2");
    assert.equal(got(coreWith([":1"], [":1"]), tcp(3), true), "private");
  });

  test("a path never gets a listener of TCP that it did not ask for", () => {
    const core = coreWith([":8080"]);
    assert.equal(got(core, { kind: "unix", path: "/tmp/x" }), "foreign");
    const other = coreWith([":1", "unix:/run/a"]);
    assert.equal(
      got(other, { kind: "unix", path: "/run/b" }),
      "claim unix:/run/a",
    );
  });

  test("the second server of a program gets an address of its own", () => {
    const core = coreWith([":8080"]);
    assert.equal(got(core, tcp(8080)), ":8080");
    occupy(core, ":8080");
    assert.equal(got(core, tcp(9090)), "foreign");
    assert.equal(got(core, tcp(9090), true), "private");
  });

  test("the same address twice is refused, and says what to do", () => {
    const core = coreWith([":8080"], [":8080"]);
    assert.throws(() => matchListener(core, tcp(8080), false), {
      code: "ERR_STATE",
      message:
        'Cannot listen on ":8080": another server of this program has the pool\'s listener ":8080" already, give each server an address of its own with "-l"',
    });
  });

  test("without listeners everything is the program's own", () => {
    assert.equal(got(coreWith([]), tcp(80)), "foreign");
    assert.equal(got(coreWith([]), tcp(80), true), "private");
  });

  test("an address is written as the command takes it", () => {
    assert.equal(formatWanted(tcp(80)), ":80");
    assert.equal(formatWanted(tcp(80, "::1")), "[::1]:80");
    assert.equal(formatWanted({ kind: "unix", path: "/a" }), "unix:/a");
    assert.equal(formatWanted({ kind: "unix", path: "\0a" }), "unix:@a");
  });
});

describe("listeners that no server names", () => {
  test("all go to the one that names none, and not to a path", async () => {
    const core = coreWith([":8080", "unix:/run/a", ":9090"]);
    const named = server(core, tcp(9090));
    const path = server(core, { kind: "unix", path: "/run/b" });
    const main = server(core, tcp(3000));
    assert.deepEqual([...main.has], []);
    await settled(core);
    assert.deepEqual([...named.has], [":9090"]);
    assert.deepEqual([...path.has], ["unix:/run/a"]);
    assert.deepEqual([...main.has], [":8080"]);
    assert.deepEqual([path.own, main.own], [0, 0]);
  });

  test("go to the program's only server, whatever it names", async () => {
    const core = coreWith([":8080", "unix:/run/a"]);
    const only = server(core, { kind: "unix", path: "/run/a" });
    await settled(core);
    assert.deepEqual([...only.has], ["unix:/run/a", ":8080"]);
  });

  test("go to nobody while two servers name others", async () => {
    const core = coreWith([":1", ":2", ":3"]);
    const both = [server(core, tcp(1)), server(core, tcp(2))];
    await settled(core);
    assert.deepEqual(both.map(({ has }) => [...has]), [[":1"], [":2"]]);
  });

  test("are given up for the server that names them, whenever it comes", async () => {
    for (const late of [false, true]) {
      const core = coreWith([":8191"]);
      const health = server(core, tcp(9233));
      if (late) await settled(core);
      assert.deepEqual([...health.has], late ? [":8191"] : []);
      const main = server(core, tcp(8191));
      assert.deepEqual([...main.has], [":8191"]);
      await settled(core);
      assert.deepEqual([[...health.has], health.own], [[], 1]);
      assert.throws(() => matchListener(core, tcp(8191), false), {
        code: "ERR_STATE",
      });
    }
  });

  test("at port 0 are what port 0 means", () => {
    const core = coreWith([":8080", ":8081"]);
    const any = core.worker.listeners.get(":8081")!;
    Object.assign(any, { anyPort: true });
    const match = matchListener(core, tcp(0), false);
    assert.ok(match.kind === "claim" && match.listener === any && !match.own);
    Object.assign(any, { anyPort: false });
    const other = matchListener(core, tcp(0), false);
    assert.ok(other.kind === "claim" && other.own);
  });

  test("go to a port rather than to any port", async () => {
    const core = coreWith([":8080"]);
    const helper = server(core, tcp(0));
    const main = server(core, tcp(3000));
    await settled(core);
    assert.deepEqual([[...helper.has], [...main.has]], [[], [":8080"]]);
  });

  test("a second server that names none gets an address of its own", () => {
    const core = coreWith([":8080", ":9090"]);
    server(core, tcp(1));
    assert.equal(got(core, tcp(2)), "foreign");
    assert.equal(got(core, tcp(0)), "foreign");
    assert.equal(got(core, tcp(9090)), ":9090");
  });

  test("are free at once when their server is closed", async () => {
    const core = coreWith([":8080"]);
    const first = server(core, tcp(3000));
    first.close();
    const second = server(core, tcp(4000));
    await settled(core);
    assert.deepEqual([...second.has], [":8080"]);
    second.close();
    assert.equal(got(core, tcp(8080)), ":8080");
  });

  test("a server that nobody hears gets none: it looks for a free port", async () => {
    const core = coreWith([":8080"]);
    const probe = server(core, tcp(3000), false);
    await settled(core);
    assert.deepEqual([[...probe.has], probe.own], [[], 0]);
    // It finds free what another one serves without naming it, and leaves it.
    const health = server(core, tcp(9233));
    await settled(core);
    const look = () => matchListener(core, tcp(8080), false, false).kind;
    assert.equal(look(), "inherited");
    assert.deepEqual([...health.has], [":8080"]);
    server(core, tcp(8080));
    assert.throws(look, { code: "ERR_STATE" });
  });
});

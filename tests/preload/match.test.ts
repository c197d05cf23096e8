import assert from "node:assert/strict";
import type { InheritedListener } from "../../core/launch/environment.ts";
import type { Core } from "../../worker/process/worker_core.ts";
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
  const tell = (): boolean => true;
  return { worker: { listeners }, attachments, tell } as unknown as Core;
}

function tcp(port: number, host?: string): Wanted {
  return { kind: "tcp", host, port };
}

/** The address that is got, or the kind of match. */
function got(core: Core, wanted: Wanted, privatePorts = false): string {
  const found = matchListener(core, wanted, privatePorts);
  return found.kind === "inherited" ? found.listener.address : found.kind;
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
    assert.equal(got(core, { kind: "unix", path: "c" }), "foreign");
  });

  test("the only one, for any port and for port 0", () => {
    assert.equal(got(coreWith([":8080"]), tcp(3000)), ":8080");
    assert.equal(got(coreWith([":8080"]), tcp(0)), ":8080");
    assert.equal(got(coreWith(["unix:/run/a"]), tcp(3000)), "unix:/run/a");
  });

  test("a path never gets a listener of TCP that it did not ask for", () => {
    const core = coreWith([":8080"]);
    assert.equal(got(core, { kind: "unix", path: "/tmp/x" }), "foreign");
    const other = coreWith(["unix:/run/a"]);
    assert.equal(got(other, { kind: "unix", path: "/run/b" }), "unix:/run/a");
  });

  test("with several there is no guess", () => {
    assert.equal(got(coreWith([":1", ":2"]), tcp(3)), "foreign");
    assert.equal(got(coreWith([":1", ":2"]), tcp(3), true), "private");
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

  test("a guess that proves wrong names both addresses", () => {
    const core = coreWith([":8080"]);
    assert.equal(got(core, tcp(9090, "127.0.0.1")), ":8080");
    occupy(core, ":8080");
    assert.throws(() => matchListener(core, tcp(8080), false), {
      code: "ERR_STATE",
      message:
        'Cannot listen on ":8080": the program listened on "127.0.0.1:9090" first and got it as the pool\'s only listener, name both as in "-l :8080 -l 127.0.0.1:9090"',
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

/** Which sockets that were passed on are the pool's listeners, and which cannot be. */
import assert from "node:assert/strict";
import { MemoryWorld } from "../../adapters/memory.ts";
import { succeeded } from "../../core/inherited/heritage.ts";
import { chooseInherited, inheritedBy } from "../../core/inherited/match.ts";
import type { SocketFacts } from "../../core/inherited/socket.ts";
import { formatAddress, parseListener } from "../../core/options/address.ts";
import { describe, test } from "../harness.ts";
import { type Env, systemd, world } from "./inherited_world.ts";

/** Where it listens, when it is asked for these. */
function chosen(made: MemoryWorld, asked?: readonly string[]) {
  const { host } = made.adapter;
  const specs = asked?.map(parseListener);
  const { specs: found, notes } = chooseInherited(
    specs,
    inheritedBy(host),
    host,
  );
  const told = found?.map(({ name, address }) => {
    const fd = address.kind === "fd" ? `=${address.fd}` : "";
    return `${name} ${formatAddress(address)}${fd}`;
  });
  return { told, notes };
}

describe("listeners among them", () => {
  const cases: readonly (readonly [readonly string[], string, number])[] = [
    [["systemd:"], "web systemd:web=3, api systemd:api=4, 5", 0],
    [["systemd:api"], "api systemd:api=4", 2],
    [["mine=systemd:api"], "mine systemd:api=4", 2],
    [["127.0.0.1:9000"], "127.0.0.1:9000 127.0.0.1:9000=3", 2],
    [["x=127.0.0.1:9000?backlog=9"], "x 127.0.0.1:9000=3", 2],
    [["localhost:9001"], "localhost:9001 localhost:9001=4", 2],
    [[":9002"], ":9002 :9002=5", 2],
    [["[::]:9002"], "[::]:9002 [::]:9002=5", 2],
    // Another address: the kernel says whether it is free.
    [["0.0.0.0:9002"], "0.0.0.0:9002 0.0.0.0:9002", 3],
    [[":9000"], ":9000 :9000", 3],
    [["127.0.0.1:0"], "127.0.0.1:0 127.0.0.1:0", 3],
    [["fd:4"], "fd:4 fd:4=4", 2],
  ];
  for (const [asked, wanted, notes] of cases) {
    test(asked.join(" "), () => {
      const made = chosen(world(), asked);
      const [first] = wanted.split(", ");
      assert.equal(made.told?.[0], first);
      if (asked[0] !== "systemd:") assert.equal(made.told?.length, 1);
      else assert.equal(made.told?.length, 3);
      assert.equal(made.notes.length, notes, made.notes.join("\n"));
      for (const note of made.notes) assert.match(note, /^nobody accepts on /);
    });
  }

  test("all where nothing is asked for", () => {
    const { told, notes } = chosen(world());
    assert.deepEqual([told?.length, notes], [3, []]);
    assert.deepEqual(chosen(new MemoryWorld()), { told: undefined, notes: [] });
  });

  test("a name that two sockets have is no listener's", () => {
    const made = world({ LISTEN_FDNAMES: "web:web:web" });
    assert.deepEqual(chosen(made, ["systemd:web"]).told, [
      "systemd:web systemd:web=3",
      "systemd:web systemd:web=4",
      "systemd:web systemd:web=5",
    ]);
    assert.throws(() => chosen(made, ["x=systemd:web"]), {
      code: "ERR_BIND",
      message: /3 sockets would all be "x", leave "x=" out/,
    });
  });

  test("a Unix path, relative and absolute; a host as the parent wrote it", () => {
    const made = new MemoryWorld();
    Object.assign(made.env, {
      SERVER_STARTER_PORT: "app.internal:80=6;web.sock=7",
    });
    made.inherited.listening(6, "10.0.0.1", 80);
    made.inherited.set(7, unix("web.sock"));
    assert.deepEqual(
      chosen(made, ["app.internal:80", "unix:/here/web.sock"]).told,
      [
        "app.internal:80 app.internal:80=6",
        "unix:/here/web.sock unix:/here/web.sock=7",
      ],
    );
  });

  test("one of UDP, by its address, its name, or as one of all", () => {
    const made = world();
    made.inherited.set(4, {
      address: { kind: "udp", host: "0.0.0.0", port: 53 },
      type: "datagram",
      family: "IPv4",
      listens: false,
      blocks: true,
    });
    assert.deepEqual(chosen(made, ["udp://:53", "systemd:web", "[::]:9002"]), {
      told: [
        "udp://0.0.0.0:53 udp://0.0.0.0:53",
        "web systemd:web=3",
        "[::]:9002 [::]:9002=5",
      ],
      notes: [],
    });
    assert.deepEqual(chosen(made, ["systemd:api"]).told, [
      "api udp://0.0.0.0:53",
    ]);
    assert.equal(chosen(made).told?.[1], "api udp://0.0.0.0:53");
    // By its number, which a successor does not have.
    assert.deepEqual(chosen(made, ["fd:4", "fd:3"]).told, [
      "udp://0.0.0.0:53 udp://0.0.0.0:53",
      "fd:3 fd:3=3",
    ]);
    const [next] = succeeded([parseListener("dns=fd:4")], [{
      asked: "fd:4",
      address: "udp://0.0.0.0:53",
      name: "dns",
      inherited: true,
    }]);
    assert.equal(formatAddress(next!.address), "udp://0.0.0.0:53");
    assert.deepEqual([next?.name, next?.asked], ["dns", "fd:4"]);
    const handed = [
      { asked: "udp://0.0.0.0:53", name: "api", inherited: true },
      { asked: "udp://0.0.0.0:54", name: "api" },
    ];
    for (const by of ["systemd:", "systemd:api"]) {
      assert.deepEqual(
        succeeded([parseListener(by)], handed).map(({ name, address }) =>
          `${name} ${formatAddress(address)}`
        ),
        ["api udp://0.0.0.0:53"],
      );
    }
  });

  test("an address of a monitor is asked for too", () => {
    const { host } = world().adapter;
    const specs = ["systemd:web", "fd:4"].map(parseListener);
    const others = [undefined, parseListener(":9002")];
    const { notes } = chooseInherited(specs, inheritedBy(host), host, others);
    assert.deepEqual(notes, []);
    const all = chooseInherited(undefined, inheritedBy(host), host, others);
    assert.equal(all.specs?.length, 2);
  });

  test("others that wait in accept(2) on one of them are named", () => {
    const made = world();
    made.inherited.neighbours.set(3, [`process 7 ("starman")`]);
    const told = chosen(made, ["systemd:web", "systemd:api", ":9002"]);
    assert.deepEqual(told.notes, [
      `accept(2) on "127.0.0.1:9000" (descriptor 3) waits no more (O_NONBLOCK), also in process 7 ("starman"): what accepts there has to expect EAGAIN`,
    ]);
  });

  test("a successor has them by what its predecessor has asked for", () => {
    const handed = [
      { asked: "systemd:web", name: "web" },
      { asked: "systemd:web", name: "127.0.0.1:1" },
      { asked: ":80", name: "api" },
    ];
    const names = (text: string) =>
      succeeded([parseListener(text)], handed).map(({ name }) => name);
    assert.deepEqual(names("systemd:web"), ["web", "127.0.0.1:1"]);
    assert.deepEqual(names("systemd:"), ["web", "127.0.0.1:1"]);
    assert.deepEqual(names(":80"), [":80"]);
    assert.throws(() => names("systemd:api"), {
      code: "ERR_BIND",
      message: /"systemd:api": the supervisor before has no such socket/,
    });
  });
});

function unix(path: string, more: Partial<SocketFacts> = {}): SocketFacts {
  return {
    address: { kind: "unix", path, abstract: false },
    type: "stream",
    family: "Unix",
    listens: true,
    blocks: false,
    ...more,
  };
}

describe("a socket that cannot be used", () => {
  const tcp = unix("/run/a");
  const { address: _, ...bare } = tcp;
  const cases: readonly (readonly [SocketFacts | string, RegExp])[] = [
    ["is not open in this process", /4, which is not open in this process$/],
    [
      "is no socket but /dev/null, pass a bound stream socket",
      /4, which is no socket but \/dev\/null, pass/,
    ],
    [
      unix("/run/a", { type: "datagram" }),
      /4, which is a datagram socket of Unix at unix:\/run\/a, let its parent pass on one/,
    ],
    [{ ...bare, family: "family 40" }, /is a stream socket of family 40, let/],
    [{ ...tcp, listens: false }, /that does not listen, let its parent call/],
    [bare, /is a socket without an address, let its parent bind/],
  ];
  for (const [facts, wanted] of cases) {
    const made = (asked?: readonly string[]) => {
      const place = world({ LISTEN_FDNAMES: "web:api:api" });
      place.inherited.set(4, facts);
      place.inherited.delete(3);
      place.inherited.delete(5);
      Object.assign(place.env, { LISTEN_FDS: "2", LISTEN_FDNAMES: "web:api" });
      place.inherited.listening(3, "127.0.0.1", 9000);
      return chosen(place, asked);
    };
    test(`${wanted.source.slice(0, 50)}: told of, and the other one is used`, () => {
      const { told, notes } = made(["127.0.0.1:9000"]);
      assert.deepEqual(told, ["127.0.0.1:9000 127.0.0.1:9000=3"]);
      assert.match(notes.join(), wanted);
      assert.match(notes.join(), /^LISTEN_FDS names file descriptor 4, /);
      assert.throws(() => made(["systemd:web"]), {
        code: "ERR_BIND",
        message: wanted,
      });
    });
  }

  test("all that there is: no start without a place to listen", () => {
    const place = world();
    place.inherited.clear();
    assert.throws(() => chosen(place), {
      code: "ERR_BIND",
      message:
        /^Cannot listen on what the parent of this process passes on: LISTEN_FDS names file descriptor 3 to 5, which is not open/,
    });
  });

  test("what an ancestor was passed is told, however it is asked for", () => {
    const made = new MemoryWorld();
    Object.assign(made.env, systemd(1, { LISTEN_PID: "7" }));
    made.inherited.ancestors.set(7, `process 7 ("npm exec prefork")`);
    const told =
      /^(Cannot listen on "systemd:web": )?the sockets of LISTEN_FDS were passed to process 7 \("npm exec prefork"\), .* start node_modules\/\.bin\/prefork itself$/;
    for (const listen of [undefined, [":9000"]]) {
      const { notes } = chosen(made, listen);
      assert.equal(notes.length, 1);
      assert.match(notes[0]!, told);
    }
    assert.throws(() => chosen(made, ["systemd:web"]), { message: told });
    // Its own, and what has leaked from a process that is no ancestor.
    for (const pid of ["1000", "8"]) {
      made.env["LISTEN_PID"] = pid;
      const { notes } = chosen(made, [":9000"]);
      assert.ok(!notes.some((note) => told.test(note)), notes.join());
    }
  });

  test("what is asked for by name is not there", () => {
    const whys: readonly (readonly [Env, RegExp])[] = [
      [{}, /LISTEN_FDS is not set\), start it by a socket unit/],
      [
        systemd(1, { LISTEN_PID: "7" }),
        /is another process' \(LISTEN_PID is 7 and this process is 1000\), start prefork itself by the unit/,
      ],
    ];
    for (const [env, message] of whys) {
      const made = new MemoryWorld();
      delete made.env["LISTEN_FDS"];
      Object.assign(made.env, env);
      assert.throws(() => chosen(made, ["systemd:web"]), {
        code: "ERR_BIND",
        message,
      });
    }
    assert.throws(() => chosen(world(), ["systemd:nope"]), {
      message:
        /there is no such name, there is "systemd:web", "systemd:api", "systemd:unknown"$/,
    });
  });
});

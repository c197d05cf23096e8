import assert from "node:assert/strict";
import type { Refusal, ShareMode } from "../../core/adapter.ts";
import { parseListener } from "../../core/options/address.ts";
import { PreforkError } from "../../core/errors.ts";
import {
  chooseShareMode,
  SHARE_MODES,
  type ShareChoice,
} from "../../core/options/share_mode.ts";
import { describe, test } from "../harness.ts";

interface Question {
  readonly wanted?: ShareMode | "auto";
  readonly listen?: string;
  readonly can?: Partial<Record<ShareMode, Refusal>>;
  /** Whether the kernel can be made to pick. */
  readonly steers?: true | string;
  /** How the supervisor before shares it. */
  readonly before?: ShareMode;
  /** True for a socket that was passed on. */
  readonly passed?: boolean;
  /** What the workers are, beside those that import prefork. */
  readonly workers?: "commands" | "other languages";
}

function choose(
  { wanted = "auto", listen = ":80", can = {}, workers, ...more }: Question,
): ShareChoice {
  return chooseShareMode({
    wanted,
    address: parseListener(listen).address,
    capabilities: {
      share: {
        balanced: true,
        shared: true,
        sharded: true,
        reuseport: true,
        handoff: true,
        ...can,
      },
      fdPlacement: true,
      receives: true,
    },
    foreign: workers !== undefined,
    deaf: workers === "other languages",
    ...more,
  });
}

const no = (what: string): Refusal => ({
  reason: `${what} is not there`,
  instead: `another than ${what}`,
});

describe("auto", () => {
  const choices: readonly (readonly [string, Question, ShareMode, RegExp])[] = [
    ["takes the best", {}, "balanced", /^one queue .* least loaded go first$/],
    ["takes it for Unix too", { listen: "unix:/a" }, "balanced", /one queue/],
    ["takes it for a socket it got", { listen: "fd:3" }, "balanced", /queue/],
    [
      "takes it for commands that lead to JavaScript",
      { workers: "commands" },
      "balanced",
      /one queue/,
    ],
    [
      "takes the next best for other languages",
      { workers: "other languages" },
      "shared",
      /^not balanced because a program in another language cannot say how loaded it is$/,
    ],
    [
      "takes the next best and says why not the best",
      { can: { balanced: no("ffi") } },
      "shared",
      /^not balanced because ffi is not there$/,
    ],
    [
      "says of each better one why not",
      {
        can: {
          balanced: no("memory"),
          shared: no("ffi"),
          handoff: no("ipc"),
        },
      },
      "reuseport",
      /^not balanced because memory is not there; not shared because ffi is not there; not handoff because ipc is not there$/,
    ],
  ];
  for (const [what, question, mode, reason] of choices) {
    test(what, () => {
      const choice = choose(question);
      assert.equal(choice.mode, mode);
      assert.match(choice.reason, reason);
      assert.ok(!choice.reason.includes("\n"));
    });
  }

  test("fails with the way out of the best one when none is left", () => {
    const can = {
      balanced: no("memory"),
      shared: no("ffi"),
      handoff: no("ipc"),
    };
    for (const listen of ["unix:/a", "fd:3"]) {
      assert.throws(() => choose({ can, listen }), {
        code: "ERR_SHARE_MODE",
        message:
          `Cannot share ${listen} in the mode "balanced": memory is not there, use another than memory`,
      });
    }
    for (const workers of ["commands", "other languages"] as const) {
      assert.throws(
        () =>
          choose({
            can: { balanced: no("memory"), shared: no("ffi") },
            workers,
          }),
        { code: "ERR_SHARE_MODE" },
      );
    }
  });
});

describe("balanced, where the kernel can be made to pick", () => {
  const steers = true;
  const picks =
    "balanced: the kernel picks the least loaded worker, and idle ones help who is held up";
  const queue = "one queue for all workers, and the least loaded go first";

  test("is shards for whoever asked for it, or for nothing", () => {
    for (const wanted of ["auto", "balanced"] as const) {
      const choice = choose({ wanted, steers });
      assert.deepEqual(choice, { mode: "sharded", reason: picks });
    }
    for (const wanted of ["shared", "sharded", "handoff"] as const) {
      assert.equal(choose({ wanted, steers }).mode, wanted);
      assert.equal(choose({ wanted, steers }).reason, "as asked");
    }
  });

  test("is one queue where there can be no shards, and nothing more is said", () => {
    const others: readonly Question[] = [
      { listen: "unix:/a" },
      { listen: "fd:3" },
      { passed: true },
      { workers: "commands" },
      { can: { sharded: no("SO_REUSEPORT") } },
    ];
    for (const question of others) {
      for (const known of [true, "it lacks CAP_BPF"] as const) {
        const choice = choose({ ...question, steers: known });
        assert.deepEqual(choice, { mode: "balanced", reason: queue });
      }
    }
    assert.equal(choose({ steers, workers: "other languages" }).mode, "shared");
  });

  test("is one queue where it cannot, and says why where that is known", () => {
    const why = "it lacks CAP_BPF";
    assert.deepEqual(choose({ steers: why }), {
      mode: "balanced",
      reason: `${queue}; no steered shards: ${why}`,
    });
    assert.deepEqual(choose({ wanted: "balanced", steers: why }), {
      mode: "balanced",
      reason: `as asked; no steered shards: ${why}`,
    });
    assert.equal(
      choose({ can: { balanced: no("ffi") }, steers }).mode,
      "shared",
    );
  });

  test("keeps the sockets of the supervisor before", () => {
    for (const before of ["balanced", "shared"] as const) {
      assert.deepEqual(choose({ before, steers }), {
        mode: "balanced",
        reason:
          `${queue}; no steered shards: the supervisor before has one queue`,
      });
    }
    assert.deepEqual(choose({ before: "sharded", steers }), {
      mode: "sharded",
      reason: picks,
    });
    assert.deepEqual(
      choose({ before: "sharded", steers: "it lacks CAP_BPF" }),
      {
        mode: "sharded",
        reason:
          "shards, as the supervisor before has them; not steered: it lacks CAP_BPF",
      },
    );
    assert.deepEqual(choose({ before: "sharded" }), {
      mode: "sharded",
      reason: "shards, as the supervisor before has them",
    });
    assert.equal(
      choose({ wanted: "shared", before: "sharded" }).mode,
      "shared",
    );
  });
});

describe("datagrams", () => {
  const listen = "udp://:53";
  const why =
    "datagrams have one queue for all workers, and who is free reads the next";

  test("are shared unless they are to be sharded", () => {
    for (const wanted of ["auto", "balanced"] as const) {
      const choice = choose({ wanted, listen });
      assert.deepEqual(choice, { mode: "shared", reason: why });
    }
    for (const wanted of ["shared", "sharded"] as const) {
      assert.equal(choose({ wanted, listen }).mode, wanted);
    }
    const foreign = { listen, workers: "other languages" } as const;
    assert.equal(choose(foreign).mode, "shared");
  });

  const refusals: readonly (readonly [Question, RegExp])[] = [
    [
      { wanted: "handoff", listen },
      /udp:\/\/0\.0\.0\.0:53 in the mode "handoff": a datagram is no connection that could be passed on, use "shared" or "sharded", for this listener alone as in "udp:\/\/0\.0\.0\.0:53\?share=shared"$/,
    ],
    [
      { wanted: "reuseport", listen },
      /"reuseport": what waits for a worker that leaves would be lost with its socket, use "shared" or "sharded"/,
    ],
    [
      { wanted: "sharded", listen: "udp://239.1.2.3:53" },
      /"sharded": every shard would get each datagram of a multicast group, use "shared"$/,
    ],
    [
      { wanted: "sharded", listen: "udp://[ff02::1]:53" },
      /every shard would get each datagram/,
    ],
    [
      {
        listen,
        can: {
          shared: {
            reason: "ffi is not there",
            instead: '--allow-ffi, or the mode "reuseport"',
          },
        },
      },
      /in the mode "shared": ffi is not there, use --allow-ffi$/,
    ],
    [
      { wanted: "sharded", listen, workers: "other languages" },
      /cannot take over a dead one's shard, use "shared" for such programs$/,
    ],
  ];
  for (const [question, pattern] of refusals) {
    test(`are refused: ${pattern.source.slice(0, 60)}`, () => {
      assert.throws(() => choose(question), (error) => {
        assert.ok(error instanceof PreforkError);
        assert.equal(error.code, "ERR_SHARE_MODE");
        assert.match(error.message, pattern);
        return true;
      });
    });
  }
});

test("a mode that was asked for is taken where it works", () => {
  for (const wanted of SHARE_MODES) {
    assert.deepEqual(choose({ wanted }), { mode: wanted, reason: "as asked" });
  }
  for (const wanted of ["balanced", "shared", "handoff"] as const) {
    for (const listen of ["unix:/a", "unix:@a", "fd:3"]) {
      assert.equal(choose({ wanted, listen }).mode, wanted);
    }
  }
  for (const workers of ["commands", "other languages"] as const) {
    assert.equal(choose({ wanted: "shared", workers }).mode, "shared");
  }
  const commands = choose({ wanted: "balanced", workers: "commands" });
  assert.equal(commands.mode, "balanced");
});

describe("a mode that cannot work is refused with its name, the reason and the way out", () => {
  const refusals: readonly (readonly [Question, string])[] = [
    ...SHARE_MODES.map((wanted) =>
      [
        { wanted, can: { [wanted]: no("ffi") } },
        "ffi is not there, use another than ffi",
      ] as const
    ),
    ...(["sharded", "reuseport"] as const).flatMap((wanted) =>
      [
        [
          { wanted, listen: "unix:/a" },
          'SO_REUSEPORT spreads connections of TCP only, use "balanced", "shared" or "handoff" for Unix sockets',
        ],
        [
          { wanted, listen: "fd:3" },
          'an inherited socket is one socket only, use "balanced", "shared" or "handoff" for "fd:" addresses',
        ],
      ] as const
    ),
    ...([
      ["balanced", "say how loaded it is"],
      ["sharded", "take over a dead one's shard"],
      ["handoff", "receive a connection"],
    ] as const).map(([wanted, what]) =>
      [
        { wanted, workers: "other languages" },
        `a program in another language cannot ${what}, use "shared" for such programs`,
      ] as const
    ),
    [
      { wanted: "reuseport", workers: "other languages" },
      'a program in another language would not bind the address, use "shared" for such programs',
    ],
    ...(["sharded", "reuseport", "handoff"] as const).map((wanted) =>
      [
        { wanted, workers: "commands" },
        'it is not certain that what a command starts speaks to the pool, use "balanced" or "shared" for commands',
      ] as const
    ),
  ];
  for (const [question, sentence] of refusals) {
    test(JSON.stringify(question), () => {
      const { wanted, listen = ":80" } = question;
      assert.throws(() => choose(question), (error) => {
        assert.ok(error instanceof PreforkError);
        assert.equal(error.code, "ERR_SHARE_MODE");
        assert.equal(
          error.message,
          `Cannot share ${listen} in the mode "${wanted}": ${sentence}`,
        );
        return true;
      });
    });
  }
});

import assert from "node:assert/strict";
import type { Refusal, ShareMode } from "../../core/adapter.ts";
import { parseListener } from "../../core/address.ts";
import { PreforkError } from "../../core/errors.ts";
import {
  chooseShareMode,
  SHARE_MODES,
  type ShareChoice,
} from "../../core/share_mode.ts";
import { describe, test } from "../harness.ts";

interface Question {
  readonly wanted?: ShareMode | "auto";
  readonly listen?: string;
  readonly can?: Partial<Record<ShareMode, Refusal>>;
  readonly foreign?: boolean;
}

function choose(
  { wanted = "auto", listen = ":80", can = {}, foreign = false }: Question,
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
    foreign,
  });
}

const no = (what: string): Refusal => ({
  reason: `${what} is not there`,
  instead: `another than ${what}`,
});

describe("auto", () => {
  const choices: readonly (readonly [string, Question, ShareMode, RegExp])[] = [
    ["takes the best", {}, "shared", /^every worker accepts from one queue/],
    ["takes it for Unix too", { listen: "unix:/a" }, "shared", /one queue/],
    ["takes it for other languages", { foreign: true }, "shared", /one queue/],
    [
      "takes the next best and says why not the best",
      { can: { shared: no("ffi") } },
      "handoff",
      /^not shared because ffi is not there$/,
    ],
    [
      "says of each better one why not",
      { can: { shared: no("ffi"), handoff: no("ipc") } },
      "reuseport",
      /^not shared because ffi is not there; not handoff because ipc is not there$/,
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
    const can = { shared: no("ffi"), handoff: no("ipc") };
    for (const listen of ["unix:/a", "fd:3"]) {
      assert.throws(() => choose({ can, listen }), {
        code: "ERR_SHARE_MODE",
        message:
          `Cannot share ${listen} in the mode "shared": ffi is not there, use another than ffi`,
      });
    }
    assert.throws(
      () => choose({ can: { shared: no("ffi") }, foreign: true }),
      { code: "ERR_SHARE_MODE" },
    );
  });
});

test("a mode that was asked for is taken where it works", () => {
  for (const wanted of SHARE_MODES) {
    assert.deepEqual(choose({ wanted }), { mode: wanted, reason: "as asked" });
  }
  for (const wanted of ["shared", "handoff"] as const) {
    for (const listen of ["unix:/a", "unix:@a", "fd:3"]) {
      assert.equal(choose({ wanted, listen }).mode, wanted);
    }
  }
  assert.equal(choose({ wanted: "shared", foreign: true }).mode, "shared");
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
          'SO_REUSEPORT spreads connections of TCP only, use "shared" or "handoff" for Unix sockets',
        ],
        [
          { wanted, listen: "fd:3" },
          'an inherited socket is one socket only, use "shared" or "handoff" for "fd:" addresses',
        ],
      ] as const
    ),
    [
      { wanted: "handoff", foreign: true },
      'a program in another language cannot receive a connection, use "shared" for such programs',
    ],
    [
      { wanted: "reuseport", foreign: true },
      'a program in another language would not bind the address, use "shared" for such programs',
    ],
    [
      { wanted: "sharded", foreign: true },
      'a program in another language cannot take over a dead one\'s shard, use "shared" for such programs',
    ],
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

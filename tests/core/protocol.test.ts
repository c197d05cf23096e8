import assert from "node:assert/strict";
import {
  encode,
  type FromWorker,
  parseFromWorker,
  parseToWorker,
  PROTOCOL_VERSION,
  TAG,
  type ToWorker,
} from "../../core/protocol.ts";
import { MAX_PAGE } from "../../core/exposition/parse.ts";
import { describe, test } from "../harness.ts";
import { forSeeds, type Random } from "../random.ts";

const FROM: readonly FromWorker[] = [
  { type: "hello", runtime: "node", pid: 1 },
  { type: "ready" },
  { type: "leaving" },
  { type: "failed", reason: "because" },
  { type: "adopted", listener: ":80", shard: 0 },
  { type: "heard", count: 1 },
  { type: "closed", count: 3 },
  { type: "stick", id: "Zm9v" },
  { type: "metrics", text: "a 1" },
];
const TO: readonly ToWorker[] = [
  { type: "drain", ms: 30_000, idle: 300 },
  { type: "adopt", listener: ":80", shard: 1 },
  { type: "release", listener: ":80", shard: 1 },
  { type: "connection", listener: ":80" },
];
const BOTH = [
  { messages: FROM, parse: parseFromWorker, other: TO, who: "a worker" },
  { messages: TO, parse: parseToWorker, other: FROM, who: "the supervisor" },
] as const;

/** What the channel makes of a message. */
const wire = (message: unknown): unknown => JSON.parse(JSON.stringify(message));

/** The longest text that may stand in a message. */
const longest = (type: string): number => type === "metrics" ? MAX_PAGE : 4096;

describe("the head of a connection", () => {
  const parse = (head: unknown) =>
    parseToWorker({
      ...encode({ type: "connection", listener: ":80" }) as object,
      head,
    });

  test("arrives byte for byte", () => {
    const head = String.fromCharCode(...Array(256).keys());
    const message = { type: "connection", listener: ":80", head } as const;
    assert.deepEqual(parseToWorker(wire(encode(message))), {
      kind: "ours",
      message,
    });
  });

  test("may be 16 KiB long and no longer", () => {
    assert.equal(parse("x".repeat(16_384)).kind, "ours");
    assert.equal(parse("x".repeat(16_385)).kind, "noise");
  });

  test("is a text or is not there", () => {
    for (const bad of [null, 5, {}, []]) assert.equal(parse(bad).kind, "noise");
    assert.equal(parse(undefined).kind, "ours");
  });
});

for (const { messages, parse, other, who } of BOTH) {
  describe(`what ${who} says`, () => {
    for (const message of messages) {
      test(`"${message.type}" arrives as it was sent`, () => {
        const sent = wire(encode(message));
        assert.deepEqual(sent, { [TAG]: PROTOCOL_VERSION, ...message });
        assert.deepEqual(parse(sent), { kind: "ours", message });
      });

      test(`"${message.type}" loses what does not belong to it`, () => {
        const sent = wire(encode(message)) as Record<string, unknown>;
        assert.deepEqual(parse({ ...sent, more: 1 }), {
          kind: "ours",
          message,
        });
      });

      for (const name of Object.keys(message).filter((key) => key !== "type")) {
        test(`"${message.type}" with a bad "${name}" is noise that names it`, () => {
          const isText = typeof message[name as never] === "string";
          const bad = isText
            ? [
              undefined,
              null,
              5,
              {},
              [],
              "x".repeat(longest(message.type) + 1),
            ]
            : [undefined, null, "5", -1, 1.5, NaN, Infinity, 2 ** 53, [], {}];
          for (const value of bad) {
            const parsed = parse({
              ...encode(message) as object,
              [name]: value,
            });
            assert.equal(parsed.kind, "noise", String(value).slice(0, 99));
            assert.match(
              (parsed as { problem: string }).problem,
              new RegExp(`^"${name}" of a "${message.type}" message is `),
            );
          }
        });
      }
    }

    test("what only the other side says is noise", () => {
      for (const message of other) {
        assert.deepEqual(parse(encode(message)), {
          kind: "noise",
          problem: `its type "${message.type}" is unknown`,
        });
      }
    });

    test("another version is noise that names both", () => {
      assert.deepEqual(parse({ [TAG]: 2, type: messages[0]!.type }), {
        kind: "noise",
        problem: "it speaks version 2, not 1",
      });
      assert.equal(parse({ [TAG]: "1", type: "ready" }).kind, "noise");
    });

    test("names of Object.prototype are no types", () => {
      for (const type of ["constructor", "toString", "__proto__"]) {
        assert.equal(parse({ [TAG]: 1, type }).kind, "noise");
      }
    });

    test("long garbage is shown in short", () => {
      const { problem } = parse({ [TAG]: 1, type: "x".repeat(10_000) }) as {
        problem: string;
      };
      assert.ok(problem.length < 120, problem);
      assert.match(problem, /\(10002 long\)/);
    });

    test("messages of the user pass as the very same value", () => {
      const own = [
        ...[null, undefined, 0, "", "ready", true, [], {}, [1, { a: 2 }]],
        ...[
          { type: "ready" },
          { cmd: "NODE_x" },
          Object.create(null),
          () => {},
        ],
      ];
      for (const message of own) {
        const parsed = parse(message);
        assert.equal(parsed.kind, "user");
        assert.equal((parsed as { message: unknown }).message, message);
      }
    });

    test("random messages never throw, and only exact shapes are ours", () => {
      forSeeds(20_000, (random) => {
        const message = randomMessage(random);
        const seed = `seed ${random.seed}: ${JSON.stringify(message)}`;
        const parsed = parse(message);
        const tagged = typeof message === "object" && message !== null &&
          TAG in message;
        assert.equal(parsed.kind === "user", !tagged, seed);
        if (parsed.kind === "user") assert.equal(parsed.message, message, seed);
        if (parsed.kind !== "ours") return;
        const shape = [...messages].find(({ type }) =>
          type === parsed.message.type
        )!;
        const types = (of: object): Record<string, string> =>
          Object.fromEntries(
            Object.entries(of).map(([key, value]) => [key, typeof value]),
          );
        assert.deepEqual(types(parsed.message), types(shape), seed);
        assert.deepEqual(parse(encode(parsed.message)), parsed, seed);
      });
    });
  });
}

/** A JSON value that is often nearly one of ours. */
function randomMessage(random: Random): unknown {
  if (random.chance(0.1)) return randomValue(random, 3);
  const base = { ...random.pick([...FROM, ...TO]) } as Record<string, unknown>;
  if (random.chance(0.9)) {
    base[TAG] = random.chance(0.9) ? 1 : randomValue(random, 1);
  }
  for (const key of Object.keys(base)) {
    if (random.chance(0.05)) delete base[key];
    else if (random.chance(0.1)) base[key] = randomValue(random, 1);
  }
  return base;
}

function randomValue(random: Random, depth: number): unknown {
  const value = (): unknown => randomValue(random, depth - 1);
  switch (random.whole(0, depth > 0 ? 8 : 6)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
      return random.pick([0, -1, 1.5, 2 ** 53, 1e300, random.whole(0, 99)]);
    case 3:
      return random.pick(["", "ready", "taken", TAG, "x".repeat(5_000), "\0"]);
    case 4:
      return [];
    case 5:
      return {};
    case 6:
      return random.whole(-5, 5);
    case 7:
      return Array.from({ length: random.whole(0, 3) }, value);
    default: {
      const key = (): string => random.pick([TAG, "type", "id", "a", "pid"]);
      return { [key()]: value(), [key()]: value() };
    }
  }
}

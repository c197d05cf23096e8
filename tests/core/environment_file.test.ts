import assert from "node:assert/strict";
import process from "node:process";
import { MemoryWorld } from "../../adapters/memory.ts";
import { parseEnvFile } from "../../core/launch/environment_file.ts";
import { describe, test } from "../harness.ts";
import { running, settle, stage } from "./world.ts";

/** Node's own reader of the form, which is the one that is documented. */
const { parseEnv } = process.getBuiltinModule("node:util");
const onNode = process.versions["bun"] === undefined &&
  process.versions["deno"] === undefined;

describe("the form of a file", () => {
  const texts: readonly (readonly [string, Record<string, string>])[] = [
    ["", {}],
    ["A=1\nB=2\n", { A: "1", B: "2" }],
    ["A=1\r\nB=2\r\n", { A: "1", B: "2" }],
    ["A=1\nA=2", { A: "2" }],
    ["A=\nB=2", { A: "", B: "2" }],
    ["\n\n  A = b c # d\n", { A: "b c" }],
    ["# A=1\n# B=2\nC=3#4", { C: "3" }],
    ["no variable\nA=1", { A: "1" }],
    ["export A=1\nexportB=2", { A: "1", exportB: "2" }],
    ["A=b=c\nB==", { A: "b=c", B: "=" }],
    ["A='x # y' # z\nB=\"#\"\nC=`'\"`", { A: "x # y", B: "#", C: "'\"" }],
    ["A=\"a\\nb\"\nB='a\\nb'", { A: "a\nb", B: "a\\nb" }],
    ['A="one\nB=2\n"\nC=3', { A: "one\nB=2\n", C: "3" }],
    ["A='it # is\nB=1", { A: "'it # is", B: "1" }],
    ["A=$B ${C}", { A: "$B ${C}" }],
    ["a.b-c d=1", { "a.b-c d": "1" }],
  ];
  for (const [text, variables] of texts) {
    test(JSON.stringify(text), () => {
      assert.deepEqual(parseEnvFile(text), variables);
      if (onNode) assert.deepEqual({ ...parseEnv(text) }, variables);
    });
  }

  test("nothing is taken from the line below, or left at the beginning", () => {
    // Node 26.10 reads the first as A="B=2", the second as "export A", the third
    // as "# B", and takes the mark of the fourth for a part of the name.
    assert.deepEqual(parseEnvFile("A= \nB=2"), { A: "", B: "2" });
    assert.deepEqual(parseEnvFile("export A=\n"), { A: "" });
    assert.deepEqual(parseEnvFile("# A\n  # B=2"), {});
    assert.deepEqual(parseEnvFile("\ufeffA=1"), { A: "1" });
  });
});

describe("workers", () => {
  const world = (): MemoryWorld => {
    const made = new MemoryWorld();
    made.files.set("/here/.env", "A=file\nB=file\nC=file\nPORT=1\nPREFORK_X=1");
    made.files.set("/b.env", "C=later");
    return made;
  };
  const envFile = [".env", "/b.env"];

  test("have what the files say, unless the environment or the pool says it", async () => {
    const made = world();
    Object.assign(made.env, { B: "environment" });
    const { pool } = await running({ envFile, env: { D: "option" } }, made);
    const { env } = made.processes[0]!;
    const names = ["A", "B", "C", "D", "PORT", "PREFORK_X"];
    assert.deepEqual(
      names.map((name) => env[name]),
      ["file", "environment", "later", "option", "8080", undefined],
    );
    void pool.stop({ quick: true });
  });

  test("have what they say now after a reload, and what they said then after a crash", async () => {
    const made = world();
    const { pool } = await running({ envFile, workers: 1 }, made);
    const last = () => made.processes.at(-1)!.env["A"];
    made.files.set("/here/.env", "A=new");
    made.processes[0]!.exit({ code: 1 });
    await settle();
    made.advance(60_000);
    await settle();
    assert.deepEqual([made.processes.length, last()], [2, "file"]);
    const reload = pool.reload();
    await settle();
    made.advance(1_000);
    await settle();
    made.processes[1]!.exit();
    await reload;
    assert.deepEqual([made.processes.length, last()], [3, "new"]);
    void pool.stop({ quick: true });
  });

  test("a file that cannot be read is the end of a reload, and of no worker", async () => {
    const made = world();
    const { pool, all } = await running({ envFile }, made);
    made.files.delete("/b.env");
    await assert.rejects(pool.reload(), {
      code: "ERR_RELOAD",
      message:
        /^Cannot reload: slot 0: Cannot read the variables in "\/b.env": ENOENT: \/b.env; write it, /,
    });
    assert.equal(all("worker-exited").length, 0);
    assert.equal(made.alive.length, 2);
    void pool.stop({ quick: true });
  });

  test("there are none while one cannot be read at the start", async () => {
    const made = world();
    made.files.set("/b.env", "A=\0");
    const { pool } = stage({ envFile: "/b.env" }, made);
    await assert.rejects(pool.start(), {
      code: "ERR_BOOT",
      message:
        'Cannot read the variables in "/b.env": it has a byte 0 in it, which no variable can',
    });
    assert.equal(made.processes.length, 0);
  });
});

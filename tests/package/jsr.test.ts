/**
 * The package as JSR has it.
 *
 * Runs once, under deno: Deno alone imports from JSR.
 */
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { publishedFiles } from "../../scripts/lib/jsr.ts";
import { afterAll, beforeAll, describe, test } from "../harness.ts";
import { binary, ownRuntime } from "../runtimes.ts";
import { type Consumer, emptyConsumer } from "./consumer.ts";
import { runsCommand, runsPool } from "./pools.ts";
import { poolProgram, workerProgram } from "./requests.ts";
import { run } from "./run.ts";
import { ROOT } from "./tarball.ts";

// For those who run it by hand.
const skip = ownRuntime !== "deno" && "Deno alone imports from JSR";

describe("the JSR package", () => {
  let published: Consumer | undefined;
  let consumer: Consumer;
  let from: string;

  beforeAll(() => {
    if (skip) return;
    // Exactly what would be published, and nothing else of the project.
    const { files, ok, output } = publishedFiles(binary("deno"));
    if (!ok) throw new Error(`Cannot publish:\n${output}`);
    published = emptyConsumer();
    consumer = emptyConsumer();
    for (const file of files) {
      const copy = `${published.path}/${file}`;
      mkdirSync(dirname(copy), { recursive: true });
      cpSync(ROOT + file, copy);
    }
    const { version } = JSON.parse(readFileSync(`${ROOT}deno.json`, "utf8"));
    from = `jsr:@prefork/prefork@^${version}`;
    const config = {
      links: [published.path],
      imports: { "@prefork/prefork": from },
    };
    consumer.write("deno.json", JSON.stringify(config));
    consumer.write("app.ts", workerProgram(`${from}/worker`));
    consumer.write("pool.ts", poolProgram("@prefork/prefork", "app.ts"));
  });
  afterAll(() => {
    if (published === undefined) return;
    published.remove();
    consumer.remove();
  });

  test("its types check", { skip }, async () => {
    await run([binary("deno"), "check", "app.ts", "pool.ts"], consumer.path);
  });

  test("a program runs a pool with it", { skip }, async () => {
    await runsPool([binary("deno"), "run", "-A", "pool.ts"], consumer.path);
  });

  test("the command runs", { skip }, async () => {
    const command = [binary("deno"), "run", "-A", `${from}/cli`] as const;
    await runsCommand(command, "app.ts", consumer.path);
  });
});

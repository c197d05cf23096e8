import assert from "node:assert/strict";
import process from "node:process";
import { LOCAL, prefork, ready, readyPids } from "../command.ts";
import { describe, test } from "../harness.ts";
import { get } from "../http.ts";
import { patience } from "../pace.ts";
import { ownRuntime as runtime } from "../runtimes.ts";
import { programs, slowServer } from "./programs.ts";

const files = programs();

/** What a program does at SIGTERM, and which lines it has written at its end. */
const HANDLERS: Readonly<
  Record<string, { readonly text: string; readonly lines: readonly string[] }>
> = {
  "exits at once": {
    text: `process.on("SIGTERM", (name, number) => {
      console.log("handler", name, number); process.exit(0);
    });`,
    lines: ["handler SIGTERM 15"],
  },
  "exits with the code of a signal": {
    text: `process.once("SIGTERM", () => process.exit(143));`,
    lines: [],
  },
  "closes its server, and exits after some cleaning": {
    text: `process.addListener("SIGTERM", () => server.close(() => {
      console.log("closed");
      setTimeout(() => { console.log("cleaned"); process.exit(0); }, 100);
    }));`,
    lines: ["closed", "cleaned"],
  },
  "is asynchronous": {
    text: `process.on("SIGTERM", async () => {
      await new Promise((resolve) => server.close(resolve));
      await new Promise((resolve) => setTimeout(resolve, 100));
      console.log("cleaned");
    }); setInterval(() => {}, 1000);`,
    lines: ["cleaned"],
  },
  "has a handler of SIGINT alone": {
    text: `process.prependListener("SIGINT", () => {
      console.log("interrupted"); process.exit(0);
    });`,
    lines: ["interrupted"],
  },
  "has a handler of SIGQUIT alone": {
    text: `process.on("SIGQUIT", (name) => console.log(name));`,
    lines: ["SIGQUIT"],
  },
  "has the same handler of both": {
    text: `for (const name of ["SIGINT", "SIGTERM"]) {
      process.on(name, () => { console.log("handler"); server.close(); });
    }`,
    lines: ["handler"],
  },
  "removes its handler and sends the signal again": {
    text: `const leave = () => {
      console.log("handler", process.listenerCount("SIGTERM"));
      process.removeListener("SIGTERM", leave);
      process.kill(process.pid, "SIGTERM");
    };
    process.on("SIGTERM", leave); setInterval(() => {}, 1000);`,
    lines: ["handler 1"],
  },
  "has removed its handler": {
    text: `process.on("SIGTERM", () => console.log("never"));
      process.removeAllListeners("SIGTERM");`,
    lines: [],
  },
  "listens by Deno, where that is": {
    text: `globalThis.Deno?.addSignalListener("SIGTERM", () => Deno.exit(0));`,
    lines: [],
  },
};

describe("a drain of a program that", () => {
  let count = 0;
  for (const [name, { text, lines }] of Object.entries(HANDLERS)) {
    test(`${name}: finishes the request, and its handler runs once`, async () => {
      const path = files.write(
        `${runtime}_${count++}.mjs`,
        slowServer(400, text),
      );
      await using command = prefork([
        ...["-w", "1", "-r", runtime, ...LOCAL],
        path,
      ]);
      const { listen } = await ready(command);
      const slow = get(listen!, "/slow");
      await command.line(/slow begun/);
      command.signal("SIGTERM");
      assert.equal((await slow).body, "slow done");
      assert.deepEqual(await command.ended, { code: 0, signal: null });
      assert.deepEqual(
        command.of("stdout").filter((line) => !line.includes("slow begun")),
        lines.map((line) => `[0] ${line}`),
      );
      await command.line(/worker-exited .*reason=drained code=(0|143) /);
    });
  }

  test("gets the signal itself: its handler waits for the successor's turn", async () => {
    const path = files.write(
      `${runtime}_direct.mjs`,
      slowServer(
        400,
        `process.on("SIGTERM", () => {
            console.log("handler", server.listening); process.exit(0);
          });`,
      ),
    );
    await using command = prefork([
      ...["-w", "1", "-r", runtime, ...LOCAL],
      path,
    ]);
    const { listen } = await ready(command);
    const slow = get(listen!, "/slow");
    await command.line(/slow begun/);
    const [first] = readyPids(command);
    process.kill(first!, "SIGTERM");
    assert.equal((await slow).body, "slow done");
    await command.line(
      new RegExp(`worker-exited .*pid=${first} reason=drained`),
    );
    assert.equal(
      command.of("stdout").filter((line) => line.includes("handler")).length,
      1,
    );
    assert.notEqual((await get(listen!)).body, String(first));
  });
});

test("a handler runs by half of the grace, and what is answered then is not cut", async () => {
  const path = files.write(
    "needed.mjs",
    `import http from "node:http";
     let release;
     const server = http.createServer((request, response) => {
       release = () => response.end("released");
       console.log("begun");
     });
     process.on("SIGTERM", () => {
       server.close();
       server.closeIdleConnections();
       process.exit(0);
       release();
     });
     server.listen(3000);`,
  );
  await using command = prefork([
    ...["-w", "1", "-r", runtime, "--grace", `${patience(3)}s`],
    ...LOCAL,
    path,
  ]);
  const { listen } = await ready(command);
  const answer = get(listen!);
  await command.line(/begun/);
  command.signal("SIGTERM");
  assert.equal((await answer).body, "released");
  assert.deepEqual(await command.ended, { code: 0, signal: null });
});

test("a handler that never exits costs a moment, and not the deadline", async () => {
  const path = files.write(
    "forever.mjs",
    slowServer(
      0,
      `process.on("SIGTERM", () => console.log("handler"));
       setInterval(() => {}, 1000);`,
    ),
  );
  await using command = prefork(["-w", "1", ...LOCAL, path]);
  await ready(command);
  const since = performance.now();
  command.signal("SIGTERM");
  assert.equal((await command.ended).code, 0);
  assert.ok(performance.now() - since < patience(20_000));
});

test("a handler that throws or rejects ends its worker with code 1, as it does by hand", async () => {
  const path = files.write(
    "fails.mjs",
    slowServer(
      0,
      `process.on("SIGTERM", process.env.PREFORK_SLOT === "0"
         ? () => { throw new Error("thrown"); }
         : async () => { await 0; throw new Error("rejected"); });`,
    ),
  );
  await using command = prefork(["-w", "2", "-r", runtime, ...LOCAL, path]);
  await ready(command);
  command.signal("SIGTERM");
  await command.line(/^\[0\].*rror: thrown/);
  await command.line(/^\[1\].*rror: rejected/);
  for (const slot of [0, 1]) {
    await command.line(new RegExp(`worker-exited slot=${slot} .*code=1 `));
  }
});

test("an uncaught exception ends a worker as it does by hand", async () => {
  const path = files.write(
    "throws.mjs",
    slowServer(
      0,
      `process.on("SIGUSR2", () => { throw new Error("out of luck"); });`,
    ),
  );
  await using command = prefork(["-w", "1", ...LOCAL, path]);
  await ready(command);
  process.kill(readyPids(command)[0]!, "SIGUSR2");
  await command.line(/worker-exited .*reason=crashed code=1 /);
  await command.line(/^\[0\].*out of luck/);
});

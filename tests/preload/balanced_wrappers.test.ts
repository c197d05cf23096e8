/** Workers that something else has started pass connections on, too. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type Command, LOCAL, prefork, ready } from "../command.ts";
import { describe, test } from "../harness.ts";
import { distinct } from "../http.ts";
import { ownRuntime } from "../runtimes.ts";
import { hasNpm, programs, WRAPPER } from "./programs.ts";

const files = programs();
const server = files.write(
  "server.mjs",
  `import http from "node:http";
   http.createServer((_, response) => response.end(" pid=" + process.pid + ";"))
     .listen(3000);`,
);
files.write("wrapper.mjs", WRAPPER);
/** As tsx does it: with a channel of its own, on which it relays everything. */
files.write(
  "relay.mjs",
  `import { spawn } from "node:child_process";
   const [file, ...args] = process.argv.slice(2);
   const child = spawn(file, args, {
     stdio: ["inherit", "inherit", "inherit", "ipc"],
   });
   process.on("message", (message) => child.send(message));
   child.on("message", (message) => process.send(message));
   child.once("exit", (code) => process.exit(code ?? 1));`,
);
files.write("start.sh", `node ${server}\n`);
files.write("package.json", `{ "scripts": { "start": "node ${server}" } }`);

/** Opens a connection, has a request answered and leaves it open. */
async function stay(address: string, open: Set<Socket>): Promise<void> {
  const socket = connect(Number(address.split(":")[1]), "127.0.0.1");
  open.add(socket);
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const [answer] = await once(socket, "data");
  assert.match(String(answer), /^HTTP\/1\.1 200 /);
}

/** Age, accepted, passed on and taken over of both workers. */
async function counts(command: Command): Promise<readonly number[][]> {
  const from = command.lines.length;
  command.signal("SIGCONT");
  return await Promise.all([0, 1].map(async (slot) => {
    const [, ...numbers] = await command.line(
      new RegExp(
        `^prefork worker-status slot=${slot} .* age=(\\d+) .* accepted=(\\d+) passedOn=(\\d+) takenOver=(\\d+) `,
      ),
      from,
    );
    return numbers.map(Number);
  }));
}

describe("connections are passed on between workers behind", () => {
  for (
    const line of [
      "npm start",
      `env A=1 node ${server}`,
      "node wrapper.mjs sh start.sh",
      `node relay.mjs node wrapper.mjs node ${server}`,
    ]
  ) {
    const skip = line.startsWith("npm") && !hasNpm() && "npm is not installed";
    test(line.replaceAll(server, "server.mjs"), { skip }, async () => {
      const [program, ...args] = line.split(" ");
      await using command = prefork(
        ["-w", "2", ...LOCAL, "-r", "exec", program!, ...args],
        {
          cwd: files.directory,
          env: { npm_config_update_notifier: "false" },
        },
      );
      const { listen, share } = await ready(command);
      assert.equal(share, "balanced");
      await distinct(listen!, 2);
      const open = new Set<Socket>();
      try {
        for (let passed = 0, taken = 0; passed === 0 || taken === 0;) {
          assert.ok(open.size < 1_000, "nothing was passed on");
          for (let i = 0; i < 20; i++) await stay(listen!, open);
          const [a, b] = await counts(command);
          passed = a![2]! + b![2]!;
          taken = a![3]! + b![3]!;
        }
        // The scoreboard is no wrapper's to write to, which it would do every
        // 100 ms.
        const known = await counts(command);
        for (let age = 0; age < known[0]![0]! + 250;) {
          const present = await counts(command);
          age = present[0]![0]!;
          for (const [slot, now] of present.entries()) {
            assert.ok(now[1]! >= known[slot]![1]!, `slot ${slot}: ${now}`);
          }
        }
      } finally {
        for (const socket of open) socket.destroy();
      }
    });
  }
});

test("bun run keeps the scoreboard from a worker: it says so and shares", {
  skip: ownRuntime === "deno" &&
    "bun run keeps number 3 alone, and Deno chooses others",
}, async () => {
  await using command = prefork(
    ["-w", "2", ...LOCAL, "-r", "exec", "bun", "run", "start"],
    { cwd: files.directory },
  );
  const { listen } = await ready(command);
  for (const slot of [0, 1]) {
    await command.line(
      new RegExp(
        `^\\[${slot}\\] connections are shared and not balanced: the scoreboard cannot be read \\(number \\d+ is not its file\\)$`,
      ),
    );
  }
  await distinct(listen!, 2);
});

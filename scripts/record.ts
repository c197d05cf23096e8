/**
 * Records the pictures of the README: types into a shell in a pseudo terminal
 * (script(1)) and draws what it shows. `node scripts/record.ts [NAME ..]` writes
 * docs/NAME.svg.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { screenSvg } from "./lib/screen_svg.ts";
import { Terminal, textOf } from "./lib/terminal.ts";
import { ROOT } from "./lib/tree.ts";

/** What is done at the terminal. */
type Step =
  /** A command, and its end is waited for. */
  | { readonly type: string }
  /** A command that goes on, until the screen shows something. */
  | { readonly open: string; readonly until: RegExp }
  /** Until a file shows something. */
  | { readonly file: string; readonly until: RegExp }
  /** Ends what goes on, by a key; the picture is of before that. */
  | { readonly close: string };

interface Session {
  readonly title: string;
  readonly rows: number;
  readonly steps: readonly Step[];
}

const COLUMNS = 100;
const PROMPT = "$";

const SESSIONS: Readonly<Record<string, Session>> = {
  reload: {
    title:
      "A release that does not boot: prefork reload says why, and clients notice nothing",
    rows: 40,
    steps: [
      { type: "prefork -w 4 app.js 2>log &" },
      { file: "log", until: /prefork ready / },
      { type: "clients &" },
      { type: `echo 'throw new Error("no DATABASE_URL")' > app.js` },
      { type: `prefork reload; echo "exit code $?"` },
      { type: "prefork status" },
      { type: "kill -INT %2; wait %2" },
    ],
  },
  top: {
    title: "prefork top: what each worker does, again every second",
    rows: 14,
    steps: [
      { type: "prefork -w 4 app.js 2>log &" },
      { file: "log", until: /prefork ready / },
      { type: "clients &" },
      { open: "prefork top", until: /\bready\b[^]*\bready\b/ },
      { close: "q" },
    ],
  },
};

const APP = `import { createServer } from "node:http";

createServer((_request, response) => {
  response.end(\`Hello from \${process.pid}\\n\`);
}).listen(8080);
`;

/** Clients that never try twice, and say on SIGINT what came of it. */
const CLIENTS = `import { get } from "node:http";

let [answered, failed, over] = [0, 0, false];
const ask = () => new Promise((resolve) => {
  get({ port: 8080, agent: false }, (response) => {
    response.resume().on("error", () => {}).on("close", () => {
      resolve(response.complete && response.statusCode === 200);
    });
  }).on("error", () => resolve(false));
});
process.on("SIGINT", () => over = true);
await Promise.all(Array.from({ length: 8 }, async () => {
  while (!over) {
    if (await ask()) answered++;
    else failed++;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}));
console.log(\`\${answered} requests answered, \${failed} failed\`);
`;

/** How long nothing new may be shown before a shell counts as waiting, in ms. */
const QUIET = 400;
const LOOK = 50;
const LONGEST = 60_000;

/** A shell in a terminal. */
class Shell implements AsyncDisposable {
  readonly terminal: Terminal;
  readonly #directory = mkdtempSync(join(tmpdir(), "prefork-record-"));
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  #writtenAt = Date.now();
  #over = false;

  constructor(rows: number) {
    this.terminal = new Terminal(COLUMNS, rows);
    const bin = join(this.#directory, "bin");
    mkdirSync(bin);
    this.#write("app.js", APP);
    this.#write("clients.mjs", CLIENTS);
    this.#write("package.json", `{ "type": "module" }`);
    this.#command("prefork", `${ROOT}cli.ts`);
    this.#command("clients", join(this.#directory, "clients.mjs"));
    const shell = `stty cols ${COLUMNS} rows ${rows}; exec bash --norc`;
    this.#child = spawn("script", ["-qefc", shell, "/dev/null"], {
      cwd: this.#directory,
      env: {
        PATH: `${bin}:${process.env["PATH"]}`,
        HOME: this.#directory,
        XDG_RUNTIME_DIR: this.#directory,
        TERM: "xterm-256color",
        // The prompt green, what is typed bold, and what comes of it not.
        PS1: String.raw`\[\e[32m\]$\[\e[0;1m\] `,
        PS0: String.raw`\e[0m`,
        BASH_SILENCE_DEPRECATION_WARNING: "1",
      },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#closed = once(this.#child, "close").then(() => {
      this.#over = true;
    });
    let rest = "";
    this.#child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.#writtenAt = Date.now();
      // A sequence that is not whole yet waits for its end.
      const all = rest + text;
      // deno-lint-ignore no-control-regex
      const whole = all.replace(/\x1b(?:\[[?>=]?[\d;]*|\][^\x07]*)?$/, "");
      rest = all.slice(whole.length);
      this.terminal.write(whole, this.#writtenAt);
    });
  }

  read(file: string): string {
    const path = join(this.#directory, file);
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }

  type(keys: string): void {
    this.#writtenAt = Date.now();
    this.#child.stdin!.write(keys);
  }

  /** Until the shell waits for a command. */
  async prompt(): Promise<void> {
    await this.until(() =>
      this.terminal.line === PROMPT &&
      Date.now() - this.#writtenAt > QUIET
    );
  }

  async until(condition: () => boolean): Promise<void> {
    const end = Date.now() + LONGEST;
    while (!condition()) {
      if (this.#over || Date.now() > end) {
        throw new Error(`Cannot record, the terminal shows:\n${this.shown}`);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK));
    }
  }

  /** Resolves when the shell has ended. */
  get ended(): Promise<void> {
    return this.#closed;
  }

  get shown(): string {
    return this.terminal.lines.map(textOf).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What else is at this terminal is hung up too.
    if (!this.#over) this.#child.kill("SIGHUP");
    await this.#closed;
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }

  #write(name: string, text: string): void {
    writeFileSync(join(this.#directory, name), text);
  }

  #command(name: string, file: string): void {
    const path = join(this.#directory, "bin", name);
    writeFileSync(
      path,
      `#!/bin/sh\nexec "${process.execPath}" "${file}" "$@"\n`,
    );
    chmodSync(path, 0o755);
  }
}

/** Plays a session and draws it. */
async function record({ title, rows, steps }: Session): Promise<string> {
  await using shell = new Shell(rows);
  await shell.prompt();
  let shot: string | undefined;
  const draw = (moves: boolean): string => {
    const lines = shell.terminal.lines.filter((line) =>
      textOf(line) !== PROMPT
    );
    return screenSvg({ title, lines, columns: COLUMNS, moves });
  };
  for (const step of steps) {
    if ("type" in step) {
      shell.type(`${step.type}\n`);
      await shell.prompt();
    } else if ("open" in step) {
      shell.type(`${step.open}\n`);
      await shell.until(() => step.until.test(shell.shown));
      // Two more looks at the pool: rates are between two of them.
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      shot = draw(false);
    } else if ("file" in step) {
      await shell.until(() => step.until.test(shell.read(step.file)));
    } else {
      shell.type(step.close);
      await shell.prompt();
    }
  }
  const drawn = shot ?? draw(true);
  // The clients too: an interactive shell leaves its jobs behind.
  shell.type("prefork stop --quick >/dev/null; kill $(jobs -p) 2>/dev/null\n");
  await shell.prompt();
  shell.type("exit\n");
  await shell.ended;
  return drawn;
}

const wanted = process.argv.slice(2);
for (const name of wanted.length > 0 ? wanted : Object.keys(SESSIONS)) {
  const session = SESSIONS[name];
  if (session === undefined) {
    throw new TypeError(
      `Cannot record "${name}": there are ${Object.keys(SESSIONS).join(", ")}`,
    );
  }
  const svg = await record(session);
  writeFileSync(`${ROOT}docs/${name}.svg`, svg);
  console.log(`docs/${name}.svg: ${svg.length} bytes`);
}

/** The page that says which servers were shown to work: docs/SERVERS.md. */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { type Row, ROWS } from "../../tests/frameworks/matrix.ts";
import { resultFile, type Shown } from "../../tests/frameworks/results.ts";
import { versionOf } from "../../tests/frameworks/versions.ts";
import { binary, type Runtime, RUNTIMES } from "../../tests/runtimes.ts";
import { ROOT } from "./tree.ts";

/** The page, from the root of the project. */
const PAGE = "docs/SERVERS.md";

const NAMES: Readonly<Record<Runtime, string>> = {
  node: "Node",
  deno: "Deno",
  bun: "Bun",
};

/**
 * What is wrong with the page after a run of all the tests. With `update`, a
 * page that says anything else than the run has shown is written anew.
 */
export function checkServersPage(update: boolean): string[] {
  // Elsewhere nothing is grafted.
  if (process.platform !== "linux") return [];
  const missing = ROWS.flatMap((row) =>
    RUNTIMES
      .filter((runtime) => typeof row.apps[runtime] === "string")
      .filter((runtime) => shown(row, runtime) === undefined)
      .map((runtime) => `${PAGE}: ${row.name} was not shown on ${runtime}`)
  );
  if (missing.length > 0) return missing;
  const page = formatted(serversPage());
  const path = ROOT + PAGE;
  if (existsSync(path) && readFileSync(path, "utf8") === page) return [];
  if (!update) {
    return [
      `${PAGE}: is not what the tests have shown, run "node scripts/test.ts --update"`,
    ];
  }
  writeFileSync(path, page);
  return [];
}

function serversPage(): string {
  const notes: string[] = [];
  const marked = (text: string, note: string | undefined): string => {
    if (note === undefined) return text;
    if (!notes.includes(note)) notes.push(note);
    return `${text} (${notes.indexOf(note) + 1})`;
  };
  const rows = ROWS.map((row) => [
    marked(row.name, row.note),
    row.package === undefined ? "" : versionOf(row.package),
    ...RUNTIMES.map((runtime) => {
      const app = row.apps[runtime];
      return typeof app === "string"
        ? cellOf(shown(row, runtime)!)
        : app.obvious
        ? ""
        : marked("no", app.refusal);
    }),
  ]);
  const head = [
    "server",
    "version",
    ...RUNTIMES.map((runtime) =>
      `${NAMES[runtime]} ${runtimeVersion(runtime)}`
    ),
  ];
  return [
    INTRODUCTION,
    table([head, head.map(() => "---"), ...rows]),
    notes.map((note, i) => `${i + 1}. ${note}.`).join("\n"),
    "",
  ].join("\n\n");
}

const INTRODUCTION = `# Servers

Programs that know nothing of prefork, as the framework's own page has them,
run with \`prefork -w 2 -l 127.0.0.1:0 program\` on Linux; the tests also shorten
some times (\`--soak 0 --grace 5s\`) and are patient with their own clients
(\`--idle-grace 1s\`). An entry means that a test has shown all of this:

- both workers answer at the pool's address, and the program's own line
  "listening on .." names that address;
- two reloads under load, with a new session for each request and with sessions
  that stay open: 0 requests failed, 0 sessions cut without an announcement;
- a worker that was killed comes back and answers;
- \`SIGTERM\` ends the pool with code 0 and leaves no process.

The entry says how the workers shared the address, and how each came to the
socket: \`inherited\` is a server that accepts on the descriptor itself, \`grafted\`
a native one that takes none, with the pool's socket put under it. The tests and
the programs are in \`tests/frameworks/\`; \`node scripts/test.ts --update\` writes
this page.`;

function cellOf({ share, way }: Shown): string {
  return `\`${share}\`, ${way}`;
}

function table(rows: readonly (readonly string[])[]): string {
  return rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function shown(row: Row, runtime: Runtime): Shown | undefined {
  const file = resultFile(row.name, runtime);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

function runtimeVersion(runtime: Runtime): string {
  const { stdout } = spawnSync(binary(runtime), ["--version"], {
    encoding: "utf8",
  });
  return /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? "";
}

/** As `deno fmt` wants it, which checks the page too. */
function formatted(markdown: string): string {
  const { status, stdout, stderr } = spawnSync(
    binary("deno"),
    ["fmt", "--quiet", "--ext", "md", "-"],
    { cwd: ROOT, input: markdown, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`Cannot format ${PAGE}: ${stderr}`);
  return stdout;
}

/**
 * What a start would find, without one: nothing is started, and nothing that is
 * opened for it stays open.
 *
 * @module
 */

import type { Adapter } from "./adapter.ts";
import type { Finding } from "./doctor/finding.ts";
import { messageOf, PreforkError } from "./errors.ts";
import { readEnvFiles } from "./launch/environment_file.ts";
import { commandOf } from "./launch/program.ts";
import { closeListeners, type Listener } from "./listeners/listeners.ts";
import { bindSite } from "./monitor/monitor.ts";
import { nameIn } from "./inherited/match.ts";
import { formatAddress, type ListenerSpec } from "./options/address.ts";
import type { PoolConfig } from "./options/options.ts";
import {
  bindFor,
  chooseListeners,
  knownSpecs,
  type Survey,
  survey,
} from "./preflight.ts";
import { announcePool } from "./warnings.ts";

/** A finding, and what the start would fail with. */
export interface StartFinding extends Finding {
  /** There where it would fail. */
  readonly error?: unknown;
}

/** Why Node cannot read a program, as a sentence; undefined where it can. */
export type SyntaxProblem = (
  node: string,
  file: string,
) => string | undefined;

/**
 * Looks at everything that keeps a pool from starting, in the order in which it
 * would be seen, and at all of it though something is wrong.
 */
export async function checkStart(
  config: PoolConfig,
  adapter: Adapter,
  syntaxProblem: SyntaxProblem,
): Promise<readonly StartFinding[]> {
  const { host } = adapter;
  const findings: StartFinding[] = [];
  const look = async <T>(
    subject: string,
    run: () => Promise<T> | T,
    text: (found: T) => string | undefined,
  ): Promise<T | undefined> => {
    try {
      const found = await run();
      const said = text(found);
      if (said !== undefined) {
        findings.push({ verdict: "ok", subject, text: said });
      }
      return found;
    } catch (error) {
      findings.push({
        verdict: "problem",
        subject,
        text: messageOf(error),
        error,
      });
      return undefined;
    }
  };

  if (config.pidFile !== undefined) {
    const file = host.resolve(config.pidFile);
    await look("pid file", () => {
      const own = adapter.pidFile(file);
      own.claim();
      own.remove();
    }, () => `${file} can be written, and is no other pool's`);
  }
  for (const file of config.envFile) {
    await look(
      "variables",
      () => readEnvFiles([file], host),
      (found) => `${Object.keys(found).length} in ${file}`,
    );
  }
  const place = await look(
    "program",
    () => survey(config, adapter),
    ({ workers, runtimes }) =>
      `"${config.program}" is there, for ${workers} ${
        workers === 1 ? "worker" : "workers"
      } by ${[...runtimes].join(", ")}`,
  );
  const listeners: Listener[] = [];
  const isPassedOn = ({ address }: ListenerSpec): boolean =>
    host.env["LISTEN_FDS"] === undefined && nameIn(address) !== undefined;
  if (config.listeners.some(isPassedOn)) {
    findings.push({
      verdict: "note",
      subject: "listen",
      text: "what systemd passes on is seen by the start that it makes alone",
    });
  }
  const listening = config.listeners.filter((spec) => !isPassedOn(spec));
  const chosen = await look(
    "listen",
    () =>
      chooseListeners(
        { ...config, listeners: listening },
        adapter,
        place?.deaf ?? false,
      ),
    () => undefined,
  );
  const specs = chosen?.specs ?? knownSpecs(config, place?.deaf ?? false);
  if (specs === undefined) {
    findings.push({
      verdict: "note",
      subject: "listen",
      text: "where the program listens is seen by a start of it alone",
      mend: "-l ADDRESS, to have that looked at",
    });
  }
  for (const spec of specs ?? []) {
    const bound = await look(
      "listen",
      () => bindFor(place ?? anyPlace(config), [spec], adapter),
      ([listener]) => boundText(listener!),
    );
    listeners.push(...bound ?? []);
  }
  const sites = new Set<string>();
  for (const option of ["health", "metrics"] as const) {
    const site = config[option];
    // Both may have one address.
    if (site === undefined || sites.has(formatAddress(site.address))) continue;
    sites.add(formatAddress(site.address));
    const socket = await look(
      option,
      () => bindSite(site, adapter),
      ({ address }) => `${formatAddress(address)} can be bound`,
    );
    socket?.close();
  }
  if (place !== undefined) {
    await look(
      "syntax",
      () => checkSyntax(place, adapter, syntaxProblem),
      (said) => said,
    );
    const notes = chosen?.notes ?? [];
    announcePool({ ...place, listeners, notes }, adapter, (event) => {
      if (event.type !== "warning") return;
      const { message: text } = event;
      findings.push({ verdict: "note", subject: "warning", text });
    });
  }
  closeListeners(listeners);
  return findings;
}

/** For a program that is not there: one that runs by JavaScript. */
function anyPlace(config: PoolConfig): Parameters<typeof bindFor>[0] {
  const { workers = 1, maxWorkers = workers } = config;
  const runtimes: Survey["runtimes"] = new Set();
  const runtimeOf: Survey["runtimeOf"] = () => "exec";
  const alone = { runtimeOf, runtimes, foreign: false, deaf: false };
  return { config, workers, maxWorkers, ...alone };
}

function boundText({ address, mode, reason }: Listener): string {
  return `${address} can be bound, ${mode}: ${reason}`;
}

/** By what Node itself says, where Node runs it as it stands. */
function checkSyntax(
  { config, runtimes }: Survey,
  adapter: Adapter,
  syntaxProblem: SyntaxProblem,
): string | undefined {
  const { program, cwd = "." } = config;
  // Node 26.10 takes types for errors here, and a loader may change anything.
  const asItStands = /\.[cm]?js$/.test(program) && !/^\w+:/.test(program) &&
    runtimes.has("node") && config.runtimeArgs.length === 0;
  if (!asItStands) return undefined;
  const [node] = commandOf({ ...config, runtime: "node" }, adapter);
  const problem = syntaxProblem(
    node,
    program.startsWith("/") ? program : `${cwd}/${program}`,
  );
  if (problem === undefined) return "Node can read it";
  throw new PreforkError("ERR_BOOT", `Cannot start "${program}": ${problem}`);
}

/**
 * What the runtimes can do on a machine: as supervisor, as workers, and with
 * their own servers.
 *
 * @module
 */

import type { RuntimeName } from "../adapter.ts";
import { lacksFfi } from "../options/deno_permission.ts";
import { SHARE_MODES } from "../options/share_mode.ts";
import type { MachineFacts, PoolPlan } from "./facts.ts";
import type { Finding } from "./finding.ts";
import { isOlder, NODE_FFI, OLDEST } from "./version.ts";

/** What the supervisor's runtime and those of the workers can do. */
export function runtimeFindings(
  facts: MachineFacts,
  plan: PoolPlan,
): readonly Finding[] {
  return [
    ...systemFindings(facts),
    ...shareFindings(facts, plan),
    libcFinding(facts),
    nativeFinding(facts, plan),
    ...workerFindings(facts, plan),
  ];
}

function systemFindings({ platform }: MachineFacts): readonly Finding[] {
  const subject = "system";
  if (platform === "linux") return [];
  return platform === "darwin"
    ? [{
      verdict: "note",
      subject,
      text: "macOS is not tested; Node supervises there, Deno and Bun do not",
      mend: "a Linux container",
    }]
    : [{
      verdict: "problem",
      subject,
      text: "prefork passes sockets on as Unix systems do, this one does not",
      mend: "Linux, a container or WSL",
    }];
}

function shareFindings(
  { share, runtime, version }: MachineFacts,
  { config: { share: wanted } }: PoolPlan,
): readonly Finding[] {
  const subject = "share modes";
  const able = SHARE_MODES.filter((mode) => share[mode] === true);
  const refused = SHARE_MODES.flatMap((mode) => {
    const refusal = share[mode];
    return refusal === true ? [] : [{ mode, ...refusal }];
  });
  const asked = refused.find(({ mode }) => mode === wanted);
  if (asked !== undefined || able.length === 0) {
    const { mode, reason, instead } = asked ?? refused[0]!;
    return [{
      verdict: "problem",
      subject,
      text: `${mode} does not work here: ${reason}`,
      mend: instead,
    }];
  }
  const text = `${able.join(", ")} work with ${runtime} ${version}`;
  const [first] = refused;
  if (first === undefined) return [{ verdict: "ok", subject, text }];
  return [{
    verdict: "note",
    subject,
    text: `only ${able.join(", ")}: ${first.reason}`,
    mend: first.instead,
  }];
}

function libcFinding({ noLibc, runtime, platform }: MachineFacts): Finding {
  const subject = "libc";
  if (noLibc === undefined) {
    return { verdict: "ok", subject, text: "it can be called" };
  }
  return {
    verdict: "note",
    subject,
    text:
      `it cannot be called: ${noLibc}. Without it a service manager is told by systemd-notify at most, process 1 reaps no orphans, and --down refuse does not work`,
    mend: platform !== "linux"
      ? "Linux"
      : runtime === "node"
      ? `Node ${NODE_FFI} or later, with --allow-ffi under --permission`
      : "--allow-ffi",
  };
}

/** Whether `Bun.serve` and `Deno.serve` can have the pool's socket. */
function nativeFinding(
  { platform }: MachineFacts,
  { config, runtimes }: PoolPlan,
): Finding {
  const subject = "native servers";
  if (platform !== "linux") {
    return {
      verdict: "note",
      subject,
      text:
        "Bun.serve and Deno.serve get connections by node:http: only on Linux they accept on the pool's socket themselves",
    };
  }
  return runtimes.includes("deno") && lacksFfi(config.runtimeArgs)
    ? {
      verdict: "note",
      subject,
      text:
        "Deno.serve gets connections by node:http: without --allow-ffi it cannot accept on the pool's socket itself",
      mend: "--runtime-arg --allow-ffi",
    }
    : {
      verdict: "ok",
      subject,
      text: config.share === "handoff"
        ? "bridged by node:http, as always in handoff"
        : "Bun.serve and Deno.serve accept on the pool's socket themselves",
    };
}

function workerFindings(
  facts: MachineFacts,
  { runtimes }: PoolPlan,
): readonly Finding[] {
  const subject = "runtimes";
  const names = Object.keys(OLDEST) as RuntimeName[];
  const known = { ...facts.runtimes, [facts.runtime]: facts.version };
  const wanted = new Set<string>([facts.runtime, ...runtimes]);
  const findings = names.flatMap(
    (name): Finding[] => {
      const version = known[name];
      if (version === undefined) {
        return wanted.has(name)
          ? [{
            verdict: "problem",
            subject,
            text: `there is no "${name}" in PATH, and workers need it`,
            mend: `install ${name} ${OLDEST[name]} or later`,
          }]
          : [];
      }
      if (!isOlder(version, OLDEST[name])) return [];
      return [{
        verdict: wanted.has(name) ? "problem" : "note",
        subject,
        text: `${name} ${version} is too old`,
        mend: `install ${name} ${OLDEST[name]} or later`,
      }];
    },
  );
  if (findings.length > 0) return findings;
  const all = names.flatMap((name) =>
    known[name] === undefined ? [] : [`${name} ${known[name]}`]
  ).join(", ");
  return [{ verdict: "ok", subject, text: `${all}, all supported` }];
}

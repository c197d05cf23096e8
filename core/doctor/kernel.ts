/**
 * The kernel's settings, against the listeners of a pool.
 *
 * @module
 */

import { hasPort, type ListenerSpec } from "../options/address.ts";
import type { MachineFacts, PoolPlan } from "./facts.ts";
import type { Finding, Trouble } from "./finding.ts";

/**
 * The kernel cuts a backlog in silence (listen(2)).
 *
 * @param longest what it cuts it to
 */
export function queueTrouble(
  address: string,
  backlog: number,
  longest: number | undefined,
): Trouble | undefined {
  if (longest === undefined || backlog <= longest) return undefined;
  return {
    text:
      `the kernel caps the accept queue of ${address} at ${longest} instead of ${backlog}`,
    mend: `sysctl -w net.core.somaxconn=${backlog}`,
  };
}

/** What a worker that leaves does to its own queue in `reuseport`. */
export const RESETS: Trouble = {
  text:
    "in reuseport a worker that leaves resets the connections in its queue, as the kernel is set",
  mend: "sysctl -w net.ipv4.tcp_migrate_req=1",
};

/** What the kernel does to the connections of a pool. */
export function kernelFindings(
  facts: MachineFacts,
  plan: PoolPlan,
  listeners: readonly ListenerSpec[],
): readonly Finding[] {
  return [
    ...queueFindings(facts, listeners),
    ...migrationFindings(facts, plan, listeners),
    ...portFindings(facts, listeners),
    ...steerFindings(facts, plan, listeners),
  ];
}

function steerFindings(
  { platform, picks }: MachineFacts,
  { config: { share, steer }, runtimes }: PoolPlan,
  listeners: readonly ListenerSpec[],
): readonly Finding[] {
  const has = listeners.some(({ address, share: own = share }) =>
    address.kind === "tcp" && ["auto", "balanced", "sharded"].includes(own)
  );
  if (
    !has || steer === "off" || platform !== "linux" || runtimes.includes("exec")
  ) return [];
  const subject = "steering";
  return picks === true
    ? [{
      verdict: "ok",
      subject,
      text: "the kernel can be made to pick the least loaded worker",
    }]
    : [{
      verdict: "note",
      subject,
      text: `the kernel does not pick the least loaded worker: ${picks}`,
    }];
}

function queueFindings(
  { kernel }: MachineFacts,
  listeners: readonly ListenerSpec[],
): readonly Finding[] {
  const subject = "accept queue";
  if (listeners.length === 0) return [];
  const capped = listeners.flatMap(({ name, backlog }) =>
    queueTrouble(name, backlog, kernel.longestQueue) ?? []
  );
  // One command that suits all of them.
  const longest = Math.max(...listeners.map(({ backlog }) => backlog));
  const mend = `sysctl -w net.core.somaxconn=${longest}`;
  const findings: Finding[] = capped.map(({ text }) => ({
    verdict: "problem",
    subject,
    text,
    mend,
  }));
  if (kernel.resetsWhenFull) {
    findings.push({
      verdict: "problem",
      subject,
      text:
        "a client that finds it full is reset, instead of trying again by itself",
      mend: "sysctl -w net.ipv4.tcp_abort_on_overflow=0",
    });
  }
  if (findings.length > 0) return findings;
  return [{
    verdict: "ok",
    subject,
    text: kernel.longestQueue === undefined
      ? "how long it may be cannot be read here"
      : `of ${longest} connections that may wait the kernel allows ${kernel.longestQueue}`,
  }];
}

function migrationFindings(
  { kernel, share }: MachineFacts,
  { config }: PoolPlan,
  listeners: readonly ListenerSpec[],
): readonly Finding[] {
  const subject = "reuseport";
  const asked = [
    config.share,
    ...listeners.map((listener) => listener.share ?? config.share),
  ];
  const isLast = share.balanced !== true && share.shared !== true &&
    share.handoff !== true;
  const used = asked.includes("reuseport") ||
    isLast && asked.includes("auto") && share.reuseport === true;
  if (!used) return [];
  switch (kernel.migrates) {
    case 1:
      return [{
        verdict: "ok",
        subject,
        text: "what waits for a worker that leaves goes to another one",
      }];
    case undefined:
      return [{
        verdict: "note",
        subject,
        text: "whether a worker that leaves resets its queue cannot be read",
        mend: RESETS.mend,
      }];
    default:
      return [{ verdict: "problem", subject, ...RESETS }];
  }
}

function portFindings(
  { kernel, privileged }: MachineFacts,
  listeners: readonly ListenerSpec[],
): readonly Finding[] {
  const subject = "ports";
  const ports = listeners.flatMap(({ address }) =>
    hasPort(address) && address.port > 0 ? [address.port] : []
  );
  const findings: Finding[] = [];
  const closed = ports.filter((port) =>
    !privileged && port < kernel.firstUnprivileged
  );
  if (closed.length > 0) {
    const least = Math.min(...closed);
    findings.push({
      verdict: "problem",
      subject,
      text:
        `port ${least} is for the privileged, ports from ${kernel.firstUnprivileged} on are not`,
      mend: `sysctl -w net.ipv4.ip_unprivileged_port_start=${least}`,
    });
  }
  const { ephemeral, reserved } = kernel;
  const taken = ports.filter((port) =>
    ephemeral !== undefined && port >= ephemeral[0] && port <= ephemeral[1] &&
    !isAmong(port, reserved)
  );
  if (taken.length > 0) {
    const all = [...reserved === "" ? [] : [reserved], ...taken].join(",");
    findings.push({
      verdict: "note",
      subject,
      text: `a connection from here to elsewhere may have port ${
        taken[0]
      } while the pool is down, and the next start fails`,
      mend: `sysctl -w net.ipv4.ip_local_reserved_ports=${all}`,
    });
  }
  if (findings.length > 0) return findings;
  return [{
    verdict: "ok",
    subject,
    text: ephemeral === undefined
      ? "which ones connections to elsewhere get cannot be read here"
      : `connections to elsewhere get ${ephemeral.join(" to ")}`,
  }];
}

/** Whether a port is in a list such as `8080,9000-9010`. */
function isAmong(port: number, list: string): boolean {
  return list.split(",").some((part) => {
    const [first = NaN, last = first] = part.split("-").map(Number);
    return part !== "" && port >= first && port <= last;
  });
}

/** Machines of a network: namespaces (network_namespaces(7)) at one switch. */

import { spawn } from "node:child_process";
import process from "node:process";
import { type Command, watch } from "../../tests/command.ts";
import { cleanEnv } from "../../tests/runtimes.ts";
import { attempt, run } from "./parts.ts";

/** The network of the machines; nobody else sees it. */
export const NET = "10.213.0";

/** Machines with addresses of their own. */
export class Network implements Disposable {
  readonly #prefix = `pf${process.pid}`;
  readonly #names: string[] = [];
  #count = 0;

  /** A network without machines. */
  constructor() {
    this.#add("switch");
    this.#on("switch", "ip", "link", "add", "br0", "type", "bridge");
    this.#on("switch", "ip", "link", "set", "br0", "up");
  }

  /** Adds a machine. */
  machine(name: string, last: number): void {
    this.#add(name);
    const port = `p${++this.#count}`;
    this.#on(
      "switch",
      ...["ip", "link", "add", port, "type", "veth", "peer", "name", "eth0"],
      ...["netns", this.#space(name)],
    );
    this.#on("switch", "ip", "link", "set", port, "master", "br0", "up");
    this.#on(name, "ip", "address", "add", `${NET}.${last}/24`, "dev", "eth0");
    this.#on(name, "ip", "link", "set", "eth0", "up");
    this.#on(name, "ip", "link", "set", "lo", "up");
  }

  /** A command line on a machine. */
  on(name: string, ...words: readonly string[]): readonly string[] {
    return ["ip", "netns", "exec", this.#space(name), ...words];
  }

  /** Starts a command on a machine. */
  start(
    name: string,
    words: readonly string[],
    options: { cwd?: string; env?: Record<string, string> } = {},
  ): Command {
    const [file, ...args] = this.on(name, ...words);
    return watch(spawn(file!, args, {
      stdio: ["ignore", "pipe", "pipe"],
      ...options,
      env: cleanEnv({ PATH: process.env["PATH"], ...options.env }),
    }));
  }

  /** Ends every process on a machine, as a crash of it would. */
  kill(name: string): void {
    for (const pid of this.#processes(name)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  /** Pulls the plug of a machine's network, or puts it in again. */
  plug(name: string, up: boolean): void {
    this.#on(name, "ip", "link", "set", "eth0", up ? "up" : "down");
  }

  /** Ends all that runs on the machines, and removes them. */
  [Symbol.dispose](): void {
    for (const name of this.#names) {
      this.kill(name);
      attempt(["ip", "netns", "delete", this.#space(name)]);
    }
  }

  #processes(name: string): number[] {
    const { text } = attempt(["ip", "netns", "pids", this.#space(name)]);
    return text.split("\n").filter(Boolean).map(Number);
  }

  #add(name: string): void {
    run(["ip", "netns", "add", this.#space(name)]);
    this.#names.push(name);
  }

  #on(name: string, ...words: readonly string[]): void {
    run(this.on(name, ...words));
  }

  #space(name: string): string {
    return `${this.#prefix}-${name}`;
  }
}

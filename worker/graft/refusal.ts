/**
 * Where no server can be grafted, and why.
 *
 * @module
 */

import process from "node:process";
import type { Refusal } from "../../core/adapter.ts";
import { isAllowed } from "../../libc/deno.ts";
import { messageOf } from "../../core/errors.ts";
import { type Kernel, openKernel } from "./kernel.ts";

/** What works everywhere. */
const INSTEAD = `a server of node:http, or the share mode "reuseport"`;

let known: { readonly kernel: Kernel } | Refusal | undefined;

/**
 * Why no native server can be put on an inherited socket here, or undefined
 * when that can be tried. The answer is kept.
 */
export function graftRefusal(): Refusal | undefined {
  const found = grafting();
  return "kernel" in found ? undefined : found;
}

/** The kernel to graft with, or why there is none. */
export function grafting(): { readonly kernel: Kernel } | Refusal {
  const { versions } = process;
  return versions["bun"] === undefined && versions["deno"] === undefined
    ? no("Node's own servers take an inherited socket over without it")
    : reachKernel();
}

/** The kernel of this process, or why it cannot be reached. */
export function reachKernel(): { readonly kernel: Kernel } | Refusal {
  return known ??= find();
}

function find(): { readonly kernel: Kernel } | Refusal {
  const { platform, arch, versions } = process;
  if (platform !== "linux") {
    return no(`it needs epoll(7), which ${platform} does not have`);
  }
  // The layout of epoll_event is known for these.
  if (arch !== "x64" && arch !== "arm64") {
    return no(`it is made for x64 and arm64, and this is ${arch}`);
  }
  if (versions["deno"] !== undefined && !isAllowed()) {
    return {
      reason: "Deno needs the permission --allow-ffi for it",
      instead: `"deno run --allow-ffi", or ${INSTEAD}`,
    };
  }
  try {
    const kernel = openKernel();
    if (kernel.descriptors().some((fd) => kernel.info(fd) !== undefined)) {
      return { kernel };
    }
    return no("it needs /proc, which cannot be read");
  } catch (error) {
    return no(`it needs libc and /proc (${messageOf(error)})`);
  }
}

function no(reason: string): Refusal {
  return { reason, instead: INSTEAD };
}

/**
 * A base image of Debian's packages with the runtimes under test, and a container
 * runtime that keeps what it has in a directory of its own. No registry of images
 * is asked.
 */

import { cpSync, mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { attempt, need, ROOT, run } from "./parts.ts";

/** Releases of Debian that it can be of: systemd 252 and 257. */
export type Release = "bookworm" | "trixie";

/** The client, where it is in the image. */
export const CLIENT = "/opt/strict_client.mjs";

/** Packages of Debian in it: systemd, and what the runtimes are linked with. */
const PACKAGES = [
  ...["ca-certificates", "curl", "dbus", "libatomic1", "libstdc++6"],
  ...["procps", "systemd", "systemd-sysv"],
];

/** A container runtime. */
export interface Containers {
  /** The command line in front of its verbs. */
  readonly command: readonly string[];
  /** What a container is started with on this machine. */
  readonly limits: readonly string[];
  /** What the image is called. */
  readonly image: string;
}

/**
 * Makes the image, in about a minute, unless the directory has it already: one
 * that was given on the command line is kept.
 */
export function baseImage(
  directory: string,
  release: Release = "bookworm",
): Containers {
  need("podman", "runc", "mmdebstrap");
  const command = [
    "podman",
    ...[
      "--root",
      join(directory, "store"),
      "--runroot",
      join(directory, "run"),
    ],
    // Both work without systemd as the machine's own init, and with any cgroups.
    ...["--cgroup-manager", "cgroupfs", "--runtime", "runc"],
    ...["--storage-driver", "overlay", "--events-backend", "file"],
  ];
  const hard = run(["sh", "-c", "ulimit -Hn"]);
  // podman's defaults are more than this machine may give.
  const limits = [`nofile=${hard}:${hard}`, "nproc=4096:4096"].flatMap((
    limit,
  ) => ["--ulimit", limit]);
  const image = `localhost/prefork-${release}`;
  const containers = { command, limits, image };
  if (attempt([...command, "image", "exists", image]).code !== 0) {
    makeBase(join(directory, "root"), release, containers);
  }
  return containers;
}

function makeBase(
  root: string,
  release: Release,
  { command, image }: Containers,
): void {
  const list = PACKAGES.join(",");
  run([
    "mmdebstrap",
    "--variant=minbase",
    `--include=${list}`,
    release,
    root,
  ]);
  for (const name of ["node", "deno", "bun"]) {
    const file = realpathSync(`${ROOT}node_modules/.bin/${name}`);
    cpSync(file, join(root, "usr/bin", name));
  }
  const npm = `npm@${run(["npm", "--version"])}`;
  run(["npm", "install", "--global", "--prefix", `${root}/usr`, npm]);
  cpSync(`${ROOT}tests/fixtures/strict_client.mjs`, join(root, CLIENT));
  run(["tar", "-C", root, "-cf", `${root}.tar`, "."]);
  run([...command, "import", `${root}.tar`, image]);
  run(["rm", "-rf", root, `${root}.tar`]);
}

/** Removes a container and all that it has, whatever its state. */
export function remove({ command }: Containers, name: string): void {
  attempt([...command, "rm", "-f", "-t", "1", name], 60);
}

/** Lays a release of the recipe's program into a directory, with this prefork. */
export function layRelease(directory: string): void {
  const modules = join(directory, "node_modules/prefork");
  mkdirSync(modules, { recursive: true });
  cpSync(`${ROOT}deploy/app`, directory, { recursive: true });
  cpSync(`${ROOT}dist`, join(modules, "dist"), { recursive: true });
  cpSync(`${ROOT}package.json`, join(modules, "package.json"));
}

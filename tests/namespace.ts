/** PID namespaces (pid_namespaces(7)), where this user may make them. */

import { spawnSync } from "node:child_process";

/** As root, and as anybody where the system allows that. */
const WAYS = [[], ["--user", "--map-root-user"]] as const;

/** The rest of a command line is the first process of a new PID namespace. */
export const namespaceCommand: readonly [string, ...string[]] | undefined = WAYS
  .map((more) =>
    ["unshare", ...more, "--pid", "--fork", "--mount-proc"] as const
  )
  .find(([command, ...args]) =>
    spawnSync(command, [...args, "true"], { stdio: "ignore" }).status === 0
  );

/** Why there are none, for a test that needs one. */
export const noNamespace: string | false = namespaceCommand === undefined &&
  "unshare(1) may not make PID namespaces here";

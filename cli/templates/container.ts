/**
 * An image and a service of it: Dockerfile, what is left out of it, and the
 * compose file.
 *
 * @module
 */

import {
  type Contained,
  contained,
  type Deployment,
  MARGIN_S,
  stopSeconds,
} from "./deployment.ts";

/** How each runtime's image is made. */
interface Image {
  /** The official image, for a version. */
  readonly from: string;
  /** Its user without rights. */
  readonly user: number;
  /** The stage in which packages are installed. */
  readonly build: string;
  /** What the last stage does with it. */
  readonly take: string;
  /** The command in it. */
  readonly command: readonly string[];
  /** Runs a line of JavaScript. */
  readonly evaluate: readonly string[];
}

/** Whoever runs a program in an image that nothing belongs to. */
const NOBODY = 1000;

function imageOf({ runtime, version, prefork, manifest }: Deployment): Image {
  const files = manifest.join(" ");
  switch (runtime) {
    case "node":
      return {
        from: `docker.io/library/node:${version.split(".")[0]}-slim`,
        user: NOBODY,
        build: `COPY ${files || "package.json"} ./\nRUN npm ${
          manifest.includes("package-lock.json") ? "ci" : "install"
        } --omit=dev --no-audit --no-fund`,
        take: "COPY --from=packages /app/node_modules ./node_modules\nCOPY . .",
        command: ["node", "node_modules/prefork/dist/cli.js"],
        evaluate: ["node", "-e"],
      };
    case "bun":
      return {
        from: `docker.io/oven/bun:${version}-slim`,
        user: NOBODY,
        build: `COPY ${
          files || "package.json"
        } ./\nRUN bun install --production${
          manifest.includes("bun.lock") ? " --frozen-lockfile" : ""
        }`,
        take: "COPY --from=packages /app/node_modules ./node_modules\nCOPY . .",
        command: ["bun", "node_modules/prefork/dist/cli.js"],
        evaluate: ["bun", "-e"],
      };
    case "deno":
      return {
        from: `docker.io/denoland/deno:${version}`,
        user: 1993,
        build:
          `COPY . .\nRUN deno cache jsr:@prefork/prefork@${prefork}/cli && \\\n    if [ -e deno.json ] || [ -e package.json ]; then deno install; fi`,
        take:
          "COPY --from=packages --chown=1993 /deno-dir /deno-dir\nCOPY --from=packages /app ./",
        command: ["deno", "run", "-A", `jsr:@prefork/prefork@${prefork}/cli`],
        evaluate: ["deno", "eval"],
      };
  }
}

/** The command of a container, in words. */
export function containerCommand(
  deployment: Deployment,
  { words }: Contained,
): readonly string[] {
  return [...imageOf(deployment).command, ...words];
}

/** The user of a container. */
export function containerUser(deployment: Deployment): number {
  return imageOf(deployment).user;
}

/** The Dockerfile. */
export function dockerfile(deployment: Deployment): string {
  const image = imageOf(deployment);
  const pool = contained(deployment);
  const ask =
    `fetch("http://127.0.0.1:${pool.health}/ready").then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))`;
  return `# Written by prefork init.
ARG BASE=${image.from}
FROM $BASE AS packages
WORKDIR /app
${image.build}

FROM $BASE
ENV NODE_ENV=production
WORKDIR /app
${image.take}
USER ${image.user}:${image.user}
EXPOSE ${pool.ports.map(({ port }) => port).concat(pool.health).join(" ")}
# TERM drains, within ${
    stopSeconds(deployment.options)
  } s: docker stop --time ${stopSeconds(deployment.options)}
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=2 \\
  CMD ${words([...image.evaluate, ask])}
# The supervisor itself is PID 1: it hears TERM and reaps what others leave.
CMD ${words(containerCommand(deployment, pool))}
`;
}

/** What is no part of the image. */
export function dockerignore(): string {
  return `.git
.env*
*.log
**/node_modules
Dockerfile
.dockerignore
compose.yaml
kubernetes.yaml
*.service
`;
}

/** The compose file (compose-spec). */
export function composeFile(deployment: Deployment): string {
  const { name, options } = deployment;
  const { drainDelay = 0, grace = 30_000 } = options;
  const { ports } = contained(deployment);
  const published = ports.map(({ port }) =>
    `      - ${JSON.stringify(`${port}:${port}`)}\n`
  );
  return `# Written by prefork init.
services:
  ${name}:
    build: .
    image: ${name}
    restart: unless-stopped
${published.length > 0 ? `    ports:\n${published.join("")}` : ""}\
    # --drain-delay ${drainDelay / 1000} s + --grace ${
    grace / 1000
  } s + ${MARGIN_S} s
    stop_grace_period: ${stopSeconds(options)}s
    read_only: true
    tmpfs:
      - /tmp
    cap_drop:
      - ALL
    security_opt:
      - no-new-privileges:true
    ulimits:
      nofile: 65536
`;
}

/** Words in the exec form, which no shell reads. */
function words(list: readonly string[]): string {
  return `[${list.map((word) => JSON.stringify(word)).join(", ")}]`;
}

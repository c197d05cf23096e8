/**
 * A unit of systemd (systemd.service(5), systemd.exec(5)).
 *
 * @module
 */

import {
  type Deployment,
  listenersOf,
  MARGIN_S,
  stopSeconds,
} from "./deployment.ts";

/** The unit of a program. */
export function systemdUnit(deployment: Deployment): string {
  const { name, directory, user, command, words, options } = deployment;
  const control = options.control ?? `/run/${name}/control.sock`;
  const keeps = notifies(deployment);
  const own = [
    ...(keeps && options.fdStore === undefined ? ["--fd-store"] : []),
    ...(options.name === undefined ? ["--name", name] : []),
    ...(options.control === undefined ? ["--control", control] : []),
  ];
  const privileged = listenersOf(options).some(({ address }) =>
    address.kind === "tcp" && address.port > 0 && address.port < 1024
  );
  const capability = privileged ? "CAP_NET_BIND_SERVICE" : "";
  const { drainDelay = 0, grace = 30_000 } = options;
  return `# Written by prefork init. To use it:
#   cp ${name}.service /etc/systemd/system/
#   systemctl daemon-reload && systemctl enable --now ${name}
[Unit]
Description=${escaped(name)}
After=network-online.target
Wants=network-online.target
# Tried again for ever, each time after RestartSec=: what it needs may come back.
StartLimitIntervalSec=0

[Service]
${
    keeps
      ? `# Started once every worker is ready. The supervisor tells it, and in an upgrade
# who its successor is: NotifyAccess=main, the default, is enough.
Type=notify
# Ended and started anew when its event loop stands still, or no worker serves and
# starting others does not help, for so long.
WatchdogSec=30
# --fd-store: keeps the sockets while the supervisor is not there, so that who
# connects during a restart, or after a crash, waits and is served.
FileDescriptorStoreMax=1024`
      : `# Node ${deployment.version} cannot tell systemd when it is ready: from 26.9 on it can,
# and "notify" stands here. Until then USR2 upgrades nothing.
Type=exec`
  }
ExecStart=${line([...command, ...own, ...words])}
# Waits for the verdict: "systemctl reload" fails when the new version does, with
# the reason in the log, and the old one serves on.
ExecReload=${
    control === "off"
      ? "kill -HUP $MAINPID"
      : line([...command, "reload", control])
  }
# prefork has its own deadline for each worker (--start-timeout).
TimeoutStartSec=infinity

# TERM to the supervisor alone: it drains its workers. KILL for all that is left.
KillMode=mixed
# --drain-delay ${drainDelay / 1000} s + --grace ${
    grace / 1000
  } s + ${MARGIN_S} s
TimeoutStopSec=${stopSeconds(options)}
Restart=on-failure
RestartSec=1
# 2: the command line cannot be understood, and will not be the next time.
RestartPreventExitStatus=2
# A worker that the kernel kills for its memory is replaced; without this line
# systemd would stop the others too.
OOMPolicy=continue

WorkingDirectory=${escaped(directory)}
# By this name, so that a reload starts the release that a link points to by then.
Environment=${quoted(escaped(`PWD=${directory}`))} NODE_ENV=production
RuntimeDirectory=${name}
RuntimeDirectoryMode=0700
CacheDirectory=${name}
Environment=XDG_CACHE_HOME=/var/cache/${name}
LimitNOFILE=65536

${user === undefined ? "DynamicUser=yes" : `User=${user}`}
AmbientCapabilities=${capability}
CapabilityBoundingSet=${capability}
NoNewPrivileges=yes
${
    user === undefined
      // What DynamicUser=yes means is said, and not left to be known.
      ? "# Read-only but for StateDirectory= and the like.\nProtectSystem=strict\nProtectHome=read-only"
      : "ProtectSystem=full"
  }
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
# Not MemoryDenyWriteExecute=: runtimes compile what they run.

[Install]
WantedBy=multi-user.target
`;
}

/** True where the supervisor can send datagrams (docs/UPGRADE.md). */
function notifies({ runtime, version }: Deployment): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return runtime !== "node" || major > 26 || (major === 26 && minor >= 9);
}

/** A command line as systemd reads it (systemd.service(5), COMMAND LINES). */
function line(words: readonly string[]): string {
  return words.map((word) => quoted(escaped(word).replaceAll("$", "$$$$")))
    .join(" ");
}

/** In quotes where it has to be. */
function quoted(word: string): string {
  return /^[\w@%+=:,./$-]+$/.test(word)
    ? word
    : `"${word.replaceAll(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}

/** Without specifiers (systemd.unit(5)). */
function escaped(text: string): string {
  return text.replaceAll("%", "%%");
}

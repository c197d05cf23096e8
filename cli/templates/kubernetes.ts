/**
 * What Kubernetes is told: a Deployment and a Service.
 *
 * @module
 */

import { containerCommand, containerUser } from "./container.ts";
import {
  contained,
  type Deployment,
  MARGIN_S,
  ROUTES_MS,
  stopSeconds,
} from "./deployment.ts";

/** The manifests, in one file. */
export function kubernetesManifests(deployment: Deployment): string {
  const { name, words } = deployment;
  const { drainDelay = ROUTES_MS, grace = 30_000, memory } = deployment.options;
  const own = deployment.options.drainDelay === undefined
    ? ["--drain-delay", `${ROUTES_MS / 1000}s`]
    : [];
  const pool = contained({ ...deployment, words: [...own, ...words] });
  const command = containerCommand(deployment, pool).map((word) =>
    `            - ${scalar(word)}\n`
  ).join("");
  const ports = [...pool.ports, { name: "health", port: pool.health }].map((
    { name, port },
  ) =>
    `            - name: ${name}
              containerPort: ${port}
`
  ).join("");
  const lowPorts = pool.ports.some(({ port }) => port < 1024)
    ? `        sysctls:
          - name: net.ipv4.ip_unprivileged_port_start
            value: "0"
`
    : "";
  const limits = typeof memory === "number"
    ? `          resources:
            limits:
              memory: ${memory}
`
    : "";
  return `# Written by prefork init.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  labels:
    app.kubernetes.io/name: ${name}
spec:
  replicas: 3
  selector:
    matchLabels:
      app.kubernetes.io/name: ${name}
  # A new pod is ready before an old one leaves.
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  template:
    metadata:
      labels:
        app.kubernetes.io/name: ${name}
    spec:
      # --drain-delay ${drainDelay / 1000} s + --grace ${
    grace / 1000
  } s + ${MARGIN_S} s.
      # There is no preStop hook: --drain-delay is the time in which the nodes
      # notice that the pod leaves, and stop to send connections.
      terminationGracePeriodSeconds: ${
    stopSeconds({ ...deployment.options, drainDelay })
  }
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        runAsUser: ${containerUser(deployment)}
        runAsGroup: ${containerUser(deployment)}
        seccompProfile:
          type: RuntimeDefault
${lowPorts}\
      containers:
        - name: ${name}
          image: ${name}:latest
          command:
${command}\
          ports:
${ports}\
          # 503 from the moment the pool begins to stop. The supervisor answers,
          # which serves no requests: load never fails it.
          readinessProbe:
            httpGet:
              path: /ready
              port: health
            periodSeconds: 2
            timeoutSeconds: 2
            failureThreshold: 2
          # Workers that hang are the supervisor's to replace; this is for itself.
          livenessProbe:
            httpGet:
              path: /live
              port: health
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 3
${limits}\
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop:
                - ALL
          volumeMounts:
            - name: tmp
              mountPath: /tmp
      volumes:
        - name: tmp
          emptyDir: {}
${pool.ports.length > 0 ? service(name, pool.ports) : ""}`;
}

function service(
  name: string,
  ports: readonly { readonly name: string; readonly port: number }[],
): string {
  return `---
apiVersion: v1
kind: Service
metadata:
  name: ${name}
  labels:
    app.kubernetes.io/name: ${name}
spec:
  selector:
    app.kubernetes.io/name: ${name}
  ports:
${
    ports.map(({ name, port }) =>
      `    - name: ${name}
      port: ${port}
      targetPort: ${name}
`
    ).join("")
  }`;
}

/** A string of YAML, in which Kubernetes replaces no `$(VARIABLE)`. */
function scalar(word: string): string {
  return JSON.stringify(word.replaceAll("$(", "$$$$("));
}

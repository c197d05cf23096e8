// Checks manifests from stdin against the API of Kubernetes, as it is in two
// packages of npm: the schemas (what has to be there, of which type) and the
// models of the client (which names there are at all). Prints what is wrong, a
// line each. Run where both are installed.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const { loadAll } = require("js-yaml");
const models = await import(
  `file://${process.cwd()}/node_modules/@kubernetes/client-node/dist/index.js`
);

/** Names that the API does not know; `type` is as the models write it. */
function unknown(value, type, path) {
  const list = /^Array<(.*)>$/.exec(type)?.[1];
  if (list !== undefined) {
    return value.flatMap((each, i) => unknown(each, list, `${path}[${i}]`));
  }
  const map = models[type]?.getAttributeTypeMap?.();
  if (map === undefined) return [];
  return Object.entries(value).flatMap(([name, each]) => {
    const known = map.find(({ baseName }) => baseName === name);
    return known === undefined
      ? [`${path}.${name}: there is no such field in ${type}`]
      : unknown(each, known.type, `${path}.${name}`);
  });
}

const problems = [];
for (const manifest of loadAll(readFileSync(0, "utf8"))) {
  const { apiVersion, kind } = manifest;
  const { [kind]: Model } = require(
    `kubernetes-models/${apiVersion}/${kind}`,
  );
  try {
    new Model(manifest).validate();
  } catch (error) {
    problems.push(`${kind}: ${error.message}`);
  }
  problems.push(...unknown(manifest, `V1${kind}`, kind));
}
process.stdout.write(problems.map((problem) => `${problem}\n`).join(""));

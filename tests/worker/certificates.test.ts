import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import tls from "node:tls";
import { indexByName, namesOf } from "../../tls/names.ts";
import { pairProblem, readPair } from "../../tls/pair.ts";
import { openCertificates } from "../../tls/certificates.ts";
import { certificates } from "../../worker/certificates.ts";
import { until } from "../command.ts";
import {
  expired,
  one,
  renewed,
  type TestPair,
  two,
} from "../fixtures/certificates.ts";
import { test } from "../harness.ts";
import { askTls } from "../tls_client.ts";

const serialOf = ({ cert }: TestPair) => new X509Certificate(cert).serialNumber;

/** A directory of its own, gone after the test. */
async function inDirectory(
  run: (directory: string) => Promise<void> | void,
): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), "prefork-tls-"));
  try {
    await run(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function put(directory: string, name: string, { cert, key }: TestPair) {
  const files = {
    cert: path.join(directory, `${name}.pem`),
    key: path.join(directory, `${name}.key`),
  };
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key);
  return files;
}

test("the names of a certificate are those of its subjectAltName", () => {
  assert.deepEqual(
    namesOf("DNS:A.test, DNS:*.a.test, IP Address:127.0.0.1", "CN=b.test"),
    ["a.test", "*.a.test"],
  );
  assert.deepEqual(namesOf(undefined, "C=DE\nCN=Only.test"), ["only.test"]);
  assert.deepEqual(namesOf('DNS:"a, DNS:b", URI:x', undefined), []);
  assert.deepEqual(namesOf(undefined, undefined), []);
});

test("a name is found before a wildcard, which is one label", () => {
  const find = indexByName([
    { names: ["a.test", "*.a.test"], value: 1 },
    { names: ["x.a.test", "a.test"], value: 2 },
    { names: ["*.test", "f*.b.test"], value: 3 },
  ]);
  assert.equal(find("A.Test"), 1);
  assert.equal(find("a.test."), 1);
  assert.equal(find("y.a.test"), 1);
  assert.equal(find("x.a.test"), 2);
  assert.equal(find("z.y.a.test"), undefined);
  assert.equal(find("b.test"), 3);
  assert.equal(find("foo.b.test"), undefined);
  assert.equal(find("test"), undefined);
  assert.equal(find(".a.test"), undefined);
});

test("what is wrong with a certificate is said with its file", () =>
  inDirectory((directory) => {
    const good = put(directory, "one", one);
    const other = put(directory, "two", two);
    assert.equal(pairProblem(good), undefined);
    assert.equal(
      pairProblem({ ...good, key: other.key }),
      `the key "${other.key}" does not belong to the certificate "${good.cert}"`,
    );
    const gone = path.join(directory, "gone");
    const say = (files: Partial<typeof good>) =>
      pairProblem({ ...good, ...files }) ?? "";
    assert.ok(
      say({ cert: gone }).startsWith(
        `the certificate "${gone}" cannot be read: `,
      ),
    );
    assert.ok(
      say({ key: gone }).startsWith(`the key "${gone}" cannot be read: `),
    );
    assert.ok(
      say({ cert: good.key }).startsWith(
        `"${good.key}" holds no certificate in PEM: `,
      ),
    );
    assert.ok(
      say({ key: good.cert }).startsWith(
        `"${good.cert}" holds no private key in PEM without a passphrase: `,
      ),
    );
    for (const file of ["/dev/zero", directory]) {
      assert.equal(
        say({ cert: file }),
        `the certificate "${file}" cannot be read: it is no regular file`,
      );
    }
    const large = path.join(directory, "large");
    writeFileSync(large, "");
    truncateSync(large, 2 ** 40);
    assert.equal(
      say({ key: large }),
      `the key "${large}" cannot be read: it has ${
        2 ** 40
      } bytes, PEM files have 1048576 at most`,
    );
    const pipe = path.join(directory, "pipe");
    execFileSync("mkfifo", [pipe]);
    assert.match(say({ key: pipe }), /cannot be read: it is no regular file$/);
    const { names, serial, expires } = readPair(good);
    assert.deepEqual(names, ["one.test", "*.one.test"]);
    assert.equal(serial, serialOf(one));
    assert.ok(expires > Date.now());
  }));

test("renewed files are read, also behind links that are swapped", () =>
  inDirectory(async (directory) => {
    // As Kubernetes does: live -> v1, then live -> v2 in one step.
    for (const [version, pair] of [["v1", one], ["v2", renewed]] as const) {
      mkdirSync(path.join(directory, version));
      put(path.join(directory, version), "tls", pair);
    }
    const live = path.join(directory, "live");
    symlinkSync("v1", live);
    const linked = {
      cert: path.join(live, "tls.pem"),
      key: path.join(live, "tls.key"),
    };
    const lines: string[] = [];
    const kept = openCertificates(
      [linked, put(directory, "two", two)],
      (line) => lines.push(line),
    );
    let renewals = 0;
    const seen = kept.onRenewal(() => renewals++);
    const before = kept.contextFor("one.test");
    assert.equal(kept.contextFor(undefined), before);
    assert.equal(kept.contextFor("unknown.test"), before);
    assert.notEqual(kept.contextFor("two.test"), before);
    symlinkSync("v2", `${live}.new`);
    renameSync(`${live}.new`, live);
    await until(() => renewals === 1, "the renewal");
    assert.equal(kept.pairs()[0]!.serial, serialOf(renewed));
    assert.equal(kept.pairs()[1]!.serial, serialOf(two));
    assert.notEqual(kept.contextFor("a.one.test"), before);
    // Written in place, the certificate long before its key.
    put(directory, "two", { cert: one.cert, key: two.key });
    await until(() => lines.length === 1, "the complaint");
    put(directory, "two", one);
    await until(() => renewals === 2, "the second renewal");
    assert.equal(kept.pairs()[1]!.serial, serialOf(one));
    seen[Symbol.dispose]();
    assert.equal(lines.length, 1);
  }));

test("a pair that cannot be used is reported once, the last good one stays", () =>
  inDirectory(async (directory) => {
    const files = put(directory, "one", one);
    const lines: string[] = [];
    const kept = openCertificates([files], (line) => lines.push(line));
    const last = new X509Certificate(one.cert).validTo;
    const stays = `the one in use stays and expires on ${
      new Date(last).toISOString()
    }`;
    put(directory, "one", { cert: renewed.cert, key: two.key });
    await until(() => lines.length === 1, "the complaint about the key");
    assert.deepEqual(lines, [
      `Cannot renew a certificate: the key "${files.key}" does not belong to the certificate "${files.cert}", ${stays}`,
    ]);
    put(directory, "one", expired);
    await until(() => lines.length === 2, "the complaint about the date");
    assert.equal(
      lines[1],
      `Cannot renew a certificate: the certificate "${files.cert}" expired on 2020-02-01T00:00:00.000Z, ${stays}`,
    );
    // Only touched: another state of the files, the same problem.
    utimesSync(files.cert, 1, 1);
    await until(() => lines.length === 3, "the third complaint");
    put(directory, "one", renewed);
    await until(
      () => kept.pairs()[0]!.serial === serialOf(renewed),
      "the good pair",
    );
    assert.equal(lines.length, 3);
  }));

test("certificates() serves several names and follows its files", () =>
  inDirectory(async (directory) => {
    const files = put(directory, "one", one);
    const options = certificates([files, put(directory, "two", two)]);
    const server = tls.createServer(options, (socket) => {
      socket.on("error", () => {});
      socket.end("hi\n");
    });
    options.renew(server);
    await new Promise<void>((resolve) =>
      server.listen(0, "127.0.0.1", () => resolve())
    );
    const { port } = server.address() as { readonly port: number };
    const serial = async (servername?: string) => {
      const answer = await askTls({
        address: `127.0.0.1:${port}`,
        text: "",
        until: "hi",
        ...(servername !== undefined && { servername }),
      });
      return answer.serial ?? answer.error;
    };
    try {
      assert.equal(await serial("one.test"), serialOf(one));
      assert.equal(await serial("two.test"), serialOf(two));
      assert.equal(await serial("shared.one.test"), serialOf(two));
      assert.equal(await serial("any.one.test"), serialOf(one));
      assert.equal(await serial(), serialOf(one));
      put(directory, "one", renewed);
      await until(
        async () => await serial("one.test") === serialOf(renewed),
        "the renewed certificate",
      );
      assert.equal(await serial(), serialOf(renewed));
      assert.equal(await serial("two.test"), serialOf(two));
    } finally {
      server.close();
    }
  }));

test("certificates() refuses what it cannot use", () => {
  assert.throws(() => certificates([]), {
    name: "TypeError",
    message:
      'Cannot use certificates: there is none, pass at least one as in [{ cert: "cert.pem", key: "key.pem" }]',
  });
  assert.throws(() => certificates([{ cert: "/gone.pem", key: "/gone.key" }]), {
    code: "ERR_ATTACH",
    message:
      /^Cannot use certificates: the certificate "\/gone\.pem" cannot be read: /,
  });
});

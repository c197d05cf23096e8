import assert from "node:assert/strict";
import { affinityOf } from "../../core/options/balance.ts";
import {
  type HeadAffinity,
  idIn,
  isComplete,
  mayBeHttp,
} from "../../core/handoff/request_head.ts";
import { describe, test } from "../harness.ts";

const COOKIE = affinityOf("sticky=cookie:sid") as HeadAffinity;
const QUERY = affinityOf("sticky=query:sid") as HeadAffinity;

const request = (target: string, ...headers: readonly string[]): string =>
  [`GET ${target} HTTP/1.1`, "Host: x", ...headers, "", ""].join("\r\n");

describe("the id in a query", () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["/?sid=abc", "abc"],
    ["/socket.io/?EIO=4&transport=polling&sid=a-b_C&t=1", "a-b_C"],
    ["http://host:80/p?sid=1", "1"],
    ["/?sid=1&sid=2", "1"],
    ["/?sid=a%2Fb", "a/b"],
    ["/?sid=a%zz", "a%zz"],
    ["/?sid=a=b", "a=b"],
    ["/?a?sid=1&sid=2", "2"],
    ["/?sid=1#frag", "1"],
    ["/?sid=", undefined],
    ["/?sid", undefined],
    ["/?xsid=1&sidx=2&SID=3", undefined],
    ["/sid=1", undefined],
    ["*", undefined],
    ["", undefined],
  ];
  for (const [target, id] of cases) {
    test(`of "${target}" is ${id}`, () => {
      assert.equal(idIn(request(target), QUERY), id);
    });
  }

  test("is not looked for in the headers or the body", () => {
    const head = request("/", "Referer: /?sid=1") + "?sid=2 ?sid=3";
    assert.equal(idIn(head, QUERY), undefined);
  });
});

describe("the id in a cookie", () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["Cookie: sid=abc", "abc"],
    ["cookie:sid=abc", "abc"],
    ["COOKIE: a=1; sid=s%3Ax.y/z+=; b=2", "s%3Ax.y/z+="],
    ['Cookie: a=1;sid="q"', "q"],
    ["Cookie: xsid=1; sidx=2; Sid=3", undefined],
    ["Cookie: sid", undefined],
    ["Cookie: sid=", undefined],
    ["X-Cookie: sid=1", undefined],
    ["Set-Cookie: sid=1", undefined],
  ];
  for (const [header, id] of cases) {
    test(`of "${header}" is ${id}`, () => {
      assert.equal(idIn(request("/?sid=no", header), COOKIE), id);
    });
  }

  test("may be in the second Cookie header", () => {
    const head = request("/", "Cookie: a=1", "X: y", "Cookie: sid=2");
    assert.equal(idIn(head, COOKIE), "2");
  });

  test("is not looked for in the body", () => {
    assert.equal(idIn(request("/") + "Cookie: sid=1\r\n", COOKIE), undefined);
  });
});

describe("a head is complete", () => {
  /** After how many bytes, when they come one by one. */
  const completeAt = (head: string, tie: HeadAffinity): number => {
    for (let i = 1; i <= head.length; i++) {
      if (isComplete(head.slice(0, i), tie, i - 1)) return i;
    }
    return -1;
  };
  const head = request("/?sid=1", "Cookie: sid=2");
  const body = `${head}body\r\n\r\n`;

  test("for a query at the end of the request line", () => {
    assert.equal(completeAt(body, QUERY), head.indexOf("\n") + 1);
    assert.equal(completeAt(`\r\n\r\n${body}`, QUERY), head.indexOf("\n") + 5);
  });

  test("for a cookie at the empty line", () => {
    assert.equal(completeAt(body, COOKIE), head.length);
    assert.equal(completeAt(`\r\n\r\n${body}`, COOKIE), head.length + 4);
  });

  test("with bare line feeds too", () => {
    const bare = head.replaceAll("\r", "");
    assert.equal(completeAt(`${bare}body`, COOKIE), bare.length);
    assert.equal(idIn(bare, COOKIE), "2");
  });
});

test("what is no HTTP/1.1 is told by its first bytes", () => {
  for (const text of ["", "\r", "\r\n", "\r\n\r\nGET", "GET / HT", "pri"]) {
    assert.equal(mayBeHttp(text), true, JSON.stringify(text));
  }
  for (const text of ["\x16\x03\x01", "\0", "1", "\r\n\r\n\0"]) {
    assert.equal(mayBeHttp(text), false, JSON.stringify(text));
  }
});

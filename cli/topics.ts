/**
 * `prefork help TOPIC`: the pages of documentation that came with the package.
 *
 * @module
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { distance } from "../core/options/names.ts";

/** Where they are read when the package has none. */
const ONLINE = "https://github.com/prefork/prefork/tree/main/docs";

/** Beside the pages; what an operator has no need of is not packed. */
const MORE = ["readme", "changelog"] as const;

/** How many letters may be wrong in a topic for it to be near a page. */
const NEAR = 2;

/** The pages of a package. */
export interface Pages {
  /** What they are called. */
  readonly names: readonly string[];
  /** The text of one. */
  read(name: string): string;
}

/**
 * The pages of the package that a module lies in; undefined where they did not
 * come with it: a package of JSR has none, and is not on a disk.
 *
 * @param module the URL of the command, in the package or in its `dist`
 */
export function pagesOf(module: string): Pages | undefined {
  if (!module.startsWith("file:")) return undefined;
  for (const place of ["./", "../"]) {
    const root = new URL(place, module);
    const names = pagesIn(new URL("docs/", root));
    if (names.length === 0) continue;
    const fileOf = (name: string): URL => {
      const more = (MORE as readonly string[]).includes(name);
      return new URL(`${more ? "" : "docs/"}${name.toUpperCase()}.md`, root);
    };
    return {
      names: [...names, ...MORE.filter((name) => existsSync(fileOf(name)))],
      read: (name) => readFileSync(fileOf(name), "utf8"),
    };
  }
  return undefined;
}

function pagesIn(directory: URL): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith(".md"))
      .map((name) => name.slice(0, -3).toLowerCase()).sort();
  } catch {
    return [];
  }
}

/** What can be asked for, as the end of the help text. */
export function topicsText(pages: Pages | undefined): string {
  if (pages === undefined) return `\nMore: ${ONLINE}\n`;
  const lines = ["Topics of prefork help:"];
  for (const [i, name] of pages.names.entries()) {
    const word = i === pages.names.length - 1 ? name : `${name},`;
    const longer = `${lines.at(-1)} ${word}`;
    if (longer.length <= 80) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return `\n${lines.join("\n")}\n`;
}

/**
 * The text of a page.
 *
 * @throws {TypeError} when there is none, with those that may be meant
 */
export function pageText(topic: string, pages: Pages | undefined): string {
  const name = topic.toLowerCase().replace(/\.md$/, "");
  if (pages === undefined) {
    throw failure(topic, `no pages came with this package, see ${ONLINE}`);
  }
  if (pages.names.includes(name)) return pages.read(name);
  const near = pages.names.filter((each) =>
    each.startsWith(name) || distance(each, name) <= NEAR
  );
  if (near.length > 0) {
    throw failure(topic, `there is no such page, near is ${near.join(", ")}`);
  }
  const about = pages.names.filter((each) =>
    headings(pages.read(each)).some((word) =>
      word.includes(name) || distance(word, name) < NEAR
    )
  );
  throw failure(
    topic,
    about.length > 0
      ? `it has no page of its own, but a part of ${about.join(", ")}`
      : `there is no such page, there are ${
        pages.names.join(", ")
      } (all of them: ${ONLINE})`,
  );
}

/** The words in the headings of a page. */
function headings(page: string): string[] {
  return page.split("\n").filter((line) => line.startsWith("#"))
    .flatMap((line) => line.toLowerCase().match(/[\w-]+/g) ?? []);
}

function failure(topic: string, why: string): TypeError {
  return new TypeError(`Cannot help with "${topic}": ${why}`);
}

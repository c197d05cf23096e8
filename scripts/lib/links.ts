/**
 * The links of a page, and what is wrong with them. Pure functions over texts,
 * so that tests can plant what they must refuse.
 */

import { posix } from "node:path";
import { lineOf } from "./source.ts";

/** Where files of ours are linked that are not in the package. */
const REPOSITORY = "https://github.com/prefork/prefork";

/** What a link may lead to. */
export interface Tree {
  /** True for a file or a directory, by its path from the root. */
  has(path: string): boolean;
  /** The text of a file. */
  read(path: string): string;
}

/** A link to a file of ours. */
export interface Link {
  /** The path, from the root. */
  readonly path: string;
  /** The heading that it leads to, as the address says it; "" for none. */
  readonly anchor: string;
  /** Its line, from 1. */
  readonly line: number;
}

/** Every link of a page to a file of ours, pictures included. */
export function linksOf(file: string, page: string): Link[] {
  return [...proseOnly(page).matchAll(/\]\(([^()\s]+)\)/g)]
    .flatMap(({ 1: to = "", index }) => {
      const path = pathOf(file, to.split("#")[0]!);
      if (path === undefined) return [];
      const [, anchor = ""] = to.split("#");
      return [{ path, anchor, line: lineOf(page, index) }];
    });
}

/** What the links of a page lead to that is not there. */
export function wrongLinks(file: string, page: string, tree: Tree): string[] {
  return linksOf(file, page).flatMap(({ path, anchor, line }) => {
    const at = `${file}:${line}`;
    if (!tree.has(path)) return [`${at}: there is no ${path}`];
    if (anchor === "" || !path.endsWith(".md")) return [];
    if (anchorsOf(tree.read(path)).has(anchor)) return [];
    return [`${at}: ${path} has no heading "#${anchor}"`];
  });
}

/** A source or a page of ours, named by its path from the root. */
const NAMED =
  /`((?:adapters|bench|cli|core|deploy|docs|findings|handles|libc|scripts|tests|tls|worker)\/[\w./]+\.(?:ts|mjs|sh|md))`/g;

/** The paths of ours in a page, or in a comment, at which nothing is. */
export function wrongPaths(
  file: string,
  text: string,
  tree: Pick<Tree, "has">,
): string[] {
  return [...text.matchAll(NAMED)].flatMap(({ 1: path = "", index }) =>
    tree.has(path)
      ? []
      : [`${file}:${lineOf(text, index)}: there is no ${path}`]
  );
}

/**
 * Cells of the tables of a page, in the column "prefork", that claim something
 * and link no test that shows it: all but those that begin with "no".
 */
export function unshown(file: string, page: string): string[] {
  const problems: string[] = [];
  let column = -1;
  for (const [i, line] of page.split("\n").entries()) {
    const cells = line.startsWith("|")
      ? line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim())
      : [];
    const head = cells.indexOf("prefork");
    if (cells.length === 0 || head > 0) column = head;
    else if (column > 0 && !/^(?:no\b|-+$)/.test(cells[column] ?? "")) {
      if (/\]\([^)]*tests\/[^)]*\.test\.ts\)/.test(cells[column]!)) continue;
      problems.push(`${file}:${i + 1}: "${cells[0]}" links no test`);
    }
  }
  return problems;
}

/** The addresses of the headings of a page, as GitHub makes them. */
export function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, title = ""] of unfenced(page).matchAll(/^#{1,6} +(.*)$/gm)) {
    const text = title.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "").trim().replace(/\s/g, "-");
    let anchor = text;
    for (let again = 1; anchors.has(anchor); again++) {
      anchor = `${text}-${again}`;
    }
    anchors.add(anchor);
  }
  return anchors;
}

function pathOf(file: string, to: string): string | undefined {
  if (to === "") return file;
  const ours = /^(?:blob|tree)\/main\/(.*)$/
    .exec(
      to.startsWith(`${REPOSITORY}/`) ? to.slice(REPOSITORY.length + 1) : "",
    );
  if (ours !== null) return posix.join(ours[1]!);
  if (/^[a-z]+:/.test(to)) return undefined;
  return posix.join(posix.dirname(file), to);
}

/** A page without its code, with everything else where it was. */
function proseOnly(page: string): string {
  // A span of code ends in its paragraph, by as many marks as it begins with.
  return blanked(
    unfenced(page),
    /(?<!`)(`+)(?!`)(?:(?!\n\s*\n).)+?(?<!`)\1(?!`)/gs,
  );
}

function unfenced(page: string): string {
  return blanked(page, /^```.*?^```$/gms);
}

function blanked(text: string, what: RegExp): string {
  return text.replace(what, (code) => code.replace(/[^\n]/g, " "));
}

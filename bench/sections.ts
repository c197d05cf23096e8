/**
 * The sections at the end of RESULTS.md that commands of their own write; a
 * whole run leaves them as they are.
 *
 * @module
 */

import { readFileSync, writeFileSync } from "node:fs";

const RESULTS = new URL("RESULTS.md", import.meta.url);

/** What they begin with, in order. */
const HEADS: readonly string[] = [
  "## Start",
  "## Standby",
  "## Scale",
  "## Datagrams",
  "## Bridge",
  "## Steering",
  "## Rebalancing",
];

/** Puts a section into RESULTS.md, whose text begins with its head. */
export function writeSection(head: string, section: string): void {
  const { before, sections } = read();
  sections.set(head, section);
  writeFileSync(RESULTS, [before, ...inOrder(sections)].join("\n"));
}

/** All of them as they stand there. */
export function laterSections(): string {
  return inOrder(read().sections).map((section) => `\n${section}`).join("");
}

function inOrder(sections: ReadonlyMap<string, string>): string[] {
  return HEADS.flatMap((head) => sections.get(head) ?? []);
}

function read(): { before: string; sections: Map<string, string> } {
  const parts = readFileSync(RESULTS, "utf8").split(/^(?=## )/m);
  const headOf = (part: string): string | undefined =>
    HEADS.find((head) => part.startsWith(`${head}\n`));
  return {
    before: `${parts.filter((part) => !headOf(part)).join("").trimEnd()}\n`,
    sections: new Map(
      parts.flatMap((part) => {
        const head = headOf(part);
        return head === undefined ? [] : [[head, `${part.trimEnd()}\n`]];
      }),
    ),
  };
}

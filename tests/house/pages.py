#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every scenario has a section in docs/conformance, and every section there is about one: pages.py UIOMMU

UIOMMU is the command; its "conform --list" names the scenarios. A section is a heading "## C068 Words"
and has a paragraph for each of PARTS.
"""

import re
import subprocess
import sys

import tree

LISTED = re.compile(r"^(C\d+)  \S")
HEADING = re.compile(r"^##+ +(C\d+)\b *(.*)$")
PARTS = ["Rule:", "Source:", "Checked:"]


def listed(command):
    out = subprocess.run([command, "conform", "--list"], stdout=subprocess.PIPE, text=True,
                         check=True).stdout
    return [match.group(1) for match in map(LISTED.match, out.splitlines()) if match]


def sections():
    """ID, where, words of the heading, the lines that follow."""
    found = []
    for path in sorted((tree.ROOT / "docs/conformance").glob("*.md")):
        lines = None
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = HEADING.match(line)
            if match:
                lines = []
                found.append((match.group(1), f"{path.relative_to(tree.ROOT)}:{number}",
                              match.group(2), lines))
            elif line.startswith("#"):
                lines = None
            elif lines is not None:
                lines.append(line)
    return found


def main():
    tap = tree.Tap()
    ids = listed(sys.argv[1])
    found = sections()
    have = [section[0] for section in found]
    tap.check("the command lists scenarios", [] if len(ids) > 100 else [f"{len(ids)} of them"])
    tap.check("no two scenarios have one ID", sorted({i for i in ids if ids.count(i) > 1}))
    tap.check("every scenario has a section", [i for i in ids if i not in have])
    tap.check("every section is about a scenario",
              [f"{where}: {i}" for i, where, _, _ in found if i not in ids])
    tap.check("no scenario has two sections",
              [f"{where}: {i}" for i, where, _, _ in found if have.count(i) > 1])
    tap.check("every section says rule, source and what is checked",
              [f"{where}: no {part}" for _, where, words, lines in found
               for part in PARTS + ([] if words else ["words in the heading"])
               if part not in [line.split(" ", 1)[0] for line in lines]])
    tap.done()


if __name__ == "__main__":
    main()

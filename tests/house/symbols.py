#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the libraries export: symbols.py LIBUIOMMU.SO LIBUIOMMU.A [--write]

The list is symbols.txt beside this file; --write makes it anew from the library.
"""

import pathlib
import re
import subprocess
import sys

import tree

LIST = pathlib.Path(__file__).with_name("symbols.txt")
DECLARED = re.compile(r"^UIOMMU_API\b[^;{]*?\b(uiommu_\w+)\s*\(", re.MULTILINE)


def names(*options):
    run = subprocess.run(["nm", *options], capture_output=True, text=True, check=True)
    return {line.split()[-1] for line in run.stdout.splitlines() if len(line.split()) >= 3}


def main():
    shared, static = sys.argv[1:3]
    exported = names("-D", "--defined-only", "--extern-only", shared)
    if "--write" in sys.argv:
        LIST.write_text("".join(f"{n}\n" for n in sorted(exported)), encoding="ascii")
        return
    listed = set(LIST.read_text(encoding="ascii").split())
    declared = {}
    for header in tree.files(".h"):
        if header.is_relative_to("include/uiommu"):
            text = (tree.ROOT / header).read_text(encoding="utf-8")
            declared.update((n, header) for n in DECLARED.findall(text))
    tap = tree.Tap()
    tap.check("the shared library exports uiommu_ names alone",
              [n for n in sorted(exported) if not n.startswith("uiommu_")])
    tap.check("its symbols are those of symbols.txt",
              [f"new: {n}" for n in sorted(exported - listed)]
              + [f"gone: {n}" for n in sorted(listed - exported)])
    tap.check("every function that a public header declares is exported",
              [f"{declared[n]}: {n}" for n in sorted(set(declared) - exported)])
    tap.check("every exported function is declared in a public header",
              sorted(exported - set(declared)))
    tap.check("the static library's global names start with uiommu_",
              [n for n in sorted(names("--defined-only", "--extern-only", static))
               if not n.startswith("uiommu_")])
    tap.done()


if __name__ == "__main__":
    main()

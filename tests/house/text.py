#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What every text file of the tree has, and what none may say."""

import re

import tree

SOURCES = {".c", ".h", ".S", ".py", ".sh", ".dts", ".dtsi", ".asl", ".build", ".map", ".ld"}
# In pieces, so that this file passes its own test.
WORDS = re.compile("|".join(["(?<![\\w.])/wo" "rk/", "/tmp/h" "ub", "(deb|security)\\.deb" "ian\\.",
                             "registry\\.np" "m", "bash_" "jobs", "\\bGPL-" "[23]"]))


def main():
    tap = tree.Tap()
    unmarked, words, spaces = [], [], []
    for path in tree.files():
        try:
            text = (tree.ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        head = "\n".join(text.splitlines()[:3])
        if path.suffix in SOURCES or text.startswith("#!"):
            if "SPDX-License-Identifier: MIT" not in head:
                unmarked.append(path)
        for number, line in enumerate(text.splitlines(), 1):
            if WORDS.search(line):
                words.append(f"{path}:{number}: {line.strip()}")
            if path.suffix in SOURCES and line != line.rstrip():
                spaces.append(f"{path}:{number}: ends in white space")
    tap.check("every source file names its licence", unmarked)
    tap.check("no words that belong to somebody's machine", words)
    tap.check("no line of a source file ends in white space", spaces)
    tap.done()


if __name__ == "__main__":
    main()

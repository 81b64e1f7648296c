#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each C excerpt of docs/PORTING.md is a piece of ports/minimal, which is compiled and run."""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "house"))
import tree  # noqa: E402

EXCERPT = re.compile(r"^```c\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def main():
    tap = tree.Tap()
    page = (tree.ROOT / "docs/PORTING.md").read_text(encoding="utf-8")
    folder = tree.ROOT / "ports/minimal"
    code = [p.read_text(encoding="utf-8") for p in sorted(folder.glob("*.[ch]"))]
    excerpts = EXCERPT.findall(page)
    tap.check("there are excerpts", [] if len(excerpts) >= 10 else [f"only {len(excerpts)}"])
    tap.check("each is code of ports/minimal",
              ["not there:\n" + e for e in excerpts if not any(e in text for text in code)])
    tap.done()


if __name__ == "__main__":
    main()

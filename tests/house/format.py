#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The form of C files is what clang-format makes of them: format.py [--write]"""

import shutil
import subprocess
import sys

import tree


def main():
    program = shutil.which("clang-format")
    sources = tree.files(".c", ".h")
    if "--write" in sys.argv:
        for path in sources:
            subprocess.run([program, "-i", path], cwd=tree.ROOT, check=True)
        return
    tap = tree.Tap()
    if not program:
        tap.skip("form", "clang-format is missing")
        tap.done()
    wrong = []
    for path in sources:
        made = subprocess.run([program, path], cwd=tree.ROOT, capture_output=True, check=True)
        if made.stdout != (tree.ROOT / path).read_bytes():
            wrong.append(f"{path}: ./dev format changes it")
    tap.check("C files have the form that ./dev format gives", wrong)
    tap.done()


if __name__ == "__main__":
    main()

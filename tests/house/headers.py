#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each public header, and each of spec/, compiles alone: as C11 and as C++17."""

import shutil
import subprocess

import tree

LANGUAGES = {
    "C11": ("gcc", ["-std=c11", "-x", "c"]),
    "C++17": ("g++", ["-std=c++17", "-x", "c++"]),
}


def main():
    tap = tree.Tap()
    headers = [p for p in tree.files(".h") if p.parts[0] in ("include", "spec")]
    for header in headers:
        name = header.relative_to("include") if header.parts[0] == "include" else header
        for language, (compiler, options) in LANGUAGES.items():
            title = f"{name} alone as {language}"
            if not shutil.which(compiler):
                tap.skip(title, f"{compiler} is missing")
                continue
            run = subprocess.run(
                [compiler, *options, "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only",
                 "-Iinclude", "-I.", "-"],
                input=f"#include <{name}>\n#include <{name}>\nextern int not_empty;\n",
                cwd=tree.ROOT, text=True, capture_output=True, check=False)
            tap.check(title, [run.stderr] if run.returncode else [])
    tap.done()


if __name__ == "__main__":
    main()

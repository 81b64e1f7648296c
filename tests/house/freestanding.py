#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The library needs nothing but its port: every C file of src/ less src/uapi compiles freestanding,
and what is left undefined when all are linked together is the port and the four mem functions."""

import pathlib
import re
import shutil
import subprocess
import tempfile

import tree

WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wno-sign-conversion",
            "-Wstrict-prototypes", "-Wmissing-prototypes", "-Werror"]
TARGETS = {
    "x86-64 gcc": ("gcc", [], "ld", "nm"),
    "x86-64 clang": ("clang", ["--target=x86_64-none-elf"], "ld", "nm"),
    "aarch64 gcc": ("aarch64-linux-gnu-gcc", ["-mno-outline-atomics"],
                    "aarch64-linux-gnu-ld", "aarch64-linux-gnu-nm"),
    "riscv64 gcc": ("riscv64-linux-gnu-gcc", ["-march=rv64gc", "-mcmodel=medany"],
                    "riscv64-linux-gnu-ld", "riscv64-linux-gnu-nm"),
}
ALLOWED = re.compile(r"uiommu_port_\w+|mem(cpy|set|move|cmp)")


def compile_all(compiler, options, sources, folder):
    complaints, objects = [], []
    for source in sources:
        out = pathlib.Path(folder) / (str(source).replace("/", "-") + ".o")
        run = subprocess.run(
            [compiler, *options, "-std=c11", "-O2", "-ffreestanding", "-nostdlib",
             "-fno-stack-protector", "-fno-pic", "-Iinclude", "-I.", *WARNINGS,
             "-c", source, "-o", out],
            cwd=tree.ROOT, capture_output=True, text=True, check=False)
        if run.returncode:
            complaints.append(run.stderr)
        objects.append(out)
    return complaints, objects


def undefined(linker, names, objects, folder):
    whole = pathlib.Path(folder) / "whole.o"
    run = subprocess.run([linker, "-r", "-o", whole, *objects], capture_output=True, text=True,
                         check=False)
    if run.returncode:
        return [run.stderr]
    listing = subprocess.run([names, "-u", whole], capture_output=True, text=True, check=True)
    symbols = {line.split()[-1] for line in listing.stdout.splitlines() if line.strip()}
    return [f"needs {s}" for s in sorted(symbols) if not ALLOWED.fullmatch(s)]


def main():
    tap = tree.Tap()
    sources = [p for p in tree.files(".c")
               if p.is_relative_to("src") and not p.is_relative_to("src/uapi")]
    for title, (compiler, options, linker, names) in TARGETS.items():
        both = (f"{title}: compiles freestanding", f"{title}: needs only the port")
        reason = None
        if not sources:
            reason = "src/ has no C files"
        elif not shutil.which(compiler):
            reason = f"{compiler} is missing"
        if reason:
            for name in both:
                tap.skip(name, reason)
            continue
        with tempfile.TemporaryDirectory() as folder:
            complaints, objects = compile_all(compiler, options, sources, folder)
            tap.check(both[0], complaints)
            tap.check(both[1], ["not compiled"] if complaints
                      else undefined(linker, names, objects, folder))
    tap.done()


if __name__ == "__main__":
    main()

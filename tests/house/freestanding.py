#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The library needs nothing but its port: every C file of src/ less src/uapi compiles freestanding,
and what is left undefined when all are linked together is the port and the four mem functions.

With ports/minimal and a model it becomes a program without a libc, which is run where the processor
is this machine's, or where QEMU plays it."""

import concurrent.futures
import os
import pathlib
import platform
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
# What becomes a program together with the library: the minimal port, its example, hardware to drive.
PROGRAM = ["ports/minimal/mem.c", "ports/minimal/minimal.c", "ports/minimal/kernel.c",
           "tests/ports/minimal_life.c", "tests/ports/bare/start.c", "tests/ports/bare/string.c",
           "models/cache.c", "models/memory.c"]
ALLOWED = re.compile(r"uiommu_port_\w+|mem(cpy|set|move|cmp)")


def compile_all(compiler, options, sources, folder, *more):
    def compile_one(source):
        out = pathlib.Path(folder) / (str(source).replace("/", "-") + ".o")
        run = subprocess.run(
            [compiler, *options, "-std=c11", "-O2", "-ffreestanding", "-nostdlib",
             "-fno-stack-protector", "-fno-pic", *more, "-Iinclude", "-I.", *WARNINGS,
             "-c", source, "-o", out],
            cwd=tree.ROOT, capture_output=True, text=True, check=False)
        return run.stderr if run.returncode else None, out

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        done = list(pool.map(compile_one, sources))
    return [c for c, _ in done if c is not None], [out for _, out in done]


def undefined(linker, names, objects, folder):
    whole = pathlib.Path(folder) / "whole.o"
    run = subprocess.run([linker, "-r", "-o", whole, *objects], capture_output=True, text=True,
                         check=False)
    if run.returncode:
        return [run.stderr]
    listing = subprocess.run([names, "-u", whole], capture_output=True, text=True, check=True)
    symbols = {line.split()[-1] for line in listing.stdout.splitlines() if line.strip()}
    return [f"needs {s}" for s in sorted(symbols) if not ALLOWED.fullmatch(s)]


def program(target, objects, folder):
    """Link the program without a libc: the complaints, and where it is."""
    compiler, options, linker, _ = target
    # ELF for Linux, whose process is the bare machine here.
    options = [o.replace("x86_64-none-elf", "x86_64-linux-gnu") for o in options]
    models = [p for p in tree.files(".c") if p.parts[0] == "models" and p.name[:3] == "vtd"]
    sources = [pathlib.PurePosixPath(p) for p in PROGRAM] + models
    complaints, others = compile_all(compiler, options, sources, folder, "-Itests/ports/bare")
    out = pathlib.Path(folder) / "program"
    if not complaints:
        run = subprocess.run([linker, "-static", "-o", out, *objects, *others],
                             capture_output=True, text=True, check=False)
        if run.returncode:
            complaints.append(run.stderr)
    return complaints, out


def run_program(out):
    run = subprocess.run(out, capture_output=True, text=True, check=False, timeout=60)
    if run.returncode or ": good" not in run.stdout:
        return [run.stdout, run.stderr, f"exit status {run.returncode}"]
    return []


def way_to_run(title, out):
    """The command that runs a program of this processor; None: there is none."""
    processor = title.split()[0].replace("x86-64", "x86_64")
    emulator = shutil.which(f"qemu-{processor}") or shutil.which(f"qemu-{processor}-static")
    if platform.machine() == processor:
        return [out]
    return [emulator, out] if emulator else None


def check_program(tap, title, target, objects, folder):
    names = (f"{title}: a program over the minimal port links without libc", f"{title}: it runs")
    if objects is None:
        for name in names:
            tap.check(name, ["not compiled"])
        return
    complaints, out = program(target, objects, folder)
    tap.check(names[0], complaints)
    command = way_to_run(title, out)
    if complaints or command:
        tap.check(names[1], ["not linked"] if complaints else run_program(command))
    else:
        tap.skip(names[1], "neither this processor nor QEMU for its programs is here")


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
            for name in (*both, f"{title}: a program over the minimal port"):
                tap.skip(name, reason)
            continue
        with tempfile.TemporaryDirectory() as folder:
            complaints, objects = compile_all(compiler, options, sources, folder)
            tap.check(both[0], complaints)
            tap.check(both[1], ["not compiled"] if complaints
                      else undefined(linker, names, objects, folder))
            check_program(tap, title, TARGETS[title], None if complaints else objects, folder)
    tap.done()


if __name__ == "__main__":
    main()

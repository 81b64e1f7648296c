#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the suite says when QEMU is missing, is something else, or dies: qemu.py UIOMMU

A missing one is a set-up error for who named its subject, and a skip with the reason for who did not. One
that dies fails what was running, with its own last words.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "house"))
import tree  # noqa: E402

UIOMMU = sys.argv[1] if len(sys.argv) > 1 else "build/apps/uiommu/uiommu"
REAL = os.environ.get("UIOMMU_QEMU") or "qemu-system-x86_64"


def conform(qemu, *arguments):
    return subprocess.run([UIOMMU, "conform", *arguments], capture_output=True, text=True,
                          env=dict(os.environ, UIOMMU_QEMU=qemu, UIOMMU_QEMU_AARCH64=qemu),
                          check=False)


def complaints(result, status, out=(), err=(), lines=None):
    found = []
    if result.returncode != status:
        found.append(f"exit status {result.returncode}, not {status}")
    found += [f"standard output does not say \"{w}\"" for w in out if w not in result.stdout]
    found += [f"standard error does not say \"{w}\"" for w in err if w not in result.stderr]
    if lines is not None and len(result.stderr.splitlines()) != lines:
        found.append(f"standard error has {len(result.stderr.splitlines())} lines, not {lines}")
    if found:
        found += [result.stdout[-2000:], result.stderr]
    return found


def script(folder, name, text):
    path = pathlib.Path(folder) / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o700)
    return str(path)


def main():
    tap = tree.Tap()
    with tempfile.TemporaryDirectory() as folder:
        missing = folder + "/no-qemu-here"
        tap.check("a named subject without QEMU: one line, a set-up error", complaints(
            conform(missing, "vtd@qemu"), 2, err=[missing, "install QEMU", "UIOMMU_QEMU"], lines=1))
        tap.check("a subject that nobody named, without QEMU: skipped, with the reason", complaints(
            conform(missing, "--config", "legacy", "--scenario", "C001", "--format", "ktap"), 0,
            out=["# SKIP", missing], err=["vtd@qemu", missing, "install QEMU"]))
        other = script(folder, "other", "echo 'I am not an emulator'\n")
        tap.check("a program that is not QEMU: one line, a set-up error", complaints(
            conform(other, "vtd@qemu"), 2, err=[other, "not QEMU"], lines=1))
        if not shutil.which(REAL):
            tap.skip("QEMU that dies", "QEMU is not installed")
            tap.done()
        stillborn = script(folder, "stillborn", f"""
case "$*" in *'-M none'*) exec {REAL} "$@" ;; esac
echo 'no luck today' >&2
exit 3
""")
        tap.check("QEMU that ends at once: one line with its words, a set-up error", complaints(
            conform(stillborn, "vtd@qemu"), 2,
            err=[stillborn, "exit status 3", "no luck today"], lines=1))
        # It is well for the first look at it and its first start, then lives twice as long each time: on a
        # slow machine, too, one of them gets far enough.
        mortal = script(folder, "mortal", f"""
case "$*" in *'-M none'*) exec {REAL} "$@" ;; esac
life=$(cat {folder}/life 2>/dev/null || echo 0)
case $life in
0) echo 1 >{folder}/life ;;
*)
	echo $((life * 2)) >{folder}/life
	(sleep $((life / 2)).$((life % 2 * 5)); kill -ABRT $$) >/dev/null 2>&1 &
	;;
esac
exec {REAL} "$@"
""")
        tap.check("QEMU that dies under a scenario: that one fails, and says so", complaints(
            conform(mortal, "vtd@qemu", "--config", "legacy", "--scenario", "C1[34]*",
                    "--jobs", "1"), 1, out=["FAILED", "died (Aborted)", "QEMU ", mortal]))
        tap.done()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is installed can be used: install.py BUILD-FOLDER

Installs into an empty folder, and builds and runs one program with what pkg-config says, against the
shared library and against the static one.
"""

import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

import tree

PROGRAM = """
#include <stdio.h>
#include <uiommu/uiommu.h>

int main(void)
{
	return puts(uiommu_strerror(UIOMMU_EBUSY)) < 0;
}
"""


def run(command, env):
    """The standard output, or an exception with everything that was said."""
    done = subprocess.run(command, env=env, text=True, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def use(folder, static):
    """Build the program as a stranger would, and run it."""
    pc = next(folder.rglob("uiommu.pc"))
    env = dict(os.environ, PKG_CONFIG_LIBDIR=str(pc.parent), PKG_CONFIG_SYSROOT_DIR=str(folder),
               LD_LIBRARY_PATH=str(pc.parent.parent))
    flags = shlex.split(run(["pkg-config", "--cflags", "--libs", "uiommu"]
                            + ["--static"] * static, env))
    if static:
        flags = [str(next(folder.rglob("libuiommu.a"))) if f == "-luiommu" else f for f in flags]
    source, program = folder / "program.c", folder / "program"
    source.write_text(PROGRAM, encoding="ascii")
    run(["cc", "-Wall", "-Werror", "-o", program, source, *flags], env)
    if not run([program], env).strip():
        raise RuntimeError("the program printed nothing")
    needed = run(["readelf", "-d", program], env)
    if ("libuiommu.so.0" in needed) == static:
        raise RuntimeError("linked the wrong library:\n" + needed)


def main():
    tap = tree.Tap()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        run(["meson", "install", "-C", sys.argv[1], "--no-rebuild", "--quiet", "--destdir", folder],
            dict(os.environ))
        for title, static in (("shared", False), ("static", True)):
            try:
                use(folder, static)
                complaints = []
            except (RuntimeError, StopIteration) as problem:
                complaints = [problem or "not installed"]
            tap.check(f"a program builds and runs with the {title} library", complaints)
    tap.done()


if __name__ == "__main__":
    main()

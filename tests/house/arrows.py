#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The arrows between the folders, read from the #include lines. docs/ARCHITECTURE.md explains them."""

import pathlib
import re

import tree

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
FREESTANDING = {"stdint.h", "stddef.h", "stdbool.h", "stdatomic.h", "stdarg.h", "limits.h"}

# part: (what else it may include, which of the system's headers; None: any). The longest name that
# is a prefix decides. A part may always include itself.
PUBLIC = "include"
ARROWS = {
    "include": ([], FREESTANDING),
    "spec": ([], FREESTANDING),
    "src/core": ([PUBLIC], FREESTANDING),
    "src/pgtable": ([PUBLIC], FREESTANDING),
    "src/drivers": ([PUBLIC, "src/core", "src/pgtable", "spec"], FREESTANDING),
    "src/firmware": ([PUBLIC, "src/core", "spec"], FREESTANDING),
    "src/dma": ([PUBLIC, "src/core"], FREESTANDING),
    "src/uapi": ([PUBLIC, "src/core", "src/dma", "spec"], None),
    "models": (["spec", "include/uiommu/port.h", "include/uiommu/types.h"],
               FREESTANDING | {"string.h"}),
    "machines": ([PUBLIC, "spec", "src", "models", "ports"], None),
    "ports": ([PUBLIC], None),
    "ports/minimal": ([PUBLIC], FREESTANDING),
    # What a model reports is part of what a machine tells. Saboteurs alter what hardware reads.
    "conform": ([PUBLIC, "spec", "machines", "models/model.h"], None),
    "bench": ([PUBLIC, "spec", "src", "machines", "models", "ports"], None),
    "apps": ([PUBLIC, "spec", "machines", "conform", "bench"], None),
    # An example needs a machine to run on.
    "examples": ([PUBLIC, "machines", "models/model.h"], None),
    "tests": (["."], None),
    "fuzz": (["."], None),
}


def part_of(path):
    names = [n for n in ARROWS if path.is_relative_to(n)]
    return max(names, key=len) if names else None


def resolve(source, kind, name):
    """The file of the tree that an #include names, or None if it is the system's."""
    places = [pathlib.PurePosixPath("include"), pathlib.PurePosixPath(".")]
    if kind == '"':
        places.insert(0, source.parent)
    for place in places:
        full = (tree.ROOT / place / name).resolve()
        if full.is_file() and full.is_relative_to(tree.ROOT):
            return pathlib.PurePosixPath(full.relative_to(tree.ROOT).as_posix())
    return None


def complaint(source, part, kind, name):
    allowed, system = ARROWS[part]
    target = resolve(source, kind, name)
    if target is None:
        if kind == '"':
            return f"{source}: \"{name}\" is not in the tree"
        if system is not None and name not in system:
            return f"{source}: <{name}> is not for {part}"
        return None
    if any(target.is_relative_to(a) for a in [part, *allowed]):
        return None
    return f"{source}: {part} may not use {target}"


def main():
    tap = tree.Tap()
    found = {part: [] for part in ARROWS}
    homeless = []
    for source in tree.files(".c", ".h"):
        part = part_of(source)
        if part is None:
            homeless.append(f"{source}: in no part of the house")
            continue
        text = (tree.ROOT / source).read_text(encoding="utf-8")
        for kind, name in INCLUDE.findall(text):
            problem = complaint(source, part, kind, name)
            if problem:
                found[part].append(problem)
    for part, problems in found.items():
        tap.check(f"{part} uses what it may", problems)
    tap.check("every file is in a part", homeless)
    tap.done()


if __name__ == "__main__":
    main()

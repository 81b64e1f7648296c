#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Copies of sources with switchable bugs: mutate.py ROOT OUTPUT-FOLDER

Each bug of bugs.py is a list of edits, each inside one function of one file:

    edit(FILE, FUNCTION, old=OLD, new=NEW)    the statements OLD, which must be there exactly once (spaces
                                              do not count), become: if the bug is on NEW, else OLD
    expr(FILE, FUNCTION, old=OLD, new=NEW)    the same of an expression
    first(FILE, FUNCTION, CODE)               CODE at the begin of the function, or at its end; BUG in
    last(FILE, FUNCTION, CODE)                it is the question whether the bug is on

Several bugs may replace the same OLD. A bug of which an edit does not fit any more is left out, and its name
goes to mutants_missing[] in mutants.c: the test that wants it then fails.
"""

import pathlib
import re
import sys

import bugs


def body_of(text, name):
    """Where the definition of a function begins and ends: from its brace to the one in column 0."""
    match = re.search(r"^[A-Za-z][^\n;{}=]*\b" + re.escape(name) + r"\([^;{}]*\)\s*\n\{\n", text,
                      re.MULTILINE)
    end = text.find("\n}\n", match.end() - 1) if match else -1
    return (match.end(), end + 1) if end >= 0 else None


def pattern(old):
    return r"\s+".join(re.escape(word) for word in old.split())


def question(name):
    return f'explore_bug("{name}")'


def place(texts, edit):
    """Where @edit goes: begin and end in its file; None if it does not fit."""
    span = body_of(texts[edit["file"]], edit["function"])
    if not span or edit["kind"] in ("first", "last"):
        at = span and (span[0] if edit["kind"] == "first" else span[1])
        return span and (at, at)
    found = list(re.finditer(pattern(edit["old"]), texts[edit["file"]][span[0]:span[1]]))
    if len(found) != 1:
        return None
    return span[0] + found[0].start(), span[0] + found[0].end()


def replacement(kind, original, wanted):
    """What stands in one place; @wanted: (bug, edit) pairs."""
    text = original
    for name, edit in wanted:
        on = question(name)
        if kind in ("first", "last"):
            text += edit["new"].replace("BUG", on) + " "
        elif kind == "expr":
            text = f'({on} ? ({edit["new"]}) : ({text}))'
        else:
            text = f'if ({on}) {{ {edit["new"]} }} else {{ {text} }}'
    return text


def main():
    root, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    texts = {f: (root / f).read_text(encoding="utf-8") for f in bugs.SOURCES}
    places, missing = {}, []
    for name, edits in bugs.BUGS.items():
        spots = [place(texts, edit) for edit in edits]
        if None in spots:
            missing.append(name)
            print(f"mutate.py: {name} does not fit {edits[spots.index(None)]['file']}",
                  file=sys.stderr)
            continue
        for spot, edit in zip(spots, edits):
            places.setdefault((edit["file"], *spot, edit["kind"]), []).append((name, edit))
    # From the end to the begin, so that places stay where they are.
    for (file, begin, end, kind), wanted in sorted(places.items(), reverse=True,
                                                   key=lambda item: item[0][:3]):
        text = texts[file]
        texts[file] = text[:begin] + replacement(kind, text[begin:end], wanted) + text[end:]
    for file in bugs.FILES:
        text = texts[file]
        for header in bugs.HEADERS:
            text = text.replace(f'#include "{header}"\n', f'{texts[header]}\n')
        (out / file.replace("/", "-")).write_text(
            "#include <stdbool.h>\nbool explore_bug(const char *name);\n"
            f'#line 1 "{file}"\n{text}', encoding="utf-8")
    names = "".join(f'\t"{name}",\n' for name in missing)
    (out / "mutants.c").write_text(
        '#include <stddef.h>\n#include "tests/explore/mutants.h"\n'
        "const bool mutants_are_here = true;\n"
        f"const char *const mutants_missing[] = {{\n{names}\tNULL\n}};\n", encoding="utf-8")


if __name__ == "__main__":
    main()

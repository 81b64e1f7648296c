#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Copies of sources with switchable bugs: mutate.py ROOT OUTPUT-FOLDER

Each bug of bugs.py is a list of edits (file, function, old, new): inside that function the text "old",
which must be there exactly once and be whole statements, becomes

    if (explore_bug("NAME")) { new } else { old }

A bug of which an edit does not fit any more is left out, and its name goes to mutants_missing[] in
mutants.c: the test that wants it then fails. ("old" and "new" may also be expressions, with "expr".)
"""

import pathlib
import re
import sys

import bugs


def function_range(text, name):
    """Where the definition of a function begins and ends: up to the closing brace in column 0."""
    match = re.search(r"^[A-Za-z][^\n;{}=]*\b" + re.escape(name) + r"\([^;{}]*\)\s*\n\{", text,
                      re.MULTILINE)
    if not match:
        return None
    end = text.find("\n}\n", match.end())
    return match.start(), end


def apply(text, name, edit):
    span = function_range(text, edit["in"])
    if not span:
        return None
    body = text[span[0]:span[1]]
    if body.count(edit["old"]) != 1:
        return None
    if edit.get("expr"):
        new = f'(explore_bug("{name}") ? ({edit["new"]}) : ({edit["old"]}))'
    else:
        new = f'if (explore_bug("{name}")) {{ {edit["new"]} }} else {{ {edit["old"]} }}'
    return text[:span[0]] + body.replace(edit["old"], new) + text[span[1]:]


def main():
    root, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    texts = {f: (root / f).read_text(encoding="utf-8") for f in bugs.FILES}
    missing = []
    for name, edits in bugs.BUGS.items():
        changed = dict(texts)
        for edit in edits:
            text = apply(changed[edit["file"]], name, edit)
            if text is None:
                print(f"mutate.py: {name} does not fit {edit['file']}", file=sys.stderr)
                missing.append(name)
                break
            changed[edit["file"]] = text
        else:
            texts = changed
    for file, text in texts.items():
        path = out / file.replace("/", "-")
        path.write_text(f'#include <stdbool.h>\nbool explore_bug(const char *name);\n'
                        f'#line 1 "{file}"\n{text}', encoding="utf-8")
    names = "".join(f'\t"{name}",\n' for name in missing)
    (out / "mutants.c").write_text(
        '#include <stddef.h>\n#include "tests/explore/mutants.h"\n'
        'const bool mutants_are_here = true;\n'
        f'const char *const mutants_missing[] = {{\n{names}\tNULL\n}};\n', encoding="utf-8")


if __name__ == "__main__":
    main()

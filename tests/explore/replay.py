#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Seeds as a person uses them: replay.py EXPLORE EXPLORE-BUGS

Bugs are found, and each seed as it was printed is given to both programs: the one with the bug has to end as
the search said, the one of the pristine sources has to pass.
"""

import subprocess
import sys

RACES = ["C011/*", "C081/*", "C090/core", "C125/core-handled", "C160/vtd", "C163/*"]


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
    return done.returncode, done.stdout.splitlines()


def found(lines):
    """(race, bug, failure, seed) of each bug that was found."""
    for at, line in enumerate(lines):
        if line.startswith("ok ") and " with " in line and at + 2 < len(lines):
            race, rest = line.split(" - ", 1)[1].split(" with ", 1)
            yield race, rest.split(":")[0], lines[at + 1][2:], lines[at + 2].removeprefix("# seed ")


def main():
    good, bad = sys.argv[1:]
    number = failed = 0
    for race, bug, failure, seed in found(run(bad, *RACES)[1]):
        status, lines = run(bad, "--bug", bug, seed)
        same = status == 1 and len(lines) > 1 and lines[-1] == failure
        status, lines = run(good, seed)
        passes = status == 0 and lines[-1] == "passed"
        number += 1
        failed += not (same and passes)
        print(f"{'' if same and passes else 'not '}ok {number} - {race} with {bug}: {seed}")
        if not same:
            print("# it does not end as it did when it was found")
        if not passes:
            print(f"# the pristine sources: {lines[-1] if lines else status}")
    print(f"1..{number}")
    return 1 if failed or number < len(RACES) else 0


if __name__ == "__main__":
    sys.exit(main())

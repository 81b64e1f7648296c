#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The example drives its device in each way, alone and one after the other, and says what it does not know."""

import subprocess
import sys

WAYS = ["type1", "iommufd", "noiommu"]


def run(program, *arguments):
    return subprocess.run([program, *arguments], text=True, capture_output=True, check=False, timeout=60)


def good(ran, ways):
    lines = ran.stdout.splitlines()
    return (ran.returncode == 0 and not ran.stderr and len(lines) == len(ways)
            and all(line.startswith(way) and line.endswith("the text went there and back")
                    for line, way in zip(lines, ways)))


def main():
    program = sys.argv[1]
    checks = [(way, good(run(program, way), [way])) for way in WAYS]
    checks.append(("all", good(run(program), WAYS)))
    unknown = run(program, "type1", "type2")
    checks.append(("an unknown way is refused before anything is done",
                   unknown.returncode == 2 and not unknown.stdout and '"type2"' in unknown.stderr))
    print(f"1..{len(checks)}")
    for number, (title, passed) in enumerate(checks, 1):
        print(f"{'ok' if passed else 'not ok'} {number} - {title}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

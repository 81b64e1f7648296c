#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Count what a `meson test` did: count.py TITLE BUILD-FOLDER RESULTS-FOLDER

Appends "PASSED FAILED SKIPPED" to RESULTS/counts, a line for each failure to RESULTS/failures and one
for each skip (its reason, a tab, its name) to RESULTS/skips. A program that writes TAP counts with each
of its tests; any other counts as one. A program that failed although none of its tests did counts as one failure more.
"""

import json
import pathlib
import re
import sys

TAP = re.compile(r"^(not )?ok\b\s*\d*\s*-?\s*(.*?)\s*(?:#\s*skip\b\s*(.*))?$", re.IGNORECASE)


def count(record, title, failures, skips):
    name = record["name"]
    passed = failed = skipped = 0
    for line in (record.get("stdout") or "").splitlines():
        match = TAP.match(line)
        if not match:
            continue
        if match.group(3) is not None:
            skipped += 1
            skips.append(f"{match.group(3) or 'no reason given'}\t{match.group(2) or name}")
        elif match.group(1):
            failed += 1
            failures.append(f"{title}: {name}: {match.group(2)}")
        else:
            passed += 1
    if record["result"] == "SKIP" and not passed + failed + skipped:
        skipped += 1
        skips.append(f"the program says so\t{name}")
    elif record["result"] not in ("OK", "EXPECTEDFAIL", "SKIP") and not failed:
        failed += 1
        failures.append(f"{title}: {name}: {record['result'].lower()}")
    elif not passed + failed + skipped:
        passed += 1
    return passed, failed, skipped


def main():
    title, folder, results = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    failures, skips, totals = [], [], [0, 0, 0]
    logs = list((folder / "meson-logs").glob("testlog*.json"))
    if not logs:
        # Meson writes no log when there is nothing to run; anything else is a failure.
        said = (folder / "test.log").read_text(errors="replace")
        if "No tests defined" not in said and "No suitable tests defined" not in said:
            totals[1] += 1
            failures.append(f"{title}: meson test did not run:\n{said}")
    for log in logs:
        for text in log.read_text(errors="replace").splitlines():
            record = json.loads(text)
            counts = count(record, title, failures, skips)
            totals = [a + b for a, b in zip(totals, counts)]
            if counts[1]:
                print(record.get("stdout") or "", record.get("stderr") or "", file=sys.stderr)
    for name, lines in (("failures", failures), ("skips", skips),
                        ("counts", [" ".join(map(str, totals))])):
        with open(results / name, "a", encoding="utf-8") as out:
            out.writelines(line + "\n" for line in lines)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""uiommu groups: against the groups that Linux made of the same machines, and against itself.

data/NAME.lspci is a machine's dump, data/NAME.groups what its Linux showed: README.md says how they were made.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
UIOMMU = sys.argv[1]
done = 0


def check(what, problems):
    global done
    done += 1
    print(("not ok" if problems else "ok"), done, "-", what)
    for line in problems:
        print("#", line)


def run(*args):
    return subprocess.run([UIOMMU, "groups", *map(str, args)], capture_output=True, text=True,
                          timeout=120, check=False)


def groups_of(*args):
    """The partition, as a set of frozensets of names."""
    got = run(*args, "--format", "json")
    if got.returncode:
        raise RuntimeError(f"{args}: status {got.returncode}: {got.stderr}")
    return {frozenset(f["name"] for f in g["functions"]) for g in json.loads(got.stdout)["groups"]}


def linux_groups(file):
    groups = {}
    for line in file.read_text().split("\n"):
        if line:
            number, name = line.split()
            groups.setdefault(number, set()).add(name)
    return {frozenset(g) for g in groups.values()}


def compare(dump):
    ours = groups_of("--lspci", dump)
    linux = linux_groups(dump.with_suffix(".groups"))
    # A function that Linux has in no group is behind no IOMMU there: the IOMMU itself, for one.
    known = frozenset().union(*linux)
    ours = {g & known for g in ours} - {frozenset()}
    return ([f"only by our rules: {' '.join(sorted(g))}" for g in ours - linux] +
            [f"only on Linux: {' '.join(sorted(g))}" for g in linux - ours])


def explanations(dump):
    """Each function is explained, and what is said to separate it does."""
    problems = []
    for group in groups_of("--lspci", dump):
        for name in sorted(group):
            got = run("--lspci", dump, "--explain", name)
            text = got.stdout
            if got.returncode or not text.startswith(name):
                problems.append(f"{name}: status {got.returncode}: {got.stderr}")
                continue
            if len(group) == 1:
                if "alone" not in text:
                    problems.append(f"{name} is alone and is not said to be")
                continue
            for other in group - {name}:
                if other not in text:
                    problems.append(f"{name}: nothing is said of {other}")
            advice = re.findall(r"--what-if acs=(\S+)", text)
            if advice:
                problems += try_advice(dump, name, text, advice)
            elif "No ACS setting separates it" not in text:
                problems.append(f"{name}: no word on what would separate it")
    return problems


def try_advice(dump, name, text, advice):
    args = [a for bridge in advice for a in ("--what-if", f"acs={bridge}")]
    size = next(len(g) for g in groups_of("--lspci", dump, *args) if name in g)
    if "it would be alone" in text:
        expected = 1
    else:
        expected = int(re.search(r"its group would have (\d+) functions", text).group(1))
    if size != expected:
        return [f"{name}: with {' '.join(advice)} it is in a group of {size}, not {expected}"]
    return []


GOOD = "00:00.0 Host bridge: a name\n" + "".join(
    f"{at:02x}: " + " ".join(["00"] * 16) + "\n" for at in range(0, 64, 16))
BAD = [
    ("a letter in a byte", 3, GOOD.replace("10: 00 00", "10: 00 0g")),
    ("a short line", 2, GOOD.replace("00: 00 00", "00: 00")),
    ("a long line", 4, GOOD.replace("20: 00", "20: 00 00")),
    ("an offset that is left out", 4, GOOD.replace("20: ", "30: ")),
    ("bytes without a function", 1, GOOD.split("\n", 1)[1]),
    ("words that mean nothing", 6, GOOD + "hello\n"),
    ("a function cut short", 5, GOOD.rsplit("\n", 2)[0] + "\n"),
    ("half of a configuration space", 6, GOOD + "40: " + " ".join(["00"] * 16) + "\n"),
]


def bad_dumps():
    for what, line, text in BAD:
        with tempfile.NamedTemporaryFile("w", suffix=".lspci") as file:
            file.write(text)
            file.flush()
            got = run("--lspci", file.name)
            where = re.search(re.escape(file.name) + r":(\d+): ", got.stderr)
            problems = []
            if got.returncode != 2 or got.stdout:
                problems.append(f"status {got.returncode}, {len(got.stdout)} bytes of output")
            if not where or abs(int(where.group(1)) - line) > 1:
                problems.append(f"line {line} is not named: {got.stderr.strip()}")
            check(f"a bad dump is refused: {what}", problems)


def refusals():
    for what, args in [("a file that is not there", ["--lspci", "/nonexistent"]),
                       ("a machine that is not there", ["--machine", "no-such-machine"]),
                       ("two sources", ["--sysfs", "--lspci", "x"]),
                       ("an unknown device", ["--machine", "q35-vtd", "--explain", "ff:1f.7"]),
                       ("an unknown what-if", ["--machine", "q35-vtd", "--what-if", "acs"]),
                       ("a folder without tables", ["--lspci", HERE / "data" / "switch.lspci",
                                                    "--acpi", HERE]),
                       ("an unknown format", ["--machine", "q35-vtd", "--format", "xml"]),
                       ("ACS where it cannot be", ["--machine", "q35-vtd", "--what-if",
                                                   "acs=03:00.0"])]:
        got = run(*args)
        check(f"refused with a line: {what}",
              [] if got.returncode == 2 and got.stderr.strip() and not got.stdout else
              [f"status {got.returncode}: {got.stderr.strip()}"])


def machines():
    names = [line.split()[0] for line in subprocess.run(
        [UIOMMU, "machines"], capture_output=True, text=True, check=True).stdout.split("\n") if line]
    for name in names:
        got = run("--machine", name)
        check(f"the core's groups are those of the rules: {name}",
              [] if got.returncode == 0 and "The same groups" in got.stdout else
              [f"status {got.returncode}: {got.stderr.strip()}"])


def above(dump, folder):
    """Whoever Linux has in a group is behind an IOMMU by the tables, and nobody else is."""
    got = run("--lspci", dump, "--acpi", folder, "--format", "json")
    if got.returncode:
        return [f"status {got.returncode}: {got.stderr}"]
    ours = {f["name"] for g in json.loads(got.stdout)["groups"] for f in g["functions"]
            if f["iommu"] != "none"}
    linux = frozenset().union(*linux_groups(dump.with_suffix(".groups")))
    return [f"{name}: only one of tables and Linux has an IOMMU above it"
            for name in sorted(ours ^ linux)]


def main():
    with tempfile.NamedTemporaryFile("w", suffix=".lspci") as file:
        file.write(GOOD)
        file.flush()
        got = run("--lspci", file.name)
        check("a good dump is read", [] if got.returncode == 0 else [got.stderr])
    bad_dumps()
    refusals()
    machines()
    dumps = sorted((HERE / "data").glob("*.lspci"))
    check("there are dumps of at least three machines", [] if len(dumps) >= 3 else
          [f"{len(dumps)} in {HERE / 'data'}"])
    for dump in dumps:
        check(f"as Linux has it: {dump.stem}", compare(dump))
        if dump.with_suffix(".acpi").is_dir():
            check(f"behind an IOMMU as on Linux: {dump.stem}",
                  above(dump, dump.with_suffix(".acpi")))
        check(f"explained, with advice that works: {dump.stem}", explanations(dump))
        got = run("--lspci", dump, "--format", "dot")
        names = {f for g in groups_of("--lspci", dump) for f in g}
        check(f"the picture has every function: {dump.stem}",
              [n for n in names if f'"{n}"' not in got.stdout])
    print(f"1..{done}")


main()

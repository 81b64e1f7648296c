# SPDX-License-Identifier: MIT
"""What the tests of the tree share: its files, and TAP."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def files(*endings):
    """The files of the tree as paths from its root: those git knows or would add."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, check=False)
    if listing.returncode == 0:
        names = [pathlib.PurePosixPath(n) for n in listing.stdout.decode().split("\0") if n]
    else:  # a release's archive
        names = [pathlib.PurePosixPath(p.relative_to(ROOT).as_posix())
                 for p in ROOT.rglob("*") if p.is_file()]
        names = [n for n in names if not n.parts[0].startswith(("build", ".git"))]
    return sorted(n for n in names
                  if (ROOT / n).is_file() and (not endings or n.suffix in endings))


class Tap:
    """Numbered results; done() prints the plan and leaves."""

    def __init__(self):
        self.count = self.failed = 0

    def check(self, name, complaints):
        """One test: passed if there are no complaints."""
        self.count += 1
        self.failed += bool(complaints)
        print(f"{'not ok' if complaints else 'ok'} {self.count} - {name}")
        for complaint in complaints:
            for line in str(complaint).splitlines():
                print(f"# {line}")

    def skip(self, name, reason):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {reason}")

    def done(self):
        print(f"1..{self.count}")
        sys.exit(bool(self.failed))

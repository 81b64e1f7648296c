#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run a cmocka program and pass on its TAP: tap.py PROGRAM [ARGS]

cmocka 1.1 writes a skipped test as "not ok N # SKIP NAME", which every reader of TAP counts as
failed. This puts it right and changes nothing else; the program's status is passed on too.
"""

import os
import re
import subprocess
import sys

SKIP = re.compile(r"^not ok (\d+) # SKIP (.*)$")


def main():
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP")
    with subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, env=env, text=True,
                          errors="replace") as program:
        for line in program.stdout:
            print(SKIP.sub(r"ok \1 - \2 # SKIP", line), end="", flush=True)
    status = program.returncode
    if status < 0:
        print(f"Bail out! killed by signal {-status}", flush=True)
        return 128 - status
    return status


if __name__ == "__main__":
    sys.exit(main())

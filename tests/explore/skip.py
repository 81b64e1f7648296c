#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What takes the place of the exploration in a build that cannot have it: skip.py REASON"""

import sys

print(f"ok 1 - races under all schedules # SKIP {sys.argv[1]}\n1..1")

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Regenerate the flattened Devicetrees in tests/data/dt: QEMU's, and those compiled from .dts by dtc.

usage: dt.py TESTS/DATA/DT
"""
import pathlib
import subprocess
import sys
import tempfile

VIRT = ["qemu-system-aarch64", "-cpu", "cortex-a57", "-m", "64M", "-nodefaults", "-display", "none"]
QEMU = {
    "qemu-smmuv3": ("virt,iommu=smmuv3", []),
    "qemu-virtio": ("virt", ["-device", "virtio-iommu-pci,addr=5"]),
    "qemu-none": ("virt", []),
}


def dtc(source, kind, result):
    """QEMU leaves a megabyte of room, and random seeds: both are of no use here."""
    text = subprocess.run(["dtc", "-q", "-I", kind, "-O", "dts", source], check=True,
                          capture_output=True, text=True).stdout
    text = "".join(line for line in text.splitlines(True) if "-seed" not in line)
    subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", result], input=text, check=True,
                   text=True)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.split("\n\n")[1])
    folder = pathlib.Path(sys.argv[1])
    for name, (machine, options) in QEMU.items():
        with tempfile.TemporaryDirectory() as scratch:
            blob = scratch + "/qemu.dtb"
            subprocess.run(VIRT + ["-M", f"{machine},dumpdtb={blob}"] + options, check=True,
                           capture_output=True)
            dtc(blob, "dtb", folder / (name + ".dtb"))
    for source in sorted(folder.glob("*.dts")):
        dtc(source, "dts", source.with_suffix(".dtb"))


main()

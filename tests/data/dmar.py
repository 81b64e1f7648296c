#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Regenerate tests/data/dmar: DMAR tables that QEMU serves, and those written for iasl.

usage: dmar.py FOLDER

QEMU's are read over fw_cfg through its qtest socket, with no firmware run, so that checksums are
filled in here. The others are the .asl files of the folder, compiled by iasl.
"""
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile

QEMU = {
    "qemu-plain": ["-device", "intel-iommu"],
    "qemu-intremap": ["-M", "kernel-irqchip=split", "-device", "intel-iommu,intremap=on,aw-bits=48"],
    "qemu-ats": ["-device", "intel-iommu,device-iotlb=on,aw-bits=48"],
    "qemu-bridges": ["-device", "intel-iommu,intremap=on,device-iotlb=on",
                     "-device", "pcie-root-port,id=rp0,slot=1,addr=5",
                     "-device", "pcie-pci-bridge,id=br0,bus=rp0",
                     "-device", "pxb-pcie,id=pxb,bus_nr=32", "-device", "pcie-root-port,bus=pxb,slot=2"],
}


def qemu_tables(options):
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/qtest"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        listener.settimeout(20)
        qemu = subprocess.Popen(
            ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-S", "-m", "64M", "-nodefaults",
             "-display", "none", "-qtest", "unix:" + path, "-qtest-log", "/dev/null"] + options)
        try:
            stream = listener.accept()[0].makefile("rw")

            def ask(line):
                stream.write(line + "\n")
                stream.flush()
                answer = stream.readline().split()
                if not answer or answer[0] != "OK":
                    sys.exit(f"{line}: {answer}")
                return int(answer[1], 0) if len(answer) > 1 else None

            def read(key, size):
                ask(f"outw 0x510 {key}")
                return bytes(ask("inb 0x511") for _ in range(size))

            count = struct.unpack(">I", read(0x19, 4))[0]
            listing = read(0x19, 4 + 64 * count)[4:]
            for i in range(count):
                size, key, _, name = struct.unpack_from(">IHH56s", listing, 64 * i)
                if name.rstrip(b"\0") == b"etc/acpi/tables":
                    return read(key, size)
            sys.exit("no ACPI tables")
        finally:
            qemu.kill()
            qemu.wait()


def find_dmar(tables):
    at = tables.find(b"DMAR")
    if at < 0:
        sys.exit("no DMAR table")
    table = bytearray(tables[at:at + struct.unpack_from("<I", tables, at + 4)[0]])
    table[9] = 0
    table[9] = -sum(table) & 0xff
    return bytes(table)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.split("\n\n")[1])
    folder = pathlib.Path(sys.argv[1])
    for name, options in QEMU.items():
        (folder / (name + ".aml")).write_bytes(find_dmar(qemu_tables(options)))
    for source in sorted(folder.glob("*.asl")):
        subprocess.run(["iasl", "-p", str(source.with_suffix("")), str(source)], check=True,
                       stdout=subprocess.DEVNULL)


main()

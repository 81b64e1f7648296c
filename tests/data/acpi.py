#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Regenerate the ACPI tables in tests/data/dmar, iort and viot: QEMU's, and those written for iasl.

usage: acpi.py TESTS/DATA [NAME...]

QEMU's are read over fw_cfg through its qtest socket, with no firmware run, so that checksums are
filled in here. The others are the .asl files of the folders, compiled by iasl: with -G those whose
tables it need not know.
"""
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile

Q35 = ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg"]
VIRT = ["qemu-system-aarch64", "-M", "virt,gic-version=3", "-cpu", "cortex-a57", "-accel", "tcg"]

# folder/name: the machine and its options.
QEMU = {
    "dmar/qemu-plain": Q35 + ["-device", "intel-iommu"],
    "dmar/qemu-intremap": Q35 + ["-M", "kernel-irqchip=split",
                                 "-device", "intel-iommu,intremap=on,aw-bits=48"],
    "dmar/qemu-ats": Q35 + ["-device", "intel-iommu,device-iotlb=on,aw-bits=48"],
    "dmar/qemu-bridges": Q35 + [
        "-device", "intel-iommu,intremap=on,device-iotlb=on",
        "-device", "pcie-root-port,id=rp0,slot=1,addr=5",
        "-device", "pcie-pci-bridge,id=br0,bus=rp0",
        "-device", "pxb-pcie,id=pxb,bus_nr=32", "-device", "pcie-root-port,bus=pxb,slot=2"],
    "iort/qemu-its": VIRT,
    "iort/qemu-smmuv3": VIRT + ["-M", "iommu=smmuv3"],
    "iort/qemu-bypass": VIRT + [
        "-M", "iommu=smmuv3,default_bus_bypass_iommu=on",
        "-device", "pxb-pcie,id=pxb0,bus_nr=16,bypass_iommu=false",
        "-device", "pxb-pcie,id=pxb1,bus=pcie.0,bus_nr=32,bypass_iommu=true",
        "-device", "pcie-root-port,bus=pxb0,slot=1", "-device", "pcie-root-port,bus=pxb1,slot=2"],
    "viot/qemu-q35": Q35 + ["-device", "virtio-iommu-pci,addr=3"],
    "viot/qemu-virt": VIRT + ["-device", "virtio-iommu-pci,addr=5"],
    "viot/qemu-bypass": Q35 + [
        "-device", "virtio-iommu-pci,addr=3",
        "-device", "pxb-pcie,id=pxb0,bus_nr=16,bypass_iommu=true",
        "-device", "pxb-pcie,id=pxb1,bus=pcie.0,bus_nr=32",
        "-device", "pcie-root-port,bus=pxb0,slot=1", "-device", "pcie-root-port,bus=pxb1,slot=2"],
}


class FwCfg:
    """QEMU's fw_cfg device: by ports of a PC, or by the registers of an Arm virt machine."""

    def __init__(self, command, stream):
        self.pc = "x86_64" in command[0]
        self.stream = stream

    def ask(self, line):
        self.stream.write(line + "\n")
        self.stream.flush()
        answer = self.stream.readline().split()
        if not answer or answer[0] != "OK":
            sys.exit(f"{line}: {answer}")
        return int(answer[1], 0) if len(answer) > 1 else None

    def read(self, key, size):
        if self.pc:
            self.ask(f"outw 0x510 {key}")
            return bytes(self.ask("inb 0x511") for _ in range(size))
        self.ask(f"writew 0x9020008 {key >> 8 | (key & 0xff) << 8}")
        return bytes(self.ask("readb 0x9020000") for _ in range(size))

    def file(self, wanted):
        count = struct.unpack(">I", self.read(0x19, 4))[0]
        listing = self.read(0x19, 4 + 64 * count)[4:]
        for i in range(count):
            size, key, _, name = struct.unpack_from(">IHH56s", listing, 64 * i)
            if name.rstrip(b"\0") == wanted:
                return self.read(key, size)
        sys.exit(f"no {wanted}")


def qemu_tables(command):
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/qtest"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        listener.settimeout(20)
        qemu = subprocess.Popen(
            command + ["-S", "-m", "64M", "-nodefaults", "-display", "none",
                       "-qtest", "unix:" + path, "-qtest-log", "/dev/null"])
        try:
            return FwCfg(command, listener.accept()[0].makefile("rw")).file(b"etc/acpi/tables")
        finally:
            qemu.kill()
            qemu.wait()


def find_table(tables, signature):
    at = tables.find(signature)
    if at < 0:
        sys.exit(f"no {signature} table")
    table = bytearray(tables[at:at + struct.unpack_from("<I", tables, at + 4)[0]])
    table[9] = 0
    table[9] = -sum(table) & 0xff
    return bytes(table)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__.split("\n\n")[1])
    data = pathlib.Path(sys.argv[1])
    names = sys.argv[2:]
    for name, command in QEMU.items():
        if not names or name in names:
            table = find_table(qemu_tables(command), name.split("/")[0].upper().encode())
            (data / (name + ".aml")).write_bytes(table)
    for source in sorted(data.glob("*/*.asl")):
        name = source.with_suffix("")
        if names and name.relative_to(data).as_posix() not in names:
            continue
        options = ["-G"] if "-G" in source.read_text().splitlines()[1] else []
        subprocess.run(["iasl", *options, "-p", str(name), str(source)], check=True,
                       stdout=subprocess.DEVNULL)


main()

"""Writes the system calls that a unit of systemd allows as a container's seccomp profile, to try them out without
systemd: python3 tests/seccomp.py <unit>. MemoryDenyWriteExecute and RestrictAddressFamilies are part of it.
"""

import errno
import json
import socket
import subprocess
import sys

unit = [line.strip().split("=", 1) for line in open(sys.argv[1], encoding="utf-8") if "=" in line and line[0] != "#"]


def values(name):
    """The values of a setting that may stand there several times."""
    return [value for key, value in unit if key == name]


def calls_of(group):
    """The system calls of a group such as @system-service, with those of the groups in it."""
    lines = subprocess.run(["systemd-analyze", "syscall-filter", group], check=True, capture_output=True, text=True)
    names = [line.strip() for line in lines.stdout.splitlines() if line.startswith("    ")]
    for name in names:
        if name.startswith("@"):
            yield from calls_of(name)
        elif not name.startswith("#"):
            yield name


allowed = set()
for value in values("SystemCallFilter"):
    calls = {call for group in value.lstrip("~").split() for call in calls_of(group)}
    allowed = allowed - calls if value.startswith("~") else allowed | calls
assert values("MemoryDenyWriteExecute") == ["yes"] and values("SystemCallErrorNumber") == ["EPERM"]

PROT_WRITE, PROT_EXEC = 2, 4
families = [getattr(socket, name) for name in " ".join(values("RestrictAddressFamilies")).split()]


def rule(names, action, *args):
    arguments = [{"index": index, "value": value, "valueTwo": two, "op": op} for index, value, two, op in args]
    return {"names": sorted(names), "action": action, "args": arguments}


ALLOW = "SCMP_ACT_ALLOW"
plain = allowed - {"mmap", "mprotect", "pkey_mprotect", "socket", "shmat"}
rules = [rule(plain, ALLOW)]
# Memory may be written or executed, and executable memory is not made later.
for bits in (0, PROT_WRITE, PROT_EXEC):
    rules += [rule({"mmap"}, ALLOW, (2, PROT_WRITE | PROT_EXEC, bits, "SCMP_CMP_MASKED_EQ"))]
rules += [rule({"mprotect", "pkey_mprotect"}, ALLOW, (2, PROT_EXEC, 0, "SCMP_CMP_MASKED_EQ"))]
rules += [rule({"socket"}, ALLOW, (0, int(family), 0, "SCMP_CMP_EQ")) for family in families]
json.dump({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": errno.EPERM, "syscalls": rules}, sys.stdout, indent=1)

"""Folders that refuse: what a person without rights meets, for tests that may be run by one who has them all."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_VERSION = 0x20080522
_MAY_READ_AND_WRITE_ALL = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, in linux/capability.h."""


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


@contextmanager
def permissions_hold() -> Iterator[None]:
    """Have the permissions of files hold for this thread, and those that it starts, within the block.

    For most people they do. Root is kept from nothing until it gives up two capabilities (man 7 capabilities).
    """
    if not hasattr(os, "geteuid"):
        pytest.skip("permissions are another matter on this system")
    if os.geteuid() != 0:
        yield
        return
    try:
        system = ctypes.CDLL(None, use_errno=True)
        header, sets = _Header(_VERSION, 0), (_Sets * 2)()
        assert system.capget(ctypes.byref(header), sets) == 0
    except (OSError, AttributeError, AssertionError):
        pytest.skip("root cannot give up its rights on this system")
    before = sets[0].effective
    sets[0].effective = before & ~_MAY_READ_AND_WRITE_ALL
    assert system.capset(ctypes.byref(header), sets) == 0
    try:
        yield
    finally:
        sets[0].effective = before
        assert system.capset(ctypes.byref(header), sets) == 0

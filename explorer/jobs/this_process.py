"""How this process is to work: how its threads wait, and what it does with memory that it no longer needs.

Said once, before torch is loaded, by what a person starts.
"""

import ctypes
import os

WAITING_CHOICES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""By which of these a person says how threads are to wait."""

KEPT_BYTES = 512 * 1024 * 1024

# Of mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


def wait_briefly() -> None:
    """Have torch's threads spin for some microseconds before they sleep, unless a person chose; before torch is loaded.

    By default OpenMP's threads spin for long, and beside one busy process on two cores no epoch of 784-400-20 ended in
    100 s. Asleep at once, they are woken for each of a step's products: 3.4 s an epoch beside nothing, 4.2 beside a
    busy core. With a thousand turns it is 2.45 and 5.1, with ten thousand 2.3 and 12. Builds of torch with Intel's or
    LLVM's OpenMP count in milliseconds, which is too long; there they sleep at once.
    """
    if not any(name in os.environ for name in WAITING_CHOICES):
        os.environ |= {"GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "0"}


def keep_memory() -> None:
    """Keep up to ``KEPT_BYTES`` of what was freed, where the allocator is glibc's, unless a person chose.

    A step of training frees what the next one asks for. By default all of that goes back to the system, and every page
    of it is asked for anew: 8,500 pages, and a third of the time, in a step of the default convolutional model on 128
    images of 28x28.
    """
    if "GLIBC_TUNABLES" in os.environ or any(name.startswith("MALLOC_") for name in os.environ):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        for threshold in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
            mallopt(threshold, KEPT_BYTES)

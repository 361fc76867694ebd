"""The process that a job runs in: reads the call from standard input, leaves what it returns in a file.

Standard input stays open as long as the parent lives. When it ends, this process and all that it has started (they are
one process group) end too, so that no training outlives its sweep, however the parent died.
"""

import os
import pickle
import signal
import struct
import sys
import threading
from pathlib import Path
from typing import BinaryIO

HEADER = struct.Struct(">Q")
"""Length of the pickled call in bytes, which comes first."""


def main() -> None:
    """Make the call and write what it returns, pickled, to the file that is the argument: whole or not at all.

    An exception is not caught: its traceback goes to standard error, and the exit status is 1.
    """
    stream, result = sys.stdin.buffer, sys.argv[1]
    (length,) = HEADER.unpack(stream.read(HEADER.size))
    call = stream.read(length)
    threading.Thread(target=_end_with, args=(stream,), daemon=True).start()
    value = pickle.loads(call)()
    partial = Path(f"{result}.partial")
    partial.write_bytes(pickle.dumps(value))
    partial.replace(result)


def _end_with(parent: BinaryIO) -> None:
    # The descriptor itself: a buffered reader would still be locked when the interpreter ends.
    while os.read(parent.fileno(), 4096):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)

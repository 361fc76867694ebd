"""mmdet without what it prints when an optional package is missing and what it warns of in its own code."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout


@contextmanager
def hushed() -> Iterator[None]:
    """What is printed or warned of in this block is dropped; errors are not."""
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

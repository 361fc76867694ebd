"""mmdet without the lines that it prints when an optional package is missing."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout


@contextmanager
def hushed() -> Iterator[None]:
    """Import in this block: what is printed or warned of is dropped, errors are not."""
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

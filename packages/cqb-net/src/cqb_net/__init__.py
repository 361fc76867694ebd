"""The `cqb-net` command: data, training, evaluation and prediction from a terminal."""

from cqb_core import __version__

__all__ = ["__version__"]

"""The `cqb-bench` command: other methods that learn from cheap labels, trained and scored as CQB-Net's modules are."""

from cqb_bench.method import Method, Task
from cqb_core import __version__

__all__ = ["Method", "Task", "__version__"]

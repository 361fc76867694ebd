"""Importing this makes every method known to mmdet: `custom_imports = dict(imports=["cqb_bench.registry"])`."""

from importlib import import_module

import cqb_net.registry  # noqa: F401 the modules of CQB-Net, which methods plug in or build on
from cqb_bench.catalogue import registered

for _module in registered():
    import_module(_module)

"""Importing this makes CQB-Net known to mmdet: `custom_imports = dict(imports=["cqb_net.registry"])` in a config."""

import cqb_core.registry  # noqa: F401 the network that the auxiliaries are plugged into
from cqb_net.auxiliaries import Box2Mask, Cls2Box, Cls2Pixel, Relation

__all__ = ["Box2Mask", "Cls2Box", "Cls2Pixel", "Relation"]

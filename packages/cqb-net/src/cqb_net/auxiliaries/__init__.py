"""The four modules of CQB-Net (Fig. 3), each what `cqb_weak` or `cqb_graph` computes, plugged into the cascade."""

from cqb_net.auxiliaries.box2mask import Box2Mask
from cqb_net.auxiliaries.cls2box import Cls2Box
from cqb_net.auxiliaries.cls2pixel import Cls2Pixel
from cqb_net.auxiliaries.relation import Relation

__all__ = ["Box2Mask", "Cls2Box", "Cls2Pixel", "Relation"]

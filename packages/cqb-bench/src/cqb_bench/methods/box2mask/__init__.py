"""Box2Mask: masks from boxes, by the tightness of boxes and the structure of masks (L_B2M)."""

from functools import partial

from cqb_bench.method import Method, with_auxiliary
from cqb_core import Labels

METHOD = Method(
    name="box2mask",
    title="Box2Mask",
    task="instance",
    rest=Labels.BOX,
    source="Du, Jiang, Xu, Zhang, Li: How to Save your Annotation Cost for Panoptic Segmentation?, AAAI 2021",
    configure=partial(with_auxiliary, kind="Box2Mask"),
    ours=True,
    registers=("cqb_net.registry",),
)

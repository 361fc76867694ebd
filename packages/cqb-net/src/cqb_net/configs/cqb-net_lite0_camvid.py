"""CQB-Net on street photographs of 480x360, on two processor cores; see `panoptic-cascade_lite0_fpn_camvid`.

Cls2Box takes the mean over classes, not their sum, which is most of the loss at first. It teaches the detector by
pseudo boxes alone: nearly every photograph shows cars and pedestrians, so that tags tell little, and where they judge
the detector's classes, as for drawn scenes, everything is learnt worse. Its streams learn from the features and leave
them as they are.
Cls2Pixel's pseudo labels are made of what the segmentation says, too, and the tags keep it from absent classes. Its
energy weighs a quarter of the paper's, which can merge two classes before they are learnt. Relation reasoning learns
from the network's features and leaves them as they are: what it asks of them costs things more than it gives. What it
says of boxes is not averaged in: its regressors are worse than the network's.
"""

_base_ = __import__("cqb_core.configs").configs.path("panoptic-cascade_lite0_fpn_camvid")

custom_imports = dict(imports=["cqb_net.registry"], allow_failed_imports=False)
model = dict(
    roi_head=dict(unsampled=128),
    auxiliaries=[
        dict(type="Cls2Box", reduction="mean", detach_detector=True, refine=1.0, teaches_host=0.0),
        dict(type="Box2Mask"),
        dict(type="Relation", node_dim=64, teaches_host=0.0, averages=("classes", "semantic")),
        dict(type="Cls2Pixel", warm_up=0.5, evidence="coupled", absent_weight=1.0, energy_weight=1.0),
    ],
)

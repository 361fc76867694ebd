"""CQB-Net on drawn scenes, on a processor, from scratch, in minutes; see `panoptic-cascade_tiny_scenes`.

RoIAlign takes one sample a bin, not four, which spares a fifth of a step: pilots are trained by the dozen.
Cls2Box takes the mean over classes, not their sum, which is most of the loss at first. Tags judge the detector's
classes without its background, of which they do not tell (see `cqb_weak.cls2box`); the stream over proposals learns
from the features and leaves them as they are, since what tells tags is not what tells stuff.
Cls2Pixel's pseudo labels are made of what the segmentation says, too, and the tags keep it from absent classes. Its
energy weighs a quarter of the paper's, which can merge two classes before they are learnt; pixels are near within 35
pixels, a third of a scene's side, as the paper's 100 are of a photograph's. Relation reasoning learns from the
network's features and leaves them as they are: what it asks of them costs things more than it gives. What it says of
boxes is not averaged in: its regressors are worse than the network's.
"""

_base_ = __import__("cqb_core.configs").configs.path("panoptic-cascade_tiny_scenes")

custom_imports = dict(imports=["cqb_net.registry"], allow_failed_imports=False)
model = dict(
    roi_head=dict(
        unsampled=64,
        bbox_roi_extractor=dict(roi_layer=dict(sampling_ratio=1)),
        mask_roi_extractor=dict(roi_layer=dict(sampling_ratio=1)),
    ),
    auxiliaries=[
        dict(type="Cls2Box", reduction="mean", coupling="classifier", teaches_host=0.0),
        dict(type="Box2Mask"),
        dict(type="Relation", node_dim=64, teaches_host=0.0, averages=("classes", "semantic")),
        dict(
            type="Cls2Pixel",
            warm_up=0.5,
            evidence="coupled",
            absent_weight=1.0,
            energy_weight=1.0,
            energy=dict(xy=35.0),
        ),
    ],
)

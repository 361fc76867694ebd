"""CQB-Net on drawn scenes, on a processor, from scratch, in minutes; see `panoptic-cascade_tiny_scenes`.

Cls2Box takes the mean over classes: the sum is most of the loss, and gradient clipping then stalls all else.
"""

_base_ = __import__("cqb_core.configs").configs.path("panoptic-cascade_tiny_scenes")

custom_imports = dict(imports=["cqb_net.registry"], allow_failed_imports=False)
model = dict(
    roi_head=dict(unsampled=64),
    auxiliaries=[
        dict(type="Cls2Box", reduction="mean"),
        dict(type="Box2Mask"),
        dict(type="Relation", node_dim=64),
        dict(type="Cls2Pixel"),
    ],
)

"""CQB-Net with ResNet-50 on COCO, 8 GPUs (Sec. "Implementation Details"): the cascade with the paper's four modules.

Lambda is the cascade's `stage_loss_weights`; beta of Cls2Pixel and of the relations' semantic term is their default.
Pseudo labels begin after an epoch.
"""

_base_ = __import__("cqb_core.configs").configs.path("panoptic-cascade_r50_fpn_24e_coco")

custom_imports = dict(imports=["cqb_net.registry"], allow_failed_imports=False)
model = dict(
    auxiliaries=[
        dict(type="Cls2Box"),
        dict(type="Box2Mask"),
        dict(type="Relation"),
        dict(type="Cls2Pixel", warm_up=7330),
    ],
)

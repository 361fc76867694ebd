"""The paper's recipe on COCO with ResNet-101."""

_base_ = "./panoptic-cascade_r50_fpn_24e_coco.py"

model = dict(backbone=dict(depth=101, init_cfg=dict(checkpoint="torchvision://resnet101")))

"""CQB-Net with ResNet-101 on COCO, 8 GPUs."""

_base_ = "./cqb-net_r50_fpn_24e_coco.py"

model = dict(backbone=dict(depth=101, init_cfg=dict(checkpoint="torchvision://resnet101")))

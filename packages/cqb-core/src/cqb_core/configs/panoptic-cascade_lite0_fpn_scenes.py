"""Drawn scenes on a processor, from ImageNet weights, a few minutes a training; see `panoptic-cascade_tiny_scenes`.

Needs `pip install cqb-core[pretrained]`. From scratch, some hundred steps teach a detector next to nothing; from
trained features they teach it to find things, so that the worth of labels shows. What follows the backbone has 32
channels, and the backbone's layers at strides 2 to 8 stay as they are, which makes a step cheaper. So short a training
leaves scores low: things are kept from 0.4, not 0.6.
"""

_base_ = "./panoptic-cascade_tiny_scenes.py"

num_epochs = 8
model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(_delete_=True, type="EfficientNetLite0", pretrained=True, norm_eval=True, frozen_stages=2),
    neck=dict(in_channels=[24, 40, 112, 320], out_channels=32),
    rpn_head=dict(in_channels=32, feat_channels=32),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=32),
        bbox_head=dict(in_channels=32, fc_out_channels=128),
        mask_roi_extractor=dict(out_channels=32),
        mask_head=dict(in_channels=32),
    ),
    semantic_head=dict(in_channels=32, inner_channels=32, norm_cfg=dict(num_groups=8)),
    test_cfg=dict(panoptic=dict(score_thr=0.4)),
)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={"backbone": dict(lr_mult=0.3)}))
train_cfg = dict(max_epochs=num_epochs, val_interval=num_epochs)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(
        type="CosineAnnealingLR",
        eta_min_ratio=0.01,
        begin=0,
        end=num_epochs,
        T_max=num_epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]

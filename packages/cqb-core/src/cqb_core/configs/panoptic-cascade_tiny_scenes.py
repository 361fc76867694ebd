"""Drawn scenes of about a hundred pixels on a processor, from scratch, in minutes.

Expects what `cqb-net data scenes data/scenes` draws.
"""

_base_ = ["./_base_/panoptic-cascade_small.py", "./_base_/panoptic_loaders.py", "./_base_/runtime.py"]

num_epochs = 16
model = dict(
    num_things=10,
    num_stuff=7,
    backbone=dict(
        _delete_=True,
        type="ResNet",
        depth=18,
        base_channels=32,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        norm_cfg=dict(type="BN", requires_grad=True),
        norm_eval=False,
        style="pytorch",
    ),
    neck=dict(in_channels=[32, 64, 128, 256]),
    roi_head=dict(mask_head=dict(conv_out_channels=32)),
    semantic_head=dict(loss_seg=dict(loss_weight=1.0)),
    train_cfg=dict(rcnn=dict(sampler=dict(num=32))),
    test_cfg=dict(panoptic=dict(stuff_area_limit=32)),
)

data_root = "data/scenes/"
train_pipeline = [
    dict(type="LoadPhoto"),
    dict(type="LoadOwnedLabels"),
    dict(type="RandomResize", scale=(128, 128), ratio_range=(0.9, 1.3), keep_ratio=True),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackOwnedLabels"),
]
test_pipeline = [
    dict(type="LoadPhoto"),
    dict(type="Resize", scale=(144, 144), keep_ratio=True),
    dict(type="PackOwnedLabels"),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    dataset=dict(
        data_root=data_root,
        ann_file="annotations/panoptic_train.json",
        data_prefix=dict(img="train/", seg="annotations/panoptic_train/"),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    num_workers=1,
    dataset=dict(
        data_root=data_root,
        ann_file="annotations/panoptic_val.json",
        data_prefix=dict(img="val/", seg="annotations/panoptic_val/"),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    ann_file=data_root + "annotations/panoptic_val.json",
    seg_prefix=data_root + "annotations/panoptic_val/",
)
test_evaluator = val_evaluator

train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=num_epochs, val_interval=num_epochs)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=0.002, weight_decay=0.01),
    paramwise_cfg=dict(norm_decay_mult=0.0),
    clip_grad=dict(max_norm=10, norm_type=2),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=False, begin=0, end=50),
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

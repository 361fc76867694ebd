"""The paper's recipe on COCO: 24 epochs, 8 GPUs of 2 images, SGD 0.02, x0.1 at epochs 18 and 23, short side 400-900.

Expects COCO 2017 with its panoptic annotations under `data/coco/`.
"""

_base_ = ["./_base_/panoptic-cascade_r50_fpn.py", "./_base_/panoptic_loaders.py", "./_base_/runtime.py"]

data_root = "data/coco/"
train_pipeline = [
    dict(type="LoadPhoto"),
    dict(type="LoadOwnedLabels"),
    dict(type="RandomResize", scale=[(1333, 400), (1333, 900)], keep_ratio=True),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackOwnedLabels"),
]
test_pipeline = [
    dict(type="LoadPhoto"),
    dict(type="Resize", scale=(1333, 800), keep_ratio=True),
    dict(type="PackOwnedLabels"),
]
train_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file="annotations/panoptic_train2017.json",
        data_prefix=dict(img="train2017/", seg="annotations/panoptic_train2017/"),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file="annotations/panoptic_val2017.json",
        data_prefix=dict(img="val2017/", seg="annotations/panoptic_val2017/"),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    ann_file=data_root + "annotations/panoptic_val2017.json",
    seg_prefix=data_root + "annotations/panoptic_val2017/",
)
test_evaluator = val_evaluator

train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=24, val_interval=1)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.001, by_epoch=False, begin=0, end=500),
    dict(type="MultiStepLR", begin=0, end=24, by_epoch=True, milestones=[18, 23], gamma=0.1),
]
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=0.02, momentum=0.9, weight_decay=0.0001),
    clip_grad=dict(max_norm=35, norm_type=2),
)
auto_scale_lr = dict(enable=False, base_batch_size=16)

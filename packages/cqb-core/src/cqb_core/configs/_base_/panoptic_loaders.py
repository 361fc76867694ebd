"""How every data set here is loaded and scored; a config adds folders, transforms and sizes."""

train_dataloader = dict(
    batch_size=2,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    batch_sampler=dict(type="LabelShareBatchSampler"),
    dataset=dict(type="MixedLabelDataset", assignment=None),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    # Rounding up would score some images twice.
    sampler=dict(type="DefaultSampler", shuffle=False, round_up=False),
    dataset=dict(type="MixedLabelDataset", test_mode=True),
)
val_evaluator = dict(type="PanopticEvaluator")
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
test_dataloader = val_dataloader
test_evaluator = val_evaluator

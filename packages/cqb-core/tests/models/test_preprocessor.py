import torch


def test_masks_and_maps_are_padded_where_they_are_owned(build, dataset, assigned):
    from mmengine.dataset import pseudo_collate

    pipeline = [
        {"type": "LoadPhoto"},
        {"type": "LoadOwnedLabels"},
        {"type": "Resize", "scale": (50, 50)},
        {"type": "PackOwnedLabels"},
    ]
    data = dataset(assigned("I", "M", "S", "B"), pipeline=pipeline)
    made = build().data_preprocessor(pseudo_collate([data[place] for place in range(4)]), True)
    assert made["inputs"].shape == (4, 3, 64, 64)
    tags, masks, stuff, boxes = made["data_samples"]
    assert masks.gt_instances.masks.masks.shape[1:] == (64, 64)
    assert stuff.gt_sem_seg.sem_seg.shape == (1, 64, 64)
    assert (stuff.gt_sem_seg.sem_seg[0, 50:] == 255).all()
    assert "masks" not in boxes.gt_instances
    assert "gt_sem_seg" not in tags
    assert torch.equal(made["inputs"][:, :, 50:], torch.zeros_like(made["inputs"][:, :, 50:]))

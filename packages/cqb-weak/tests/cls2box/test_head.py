import pytest
import torch

from cqb_weak.cls2box import MIDHead


def test_two_streams_from_vectors_and_from_maps():
    head = MIDHead(in_features=12, num_classes=5)
    vectors = torch.randn(7, 12, generator=torch.Generator().manual_seed(0))
    classes, proposals = head(vectors)
    assert classes.shape == proposals.shape == (7, 5)
    torch.testing.assert_close(classes, vectors @ head.classes.weight.T)
    torch.testing.assert_close(proposals, vectors @ head.proposals.weight.T)
    torch.testing.assert_close(head(vectors.view(7, 3, 2, 2))[0], classes)


def test_it_starts_from_small_weights_without_bias():
    torch.manual_seed(0)
    head = MIDHead(400, 100, std=0.02)
    for linear in (head.classes, head.proposals):
        assert linear.weight.std().item() == pytest.approx(0.02, rel=0.02)
        assert not linear.bias.any()


def test_no_proposals_leave_zero_gradients():
    head = MIDHead(12, 5)
    sum(stream.sum() for stream in head(torch.zeros(0, 12))).backward()
    assert all(not parameter.grad.any() for parameter in head.parameters())


def test_another_size_of_feature_is_named():
    with pytest.raises(ValueError, match=r"features: wanted 12 numbers a RoI, got shape \(2, 3, 7, 7\)"):
        MIDHead(12, 5)(torch.zeros(2, 3, 7, 7))

import pytest
import torch

from cqb_weak.cls2pixel import ClassBranch


def branch(dropout=0.0):
    torch.manual_seed(0)
    return ClassBranch(3, 2, dropout)


def test_logits_are_the_mean_of_the_class_scores():
    head, features = branch(), torch.randn(4, 3, 5, 6)
    scores = torch.einsum("bchw,sc->bshw", features, head.classifier.weight)
    torch.testing.assert_close(head(features), scores.mean((2, 3)))
    torch.testing.assert_close(head.maps(features), scores.relu())
    assert not head.maps(features).requires_grad
    assert head.classifier.bias is None


def test_padding_has_no_influence():
    head, features = branch(), torch.randn(2, 3, 4, 6)
    valid = torch.zeros(2, 4, 6, dtype=torch.bool)
    valid[:, :, :4] = True
    spoilt = features.clone()
    spoilt[:, :, :, 4:] = torch.nan
    torch.testing.assert_close(head(spoilt, valid), head(features[:, :, :, :4]))


def test_no_valid_pixel_gives_zero_logits_and_gradients():
    head, features = branch(), torch.randn(1, 3, 2, 2, requires_grad=True)
    out = head(features, torch.zeros(1, 2, 2, dtype=torch.bool))
    out.sum().backward()
    assert out.eq(0).all()
    assert features.grad.eq(0).all()


def test_dropout_leaves_out_whole_channels_in_training_only():
    head, features = branch(0.9), torch.ones(64, 3, 2, 2)
    torch.manual_seed(0)
    assert head(features).std(0).min() > 0
    head.eval()
    torch.testing.assert_close(head(features).std(0), torch.zeros(2))


def test_no_images():
    assert branch()(torch.zeros(0, 3, 2, 2)).shape == (0, 2)


@pytest.mark.parametrize(
    ("features", "valid", "error", "message"),
    [
        (torch.zeros(1, 4, 2, 2), None, ValueError, r"features: wanted shape \(b=1, c=3, h, w\), got \(1, 4, 2, 2\)"),
        (torch.zeros(1, 3, 2, 2).int(), None, TypeError, "features: wanted floating-point numbers, got torch.int32"),
        (torch.zeros(1, 3, 2, 2), torch.ones(1, 2, 3).bool(), ValueError, r"valid: wanted shape \(b=1, h=2, w=2\)"),
        (torch.zeros(1, 3, 2, 2), torch.ones(1, 2, 2), TypeError, "valid: wanted bool, got torch.float32"),
    ],
)
def test_bad_arguments(features, valid, error, message):
    with pytest.raises(error, match=message):
        branch()._check(features, valid)


def test_bad_dropout():
    with pytest.raises(ValueError, match="dropout: wanted a number from 0.0 to 1.0, got 1.5"):
        ClassBranch(3, 2, 1.5)

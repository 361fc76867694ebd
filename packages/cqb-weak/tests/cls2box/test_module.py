import pytest
import torch

from cqb_weak import Cls2Box
from cqb_weak.cls2box import detector_probabilities, mid_scores

TAGS = torch.tensor([[True, False, False], [False, True, False]])


def drawn():
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(7, 2, 2, generator=generator).sort(1).values.flatten(1)
    features, logits = (torch.randn(7, width, generator=generator).requires_grad_() for width in (6, 4))
    return features, logits, [corners[:3], corners[3:]]


def test_it_is_the_head_and_the_loss():
    module, (features, logits, proposals) = Cls2Box(6, 3, refine=0.5), drawn()
    image = torch.tensor([0, 0, 0, 1, 1, 1, 1])
    owned = torch.tensor([True, False])
    plain = module.loss(*module.head(features), image, TAGS, logits, boxes=torch.cat(proposals), owned=owned)
    found = module(features, logits, proposals, TAGS, owned)
    assert found.keys() == {"loss_cls2box", "loss_refine"}
    torch.testing.assert_close(found, plain)
    sum(found.values()).backward()
    assert all(parameter.grad.any() for parameter in module.parameters() if parameter.ndim == 2)
    assert (logits.grad[:3] != 0).any()
    assert (logits.grad[3:] == 0).all()


@pytest.mark.parametrize("coupling", ["product", "detector", "classifier", "none"])
def test_scores_are_those_of_the_loss(coupling):
    module, (features, logits, proposals) = Cls2Box(6, 3, coupling=coupling, temperature=2.0), drawn()
    scores = module.scores(features, logits, proposals)
    class_logits, proposal_logits = module.head(features)
    image, p = torch.tensor([0, 0, 0, 1, 1, 1, 1]), detector_probabilities(logits, 3)
    mid = mid_scores(class_logits, proposal_logits, image, 2, 2.0)
    shares = mid / class_logits.softmax(1)
    of_classes = p / p.sum(1, keepdim=True)
    wanted = {"product": mid * p, "detector": shares * p, "classifier": shares * of_classes, "none": mid}[coupling]
    torch.testing.assert_close(scores, wanted)
    assert not scores.requires_grad


def test_proposals_that_do_not_fit_are_named():
    module, (features, logits, proposals) = Cls2Box(6, 3), drawn()
    with pytest.raises(ValueError, match=r"image_index: wanted shape \(n=7\), got \(3,\)"):
        module(features, logits, [proposals[0], proposals[0][:0]], TAGS)

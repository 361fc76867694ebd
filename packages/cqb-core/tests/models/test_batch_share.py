import pytest
import torch

from cqb_core import Labels
from cqb_core.models import ImageLabels, batch_share
from cqb_core.models.auxiliary import Auxiliary
from cqb_core.models.batch_share import weigh_by_share

P, B, I = Labels.PANOPTIC, Labels.BOX, Labels.IMAGE  # noqa: E741


class FromTags(Auxiliary):
    name, needs, absent = "tagged", Labels.IMAGE, Labels.BOX


class FromBoxes(Auxiliary):
    name, needs = "boxed", Labels.BOX


ASKING = [FromTags(), FromBoxes()]


def batch(*owned):
    return [ImageLabels(image_id, labels, (8, 8)) for image_id, labels in enumerate(owned)]


def losses(**more):
    return {"s0.tagged.loss_a": torch.tensor(3.0), "boxed.loss_b": torch.tensor(5.0), **more}


@pytest.mark.parametrize(
    ("owned", "tagged", "boxed"),
    [((P, P, I, I), 3.0, 5.0), ((P, P, B, I), 1.5, 5.0), ((I, I, I, P), 3.0, 2.5), ((P, P, B, B), 0.0, 5.0)],
)
def test_below_half_of_the_batch_a_loss_weighs_in_proportion_to_its_images(owned, tagged, boxed):
    made = weigh_by_share(losses(), ASKING, batch(*owned), 0.5)
    assert made == {"s0.tagged.loss_a": tagged, "boxed.loss_b": boxed}


def test_the_networks_own_losses_and_what_is_no_loss_stay():
    more = {"loss_cls": torch.tensor(7.0), "loss_rpn": [torch.tensor(1.0)], "s0.tagged.acc": torch.tensor(90.0)}
    made = weigh_by_share(losses(**more), ASKING, batch(P, P, P, I), 0.5)
    assert {name: made[name] for name in more} == more
    assert made["s0.tagged.loss_a"] == 1.5


def test_every_stage_is_weighed():
    found = {f"s{stage}.tagged.loss_a": torch.tensor(8.0) for stage in range(3)}
    made = weigh_by_share(found, ASKING, batch(P, P, P, I), 0.5)
    assert made == dict.fromkeys(found, 4.0)


def test_a_share_of_zero_is_full_weight_always():
    assert weigh_by_share(losses(), ASKING, batch(P, P, P, I), 0.0) == losses()


def test_the_share_is_one_of_all_processes(monkeypatch):
    monkeypatch.setattr(batch_share, "get_world_size", lambda: 2)
    monkeypatch.setattr(batch_share, "all_reduce", lambda mine: mine.add_(torch.tensor([4.0, 0.0, 4.0])))
    made = weigh_by_share(losses(), ASKING, batch(P, P, I, I), 0.5)
    assert made == {"s0.tagged.loss_a": 1.5, "boxed.loss_b": 5.0}


def test_every_image_pulls_alike_whatever_else_the_batch_holds():
    pulls = []
    for others in ((P, P, P), (P, P, I)):
        parameter = torch.ones((), requires_grad=True)
        count = 1 + others.count(I)
        found = {"s0.tagged.loss_a": sum(parameter for _ in range(count)) / count}
        weigh_by_share(found, ASKING, batch(I, *others), 0.5)["s0.tagged.loss_a"].backward()
        pulls.append(parameter.grad.item() / count)
    assert pulls[0] == pulls[1]

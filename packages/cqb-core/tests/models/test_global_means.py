import pytest
import torch
from torch import nn

from cqb_core.models import global_means
from cqb_core.models.global_means import divisors, over_all_processes


@pytest.fixture
def beside(monkeypatch):
    """A function that lets a second process have some counts, in the order of their names."""

    def start(*others):
        monkeypatch.setattr(global_means, "get_world_size", lambda: 2)
        monkeypatch.setattr(global_means, "all_reduce", lambda mine: mine.add_(torch.tensor(others)))

    return start


def test_one_process_changes_nothing():
    loss = torch.ones(())
    assert over_all_processes({"loss_a": loss}, {"loss_a": 3})["loss_a"] is loss


def test_the_mean_of_two_processes_is_the_mean_over_all(beside):
    mine, theirs = torch.tensor([1.0, 2.0, 6.0]), torch.tensor([11.0])
    made = []
    for here, there in ((mine, theirs), (theirs, mine)):
        beside(float(len(there)))
        made.append(over_all_processes({"loss_a": here.mean()}, {"loss_a": len(here)})["loss_a"])
    assert torch.stack(made).mean().item() == pytest.approx(torch.cat([mine, theirs]).mean().item())


def test_each_loss_has_its_own_count_and_one_without_stays(beside):
    beside(3.0, 0.0)
    losses = {"loss_z": [torch.tensor(1.0), torch.tensor(2.0)], "loss_a": torch.tensor(1.0), "acc": torch.tensor(7.0)}
    made = over_all_processes(losses, {"loss_z": torch.tensor(4), "loss_a": 1})
    assert made == {"loss_z": [2.0, 4.0], "loss_a": 0.5, "acc": 7.0}


def test_what_no_process_has_stays_a_zero_that_touches_its_parameters(beside):
    beside(0.0)
    weight = torch.ones((), requires_grad=True)
    over_all_processes({"loss_a": weight * 0}, {"loss_a": 0})["loss_a"].backward()
    assert weight.grad == 0


class Divided(nn.Module):
    def forward(self, values, avg_factor=None):
        return values.sum() / avg_factor


def test_the_divisor_of_each_call_is_read_within_the_block():
    loss = Divided()
    with divisors(loss) as read:
        loss(torch.ones(2), avg_factor=4)
        loss(torch.ones(2), avg_factor=5)
    loss(torch.ones(2), avg_factor=6)
    assert read == [4.0, 5.0]

from types import SimpleNamespace

import pytest
import torch

from cqb_core.training import NonFiniteLossError, finite_loss
from cqb_core.training.finite_loss import FiniteLossHook

BATCH = {"data_samples": [SimpleNamespace(img_id=7), SimpleNamespace(img_id=12)]}


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_loss_that_is_no_number_stops_with_terms_and_images(value):
    losses = {
        "loss": torch.tensor(float(value)),
        "loss_seg": torch.tensor(float(value)),
        "loss_mask": torch.tensor(1.0),
    }
    with pytest.raises(NonFiniteLossError) as caught:
        FiniteLossHook().after_train_iter(SimpleNamespace(iter=4), 0, BATCH, losses)
    message = f"iteration 5: loss is not finite (loss={value}, loss_seg={value}) on images 7, 12"
    assert str(caught.value) == message


def test_numbers_pass():
    FiniteLossHook().after_train_iter(SimpleNamespace(iter=4), 0, BATCH, {"loss": torch.tensor(1e30)})


def test_a_process_whose_own_loss_is_a_number_stops_with_the_images_of_the_other(monkeypatch):
    monkeypatch.setattr(finite_loss, "all_reduce", lambda met, op: met.fill_(1))
    monkeypatch.setattr(finite_loss, "all_gather_object", lambda mine: [mine, "(loss=nan) on images 3, 4"])
    with pytest.raises(NonFiniteLossError) as caught:
        FiniteLossHook().after_train_iter(SimpleNamespace(iter=4), 0, BATCH, {"loss": torch.tensor(1.0)})
    assert str(caught.value) == "iteration 5: loss is not finite (loss=nan) on images 3, 4"

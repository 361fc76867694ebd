import pytest
from torch.utils.data import DataLoader, Dataset

from cqb_core.errors import InputError
from cqb_core.training.loader_errors import input_error_in


class Broken(Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        raise InputError("a: b.png", "size", "4x4", "5x5, or so")


def test_what_a_worker_met_comes_back_as_it_was():
    with pytest.raises(RuntimeError) as caught:
        list(DataLoader(Broken(), num_workers=1))
    assert str(input_error_in(caught.value)) == "a: b.png: size: wanted 4x4, got 5x5, or so"


def test_other_errors_are_none():
    assert input_error_in(RuntimeError("ValueError: x: y: wanted a, got b")) is None

import pytest
from mmengine.logging import MessageHub

from cqb_core import InputError
from cqb_net.auxiliaries.warm_up import WarmUp


@pytest.fixture
def training_of():
    """A function that makes the running training one of so many steps."""
    hub = MessageHub.get_current_instance()
    before = dict(hub.runtime_info)
    yield lambda steps: hub.update_info("max_iters", steps)
    hub.runtime_info.clear()
    hub.runtime_info.update(before)


def test_steps_are_counted_with_the_weights():
    warm_up = WarmUp(2)
    assert [warm_up() for _ in range(4)] == [False, False, True, True]
    resumed = WarmUp(6)
    resumed.load_state_dict(warm_up.state_dict())
    assert [resumed() for _ in range(3)] == [False, False, True]


def test_a_share_of_the_training(training_of):
    training_of(8)
    warm_up = WarmUp(0.25)
    assert [warm_up() for _ in range(3)] == [False, False, True]
    training_of(4)
    assert [WarmUp(0.25)() for _ in range(2)] == [False, False]


def test_nothing_to_wait_for(training_of):
    training_of(8)
    assert WarmUp(0)()
    training_of(0)
    assert WarmUp(0.5)()


@pytest.mark.parametrize("length", [-1, 2.5])
def test_a_length_that_is_none(length):
    with pytest.raises(InputError, match=f"warm_up: wanted whole steps, or a share of the training .*got {length}"):
        WarmUp(length)

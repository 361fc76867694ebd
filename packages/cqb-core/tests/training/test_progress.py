import itertools
from types import SimpleNamespace

import pytest

from cqb_core.training import progress
from cqb_core.training.progress import Pace, ProgressHook


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets."""
    now = SimpleNamespace(time=100.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now.time)
    return now


def test_speed_and_time_left_leave_out_validation(clock):
    pace = Pace(processes=2)
    for loss in (3.0, 1.0):
        clock.time += 2
        pace.step(loss, images=4)
    clock.time += 1000
    pace.rest()
    clock.time += 2
    pace.step(2.0, images=4)
    assert pace.note(left=30) == "loss 2.000, 4.0 images/s, 1:00 min left"


def test_old_steps_are_forgotten(clock):
    pace = Pace(processes=1)
    for step in itertools.count():
        clock.time += 1 if step >= 10 else 100
        pace.step(1.0, images=1)
        if step == 9 + progress.WINDOW:
            break
    assert pace.note(left=5) == "loss 1.000, 1.0 images/s, 5.0 s left"


def test_nothing_is_said_before_the_first_step():
    assert Pace(1).note(5) == ""


def test_a_log_gets_a_line_an_epoch(clock, capsys):
    runner = SimpleNamespace(world_size=1, max_iters=4, iter=0, epoch=0, max_epochs=2, val_dataloader=[1, 2, 3])
    hook = ProgressHook()
    hook.before_train(runner)
    for epoch in range(2):
        runner.epoch = epoch
        hook.before_train_epoch(runner)
        for _ in range(2):
            clock.time += 1
            hook.after_train_iter(runner, 0, {"data_samples": [0] * 3}, {"loss": 2.5})
            runner.iter += 1
        hook.after_train_epoch(runner)
    runner.epoch = 2
    hook.before_val(runner)
    hook.after_val_iter(runner, 0)
    hook.after_val_epoch(runner, {"PQ": 12.34, "PQ_things": 1.0, "box_AP": 3.0})
    hook.after_run(runner)
    assert capsys.readouterr().err.splitlines() == [
        "epoch 1 of 2: loss 2.500, 3.0 images/s, 2.0 s left",
        "epoch 2 of 2: loss 2.500, 3.0 images/s, 0.0 s left",
        "epoch 2 of 2: PQ 12.3, PQ_things 1.0",
    ]


def test_closing_twice_is_harmless():
    hook = ProgressHook()
    hook.before_test(SimpleNamespace(test_dataloader=[1]))
    hook.after_test_iter(None, 0)
    hook.close()
    hook.close()

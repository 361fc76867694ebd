import pytest
from mmengine.config import Config

from cqb_core.training import config_names, load_config
from cqb_core.training.schedule import set_epochs


def recipe(**loop):
    return Config(
        {
            "train_cfg": {"max_epochs": 24, "val_interval": 1, **loop},
            "param_scheduler": [
                {"type": "LinearLR", "by_epoch": False, "begin": 0, "end": 500},
                {"type": "MultiStepLR", "by_epoch": True, "begin": 0, "end": 24, "milestones": [18, 23]},
                {"type": "CosineAnnealingLR", "begin": 12, "end": 24, "T_max": 12},
            ],
        }
    )


def test_the_schedule_is_stretched_and_the_warm_up_stays():
    config = recipe()
    set_epochs(config, 48)
    warm_up, steps, cosine = config.param_scheduler
    assert config.train_cfg.max_epochs == 48
    assert (warm_up.begin, warm_up.end) == (0, 500)
    assert (steps.end, steps.milestones) == (48, [36, 46])
    assert (cosine.begin, cosine.end, cosine.T_max) == (24, 48, 24)


def test_nothing_shrinks_to_zero():
    config = recipe()
    set_epochs(config, 1)
    assert config.param_scheduler[1].milestones == [1, 1]
    assert config.param_scheduler[1].begin == 0


@pytest.mark.parametrize(("every", "epochs", "wanted"), [(24, 6, 6), (24, 48, 48), (10, 6, 6), (2, 6, 2)])
def test_validation_comes_at_the_end_at_the_latest(every, epochs, wanted):
    config = recipe(val_interval=every)
    set_epochs(config, epochs)
    assert config.train_cfg.val_interval == wanted


@pytest.mark.parametrize("name", config_names())
def test_a_config_set_to_its_own_length_is_unchanged(name):
    config = load_config(name)
    before = config.to_dict()
    set_epochs(config, config.train_cfg.max_epochs)
    assert config.to_dict() == before


def test_no_epochs():
    with pytest.raises(ValueError, match="epochs: wanted 1 or more, got 0"):
        set_epochs(recipe(), 0)

import logging
import warnings

import pytest
from mmengine.config import Config
from torch import nn

from cqb_core.errors import InputError
from cqb_core.training.runner import running


@pytest.fixture
def config(tmp_path):
    return Config({"model": {"type": "mmengine.model.BaseModule"}, "work_dir": str(tmp_path), "default_scope": "mmdet"})


def test_the_log_goes_to_a_file_and_not_to_the_terminal(config, tmp_path, capsys):
    config.model = {"type": "ResNet", "depth": 18, "base_channels": 4}
    with running(config, "quiet", verbose=False) as runner, warnings.catch_warnings(record=True) as seen:
        runner.logger.warning("to the file")
        warnings.warn("to nobody", stacklevel=1)
    assert capsys.readouterr() == ("", "")
    assert not seen
    assert isinstance(runner.model, nn.Module)
    (log,) = tmp_path.glob("*/*.log")
    assert "to the file" in log.read_text()


def test_verbose_shows_the_log(config, capsys):
    config.model = {"type": "ResNet", "depth": 18, "base_channels": 4}
    with running(config, "verbose", verbose=True) as runner:
        runner.logger.log(logging.INFO, "to the terminal")
    out, err = capsys.readouterr()
    assert "to the terminal" in out + err


def test_hooks_are_closed_and_a_worker_s_fault_is_an_input_error(config):
    config.model = {"type": "ResNet", "depth": 18, "base_channels": 4}
    text = "Caught InputError in worker\ncqb_core.errors.InputError: a.png: size: wanted 1, got 2"
    closed = []
    with pytest.raises(InputError, match="^a.png: size: wanted 1, got 2$"), running(config, "x", False) as runner:
        runner.hooks[0].close = lambda: closed.append(True)
        raise RuntimeError(text)
    assert closed == [True]


def test_other_errors_stay_what_they_are(config):
    config.model = {"type": "ResNet", "depth": 18, "base_channels": 4}
    with pytest.raises(RuntimeError, match="^ours$"), running(config, "y", False):
        raise RuntimeError("ours")

import pytest
import torch.distributed as dist
from mmengine.config import Config

from cqb_core.training.processes import PATIENCE, ProcessLostError, lost_process_in, together

CLOSED = "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:4711"
SLOW = "[../third_party/gloo/gloo/transport/tcp/unbound_buffer.cc:81] Timed out waiting 5000ms for recv operation"


@pytest.mark.parametrize("text", [CLOSED, SLOW, SLOW + "\nmore"])
def test_a_lost_process_is_said_to_be_lost(text):
    lost = lost_process_in(RuntimeError(text))
    assert isinstance(lost, ProcessLostError)
    assert str(lost).startswith("another process of this training has ended or does not answer ([")
    assert str(lost).endswith("start all of them again with --resume")
    assert "more" not in str(lost)


def test_errors_of_the_network_itself_are_meant_too():
    assert lost_process_in(dist.DistNetworkError("The client socket has timed out. Connection reset"))


@pytest.mark.parametrize("text", ["CUDA out of memory", "Timed out reading an image", "gloo: unknown operation"])
def test_other_errors_are_not(text):
    assert lost_process_in(RuntimeError(text)) is None


def test_alone_nothing_happens():
    config = Config({"a": 1})
    with together(config):
        pass
    assert config.to_dict() == {"a": 1}


@pytest.fixture
def launched(monkeypatch):
    """As torchrun would launch the only process; what the group was made with."""
    made = {}
    monkeypatch.setattr(dist, "is_torchelastic_launched", lambda: True)
    monkeypatch.setattr(
        dist, "init_process_group", lambda backend, timeout: made.update(seconds=timeout.total_seconds())
    )
    monkeypatch.setattr(dist, "destroy_process_group", lambda: made.update(ended=True))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    return made


@pytest.mark.parametrize(("settings", "seconds"), [({}, PATIENCE), ({"timeout": 5}, 5)])
def test_the_others_are_waited_for_as_long_as_the_config_says(launched, settings, seconds):
    config = Config({"env_cfg": {"dist_cfg": {"backend": "nccl", **settings}}})
    with pytest.raises(ProcessLostError), together(config):
        raise RuntimeError(CLOSED)
    assert launched == {"seconds": seconds, "ended": True}
    assert config.env_cfg.dist_cfg.timeout == seconds
    assert config.launcher == "pytorch"


def test_errors_of_the_training_stay_what_they_are(launched):
    with pytest.raises(RuntimeError, match="^ours$"), together(Config({})):
        raise RuntimeError("ours")

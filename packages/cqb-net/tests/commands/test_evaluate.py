import torch


def test_a_missing_checkpoint_is_named(refused, scenes, tmp_path):
    path = tmp_path / "run.pth"
    assert refused("evaluate", path, "--data", scenes) == f"{path}: file: wanted a checkpoint, got no such file"


def test_a_checkpoint_of_something_else_is_refused(refused, scenes, tmp_path):
    torch.save({"weight": torch.ones(2)}, tmp_path / "other.pth")
    message = refused("evaluate", tmp_path / "other.pth", "--data", scenes)
    assert message.endswith("other.pth: content: wanted a checkpoint with a state_dict, got 1 entries: weight, ...")


def test_a_checkpoint_that_was_cut_off_is_refused(refused, scenes, tmp_path):
    torch.save({"weight": torch.ones(2000)}, tmp_path / "torn.pth")
    whole = (tmp_path / "torn.pth").read_bytes()
    (tmp_path / "torn.pth").write_bytes(whole[:1000])
    message = refused("evaluate", tmp_path / "torn.pth", "--data", scenes)
    assert message.endswith(
        "content: wanted a whole checkpoint of tensors and plain values, got a file that was cut off"
    )


def test_where_the_scores_go_is_looked_at_first(refused, scenes, tmp_path):
    message = refused("evaluate", tmp_path / "none.pth", "--data", scenes, "--out", tmp_path)
    assert message == f"{tmp_path}: file: wanted a file to write, got a folder"

from mmengine.config import ConfigDict

from cqb_core.models.stages import box_heads, count_classes, training


def test_one_config_becomes_the_papers_three_stages():
    heads = box_heads(ConfigDict(type="Head"), 3)
    stds = [head["bbox_coder"]["target_stds"] for head in heads]
    assert stds == [(0.1, 0.1, 0.2, 0.2), (0.05, 0.05, 0.1, 0.1), (0.033, 0.033, 0.067, 0.067)]
    configs = training(ConfigDict(assigner=dict(type="A"), sampler=dict(num=5)), 3)
    assert [config.assigner.pos_iou_thr for config in configs] == [0.5, 0.6, 0.7]
    assert [config.assigner.neg_iou_thr for config in configs] == [0.5, 0.6, 0.7]
    assert configs[0].sampler.num == 5


def test_a_coder_of_the_users_is_kept_and_lists_are_taken_as_they_are():
    (head,) = box_heads(ConfigDict(bbox_coder=dict(target_stds=[1, 1, 1, 1])), 1)
    assert head["bbox_coder"]["target_stds"] == [1, 1, 1, 1]
    given = [{"a": 1}, {"a": 2}]
    assert box_heads(given, 2) == given
    assert training(given, 2) is given
    assert training(None, 3) is None


def test_every_head_learns_the_number_of_classes():
    heads = [{}, {}]
    count_classes(heads, 5)
    single = ConfigDict()
    count_classes(single, 4)
    assert heads == [{"num_classes": 5}] * 2
    assert single.num_classes == 4

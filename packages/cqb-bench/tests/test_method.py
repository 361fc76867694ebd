from cqb_bench.method import with_auxiliary


def test_an_auxiliary_is_added_to_a_copy():
    config = {"model": {"type": "x", "auxiliaries": [{"type": "A"}]}, "epochs": 3}
    made = with_auxiliary(config, "B", weight=2)
    assert made == {"model": {"type": "x", "auxiliaries": [{"type": "A"}, {"type": "B", "weight": 2}]}, "epochs": 3}
    assert config == {"model": {"type": "x", "auxiliaries": [{"type": "A"}]}, "epochs": 3}
    assert with_auxiliary({"model": {}}, "B") == {"model": {"auxiliaries": [{"type": "B"}]}}

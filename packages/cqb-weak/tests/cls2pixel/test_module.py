import torch

from cqb_weak import Cls2Pixel


def drawn():
    generator = torch.Generator().manual_seed(0)
    feature = torch.rand(2, 6, 8, 10, generator=generator).requires_grad_()
    logits = torch.randn(2, 4, 8, 10, generator=generator).requires_grad_()
    return feature, logits, 255 * torch.rand(2, 3, 16, 20, generator=generator), torch.eye(2, 3).bool()


def test_it_is_the_branch_and_the_loss_and_counts_the_steps_of_training():
    module, (feature, logits, image, tags) = Cls2Pixel(6, 3, dropout=0.0, warm_up=2), drawn()
    valid = torch.ones(2, 16, 20).bool()
    valid[1, 8:] = False
    inside = torch.ones(2, 8, 10).bool()
    inside[1, 4:] = False
    for step in range(4):
        plain = module.loss(
            logits, module.branch(feature, inside), module.branch.maps(feature), image, tags, step, valid=valid
        )
        torch.testing.assert_close(module(feature, logits, image, tags, valid=valid), plain)
        assert (plain["loss_energy"] > 0) == (step >= 2)
    assert module.steps == 4
    module.eval()(feature, logits, image, tags)
    assert module.steps == 4


def test_padding_does_not_reach_the_branch():
    module, (feature, logits, image, tags) = Cls2Pixel(6, 3, dropout=0.0), drawn()
    valid = torch.ones(2, 16, 20).bool()
    valid[:, :, 10:] = False
    module(feature, logits, image, tags, valid=valid)["loss_cls"].backward()
    assert (feature.grad[..., :5] != 0).any()
    assert (feature.grad[..., 5:] == 0).all()


def test_a_resumed_training_goes_on_where_it_was(tmp_path):
    first, second = Cls2Pixel(6, 3), Cls2Pixel(6, 3)
    first(*drawn())
    torch.save(first.state_dict(), tmp_path / "weights.pth")
    second.load_state_dict(torch.load(tmp_path / "weights.pth", weights_only=True))
    assert second.steps == first.steps == 1
    torch.testing.assert_close(dict(second.named_parameters()), dict(first.named_parameters()))

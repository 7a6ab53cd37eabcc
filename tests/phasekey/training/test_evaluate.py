import pytest
import torch

from phasekey.model import ModelError, build_network
from phasekey.training.evaluate import evaluate, plain_logits, to_float


def test_pixels_become_channels_first_floats():
    images = torch.tensor([[[[0, 51, 255]]]], dtype=torch.uint8)
    torch.testing.assert_close(to_float(images), torch.tensor([[[[0.0]], [[0.2]], [[1.0]]]]))


def test_plain_is_the_network_without_angle_and_decoy(few_digits):
    network = build_network("lenet", classes=10, image=few_digits.image_shape).eval()
    images = to_float(torch.from_numpy(few_digits.test.images))
    feature = network.encoder(images)
    x = torch.cat([feature, torch.zeros_like(feature)], dim=1)
    expected = network.decoder(network.processing(x)[:, :84])
    torch.testing.assert_close(plain_logits(network, images), expected)


def test_accuracy_counts_right_answers_and_leaves_everything_as_it_was(few_digits):
    network = build_network("lenet", classes=10, image=few_digits.image_shape).train()
    images = torch.from_numpy(few_digits.test.images)
    network.eval()
    answers = plain_logits(network, to_float(images)).argmax(1)
    network.train()
    wrong = answers.clone()
    wrong[:6] = (wrong[:6] + 1) % 10
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.random.get_rng_state()
    assert evaluate(network, images, answers).plain == 1
    assert evaluate(network, images, wrong).plain == 18 / 24
    assert evaluate(network, images, wrong) == evaluate(network, images, wrong)
    assert network.training
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())


def test_the_hidden_figure_sees_the_decoy(few_digits):
    """A network that answers by the decoy alone is right without it and not with it."""
    network = build_network("lenet", classes=10, image=few_digits.image_shape)
    images = torch.from_numpy(few_digits.test.images)
    answers = plain_logits(network.eval(), to_float(images)).argmax(1)
    accuracy = evaluate(network, images, answers)
    assert accuracy.plain == 1
    assert accuracy.hidden < 1


def test_the_accuracy_of_attributes_is_the_share_of_attributes(few_digits):
    network = build_network("lenet", classes=10, image=few_digits.image_shape).eval()
    images = torch.from_numpy(few_digits.test.images)
    answers = (plain_logits(network, to_float(images)) > 0).long()
    answers[:6, :5] = 1 - answers[:6, :5]
    assert evaluate(network, images, answers).plain == pytest.approx(1 - 6 * 5 / (24 * 10))


@pytest.mark.parametrize("k", [2, 4])
def test_plain_is_the_same_without_decoys_for_any_number_of_components(few_digits, k):
    network = build_network(
        "lenet", classes=10, image=few_digits.image_shape, secret="orthogonal", components=k
    ).eval()
    images = to_float(torch.from_numpy(few_digits.test.images))
    feature = network.encoder(images)
    x = torch.cat([feature, *[torch.zeros_like(feature)] * (k - 1)], dim=1)
    expected = network.decoder(network.processing(x)[:, :84])
    torch.testing.assert_close(plain_logits(network, images), expected)


def test_too_few_images_for_as_many_decoys_are_an_error(few_digits):
    network = build_network(
        "lenet", classes=10, image=few_digits.image_shape, secret="orthogonal", components=40
    )
    with pytest.raises(ModelError, match="39 other samples, so a batch of at least 40; got 24"):
        evaluate(network, torch.from_numpy(few_digits.test.images), torch.zeros(24, dtype=torch.int64))

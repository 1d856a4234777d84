"""Steps, sensitivities, targets, and the search that brings them together."""

from __future__ import annotations

import copy
import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.codec import Job
from bench.codecs.inr.codec import ImplicitCodec
from bench.codecs.inr.encode import code_weights, room_bytes, train_network
from bench.codecs.inr.network.render import as_frames, choose_precision, compute, psnr_db
from bench.codecs.inr.network.representation import Representation, SentTensor
from bench.codecs.inr.network.source import load_frames
from bench.codecs.inr.stream import Stream, write_stream
from bench.codecs.inr.training.recipe import RECIPES
from bench.codecs.inr.training.train import Stage, Training
from bench.codecs.inr.weights.coder import CodedTensors
from bench.codecs.inr.weights.codings import WEIGHT_CODINGS, WeightsName
from bench.codecs.inr.weights.sensitivity import sensitivities
from bench.codecs.inr.weights.step_sizes import StepSizes, by_range, by_sensitivity, unpack
from bench.codecs.inr.weights.target import parse_target
from bench.codecs.nerv import NeRV
from bench.dataset import Clip
from bench.errors import CodecError, StreamError, UsageError
from bench.video.raw import VideoFormat

CPU = torch.device("cpu")
CODEC = NeRV(fc_dim=4, lower_width=8, stem_dim=32, levels=20, epochs=60, recipe="short")


@pytest.fixture(scope="module")
def trained(clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> Representation:
    """A small network after 240 steps."""
    folder = tmp_path_factory.mktemp("trained")
    return train_network(CODEC, clip, Job(0, folder, folder, lambda *_, **__: None))


def quantised(
    network: Representation, clip: Clip, weights: WeightsName, target: str, folder: Path, codec: ImplicitCodec = CODEC
) -> tuple[CodedTensors, dict[str, Any], Representation]:
    """The sections, what the record will know, and the network that a decoder has."""
    job = Job(0, folder, folder / "checkpoints", lambda *_, **__: None)
    network = copy.deepcopy(network)
    aim = parse_target(target)
    room = room_bytes(dataclasses.replace(codec, weights=weights, target=target), clip, aim)
    coded = code_weights(codec, network, clip, WEIGHT_CODINGS[weights], aim, room, job).coded
    return coded, job.notes["quantisation"], network


def mean_psnr_db(network: Representation, clip: Clip) -> float:
    frames = load_frames(clip.rgb, CPU)
    precision = choose_precision(network, frames)
    shown = [as_frames(compute(network, torch.tensor([i]), precision)) for i in range(len(frames))]
    return float(np.mean([psnr_db(picture, frames[i]) for i, picture in enumerate(shown)]))


@pytest.mark.train
@pytest.mark.parametrize("weights", WEIGHT_CODINGS)
def test_a_loss_is_kept_to(weights: WeightsName, trained: Representation, clip: Clip, tmp_path: Path) -> None:
    """And used: most of it, if tuning does not leave some. Measured anew on the network that comes back."""
    coded, found, network = quantised(trained, clip, weights, "-0.5dB", tmp_path)
    loss_db = mean_psnr_db(trained, clip) - mean_psnr_db(network, clip)
    assert loss_db == pytest.approx(found["loss_db"], abs=0.02)
    assert (0.2 if weights == "tuned" else 0.33) < found["loss_db"] <= 0.5
    assert 500 < coded.size_bytes < 40_000


@pytest.mark.train
def test_each_way_is_smaller_than_the_plainer_one(trained: Representation, clip: Clip, tmp_path: Path) -> None:
    """At the same loss: what `results/weight_coding` finds on long-trained networks holds here too."""
    names: tuple[WeightsName, ...] = ("huffman", "paper", "sensitivity", "trellis")
    sizes = [quantised(trained, clip, name, "-0.5dB", tmp_path / name)[0].size_bytes for name in names]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.train
@pytest.mark.parametrize("weights", ["sensitivity", "tuned"])
def test_a_rate_is_kept_to(weights: WeightsName, trained: Representation, clip: Clip, tmp_path: Path) -> None:
    """0.3 bits a pixel of four frames of 320x180 are 8,640 bytes, all of the file's."""
    coded, found, _ = quantised(trained, clip, weights, "0.3bpp", tmp_path)
    write_stream(tmp_path / "a.inr", Stream(CODEC.header(clip.rgb.format, clip.matrix, "float32"), coded))
    assert 0.95 * 8640 < (tmp_path / "a.inr").stat().st_size <= 8640
    assert found["target_met"]


@pytest.mark.train
def test_a_psnr_is_kept_to_or_refused(trained: Representation, clip: Clip, tmp_path: Path) -> None:
    """Refused where float weights do not reach it."""
    float_psnr_db = mean_psnr_db(trained, clip)
    _, _, network = quantised(trained, clip, "sensitivity", f"{float_psnr_db - 0.7:.3f}dB", tmp_path)
    assert mean_psnr_db(network, clip) == pytest.approx(float_psnr_db - 0.7, abs=0.1)
    with pytest.raises(CodecError, match=r"90 dB.* \d+\.\d+ dB"):
        quantised(trained, clip, "sensitivity", "90dB", tmp_path)


@pytest.mark.train
def test_bits_are_the_width_of_a_level(trained: Representation, clip: Clip, tmp_path: Path) -> None:
    """Steps by range at 6 bits: 63 levels, but for the rounding of steps to a sixteenth of an octave."""
    coded, found, _ = quantised(trained, clip, "paper", "6bit", tmp_path)
    steps = unpack(coded.scales, len(list(trained.sent()))).values()
    for tensor, step in zip(trained.sent(), steps, strict=True):
        assert float(tensor.values.abs().max()) / step == pytest.approx(31, rel=0.023)
    assert found["trials"] == 1


@pytest.mark.train
def test_tuning_teaches_the_network_its_steps(clip: Clip) -> None:
    """Pictures and gradients are those of the rounded weights, which the exact ones learn from."""
    torch.manual_seed(0)
    network = CODEC.network(clip.rgb.format)
    frames = load_frames(clip.rgb, CPU)
    steps = {name: torch.tensor(0.01) for name, _ in network.named_parameters()}
    training = Training(copy.deepcopy(network), frames, RECIPES["short"], 1, 0, Stage("tuning", 1), steps)
    rounded = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in rounded.parameters():
            parameter.copy_((parameter / 0.01).round() * 0.01)
    plain = Training(rounded, frames, RECIPES["short"], 1, 0, Stage("tuning", 1))
    before = {name: p.detach().clone() for name, p in training.network.named_parameters()}
    training.step()
    plain.step()
    assert training.history[0].tolist() == plain.history[0].tolist()
    for (name, ours), theirs in zip(training.network.named_parameters(), rounded.parameters(), strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        torch.testing.assert_close(ours.grad, theirs.grad)
        assert 0 < (ours - before[name]).abs().max() < 0.01


def test_sensitivities_are_the_diagonal_of_the_gauss_newton_matrix() -> None:
    """Against the whole Jacobian of a network that is small enough to have one."""
    codec = NeRV(fc_dim=2, lower_width=3, stem_dim=4, levels=4)
    torch.manual_seed(0)
    network = codec.network(VideoFormat(24, 16, 3, Fraction(25), "rgb24"))
    found = [
        torch.stack(several).mean(0) for several in zip(*(sensitivities(network, 3, i) for i in range(20)), strict=True)
    ]
    parameters = {name: p.detach() for name, p in network.named_parameters()}
    exact = {name: torch.zeros_like(p) for name, p in parameters.items()}
    for i in range(3):

        def picture(values: dict[str, torch.Tensor], index: int = i) -> torch.Tensor:
            return torch.func.functional_call(network, values, (torch.tensor([index]),)).flatten()

        for name, jacobian in torch.func.jacrev(picture)(parameters).items():
            exact[name] += jacobian.square().sum(0) / 3
    for tensor, ours in zip(network.sent(), found, strict=True):
        assert float(ours.mean()) == pytest.approx(float(exact[tensor.name].mean()), rel=0.15)


class TestSteps:
    """One for each tensor, on a scale of sixteenths of an octave."""

    tensors = [SentTensor(str(i), "weights", torch.full((10, i + 1), 2.0**-i)) for i in range(5)]

    def test_by_range(self) -> None:
        """Each its tensor's greatest magnitude, which here are exact powers of two."""
        np.testing.assert_array_equal(by_range(self.tensors).values(), [1, 0.5, 0.25, 0.125, 0.0625])

    def test_by_sensitivity(self) -> None:
        """The inverse of its root, within 2.2 %; a dead tensor gets the longest."""
        means = [0.5, 3.0, 1e-3, 0.0, 40.0]
        found = [torch.full_like(tensor.values, mean) for tensor, mean in zip(self.tensors, means, strict=True)]
        steps = by_sensitivity(self.tensors, found)
        for i in (0, 1, 2, 4):
            assert steps.values()[i] == pytest.approx(means[i] ** -0.5, rel=0.022)
        assert steps.exponents[3] == 255

    def test_a_network_of_zeros(self) -> None:
        """Any step does."""
        steps = by_range([SentTensor("w", "weights", torch.zeros(3, 4))])
        assert steps.values().tolist() == [1.0]

    def test_what_a_stream_says_is_what_was_used(self) -> None:
        """Bit for bit, whatever the factor."""
        steps = by_range(self.tensors).times(1 / 127)
        np.testing.assert_array_equal(unpack(steps.pack(), 5).values(), steps.values())

    @pytest.mark.parametrize("base", [0.0, -1.0, float("nan"), float("inf"), 1e30])
    def test_senseless_steps_are_refused(self, base: float) -> None:
        """Zero, negative, not a number, infinite, and nearly."""
        with pytest.raises(StreamError, match="steps"):
            unpack(StepSizes(base, np.array([255], np.uint8)).pack(), 1)

    def test_another_number_of_steps_is_refused(self) -> None:
        """Of another network."""
        with pytest.raises(StreamError, match="9 bytes are not 4 quantisation steps"):
            unpack(by_range(self.tensors).pack(), 4)


@pytest.mark.parametrize("text", ["", "0.1", "dB", "-0dB", "0bpp", "8bits", "1e3Mbps", "-1bpp", "3.5 Mbps"])
def test_what_is_no_target(text: str) -> None:
    """Numbers without unit, units without number, nothing, and less than nothing."""
    with pytest.raises(UsageError, match="is no target"):
        parse_target(text)


def test_rates_in_bytes() -> None:
    """600 frames of 1080p at 120 a second last 5 seconds: 3.5 Mbps are 2,187,500 bytes."""
    video = VideoFormat(1920, 1080, 600, Fraction(120), "rgb24")
    assert parse_target("3.5Mbps").size_bytes(video) == pytest.approx(2_187_500)
    assert parse_target("0.01bpp").size_bytes(video) == pytest.approx(0.01 * 1920 * 1080 * 600 / 8)

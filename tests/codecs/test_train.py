"""Training that stops and goes on, that diverges, and what it tells of itself."""

from __future__ import annotations

import copy
import dataclasses
import math
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.utils.prune import L1Unstructured, global_unstructured, remove

from bench.codec import Job
from bench.codecs.inr.codec import ImplicitCodec
from bench.codecs.inr.network.representation import Representation
from bench.codecs.inr.network.source import SourceFrames, load_frames
from bench.codecs.inr.training import train as training_module
from bench.codecs.inr.training.checkpoint import Checkpoint
from bench.codecs.inr.training.collapse import has_collapsed
from bench.codecs.inr.training.prune import prune
from bench.codecs.inr.training.recipe import RECIPES
from bench.codecs.inr.training.train import Stage, Training, identity, train
from bench.codecs.nerv import NeRV
from bench.codecs.res_nerv import ResNeRV
from bench.dataset import Clip
from bench.errors import CellInterruptedError, CodecError
from bench.runs.process import stop_requests

pytestmark = pytest.mark.train
CODECS = [
    NeRV(fc_dim=2, lower_width=8, stem_dim=16, levels=8, epochs=12, recipe="short"),
    ResNeRV(fc_dim=2, lower_width=8, stem_dim=16, levels=8, epochs=12, recipe="short", norm="bn"),
]
FINE_TUNING = Stage("fine_tuning")
CPU = torch.device("cpu")


def make_job(folder: Path, progress: Callable[..., None] = lambda *_: None, seed: int = 0) -> Job:
    """One that keeps its checkpoint in ``folder``."""
    return Job(seed, folder, folder / "checkpoints", progress, stop_requests)


def fresh(codec: ImplicitCodec, clip: Clip) -> Callable[[], Representation]:
    """Makes the same untrained network at every call."""

    def make() -> Representation:
        torch.manual_seed(0)
        return codec.network(clip.rgb.format)

    return make


def weights(network: Representation) -> dict[str, torch.Tensor]:
    """With the buffers that batch normalisation keeps."""
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def stop_at(step: int) -> Callable[..., None]:
    """Progress that asks the process to stop when it hears of ``step``."""

    def progress(stage: str, done: int = 0, *_: Any) -> None:
        if done == step:
            os.kill(os.getpid(), signal.SIGTERM)

    return progress


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_interrupted_training_ends_with_the_same_weights(codec: ImplicitCodec, clip: Clip, tmp_path: Path) -> None:
    """Stopped twice, once in the middle of an epoch; bit for bit, curve and all but its seconds."""
    recipe = RECIPES[codec.recipe]
    straight = make_job(tmp_path / "straight")
    expected = weights(train(fresh(codec, clip), clip.rgb, recipe, codec.epochs, straight))

    for step in (20, 40):
        with pytest.raises(CellInterruptedError, match=rf"step {step} of 48\b"):
            train(fresh(codec, clip), clip.rgb, recipe, codec.epochs, make_job(tmp_path, stop_at(step)))
    resumed = make_job(tmp_path)
    found = weights(train(fresh(codec, clip), clip.rgb, recipe, codec.epochs, resumed))

    assert resumed.resumed_at_steps == {"training": [20, 40]}
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert straight.curve is not None
    assert resumed.curve is not None
    assert dataclasses.replace(resumed.curve, seconds=[]) == dataclasses.replace(straight.curve, seconds=[])
    assert resumed.curve.seconds == sorted(resumed.curve.seconds)
    assert resumed.watch.seconds["training"] >= resumed.curve.seconds[-1]


def test_request_to_stop_at_the_last_step_is_heard(clip: Clip, tmp_path: Path) -> None:
    """What follows training hears of none: it would work on though nobody waits for it any more."""
    with pytest.raises(CellInterruptedError, match=r"step 48 of 48\b"):
        train(fresh(CODECS[0], clip), clip.rgb, RECIPES["short"], 12, make_job(tmp_path, stop_at(48)))
    job = make_job(tmp_path)
    train(fresh(CODECS[0], clip), clip.rgb, RECIPES["short"], 12, job)
    assert job.resumed_at_steps == {"training": [48]}


def test_checkpoints_come_while_training_runs(clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a kill, which nothing can catch, loses no more than the steps since."""
    monkeypatch.setattr(training_module, "CHECKPOINT_SECONDS", 0.0)
    steps: list[int] = []

    def progress(_: str, step: int, *__: Any) -> None:
        saved = Checkpoint(tmp_path / "checkpoints" / "training", configuration).load()
        steps.append(0 if saved is None else step - len(saved["history"]))

    recipe, shape = RECIPES["short"], load_frames(clip.rgb, CPU).shape
    configuration = identity(fresh(CODECS[0], clip)(), shape, recipe, 12, 0, Stage("training"))

    train(fresh(CODECS[0], clip), clip.rgb, recipe, 12, make_job(tmp_path, progress))
    assert steps == [1, 1, 1]


def stopped_checkpoint(
    clip: Clip, folder: Path, epochs: int = 12, seed: int = 0, codec: ImplicitCodec = CODECS[0]
) -> Path:
    """Of a training that was stopped at step 20."""
    with pytest.raises(CellInterruptedError):
        train(fresh(codec, clip), clip.rgb, RECIPES["short"], epochs, make_job(folder, stop_at(20), seed))
    return folder / "checkpoints" / "training"


def cut(held: bytes) -> bytes:
    """Without its end."""
    return held[:-100]


def flipped(held: bytes) -> bytes:
    """With one bit of a weight wrong."""
    middle = len(held) // 2
    return held[:middle] + bytes([held[middle] ^ 1]) + held[middle + 1 :]


def newer(held: bytes) -> bytes:
    """Of the next format."""
    return held.replace(b"checkpoint 1\n", b"checkpoint 2\n", 1)


def older(held: bytes) -> bytes:
    """Only the archive, as it was before checkpoints said of which training they are."""
    return held.split(b"\n", 3)[3]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda held: b"", "is empty"),
        (lambda held: b"something else", "no checkpoint, or one of another format"),
        (cut, "damaged or cut off"),
        (flipped, "damaged or cut off"),
        (lambda held: held[:40], "damaged or cut off"),
        (newer, "another format"),
        (older, "another format"),
    ],
)
def test_unusable_checkpoint_is_set_aside(
    damage: Callable[[bytes], bytes], said: str, clip: Clip, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Training begins anew, the log and the notes say why, and the file stays for whoever wants to look."""
    path = stopped_checkpoint(clip, tmp_path)
    path.write_bytes(held := damage(path.read_bytes()))
    job = make_job(tmp_path)
    train(fresh(CODECS[0], clip), clip.rgb, RECIPES["short"], 12, job)
    assert job.resumed_at_steps == {}
    assert said in job.notes["checkpoints_set_aside"][0]
    assert said in capfd.readouterr().err
    assert (path.parent / "set_aside" / "training").read_bytes() == held


@pytest.mark.parametrize("other", [{"epochs": 13}, {"seed": 1}, {"codec": CODECS[1]}])
def test_checkpoint_of_another_training_is_set_aside(other: dict[str, Any], clip: Clip, tmp_path: Path) -> None:
    """Though its arrays may fit: the weights are those of a training without a checkpoint."""
    stopped_checkpoint(clip, tmp_path, **other)
    job = make_job(tmp_path)
    found = weights(train(fresh(CODECS[0], clip), clip.rgb, RECIPES["short"], 12, job))
    assert job.resumed_at_steps == {}
    assert "is of training in" in job.notes["checkpoints_set_aside"][0]
    straight = weights(train(fresh(CODECS[0], clip), clip.rgb, RECIPES["short"], 12, make_job(tmp_path / "straight")))
    assert all(torch.equal(found[name], straight[name]) for name in straight)


def test_checkpoint_that_cannot_be_read_is_set_aside(clip: Clip, tmp_path: Path) -> None:
    """Such as a folder in its place."""
    (tmp_path / "checkpoints" / "training").mkdir(parents=True)
    job = make_job(tmp_path)
    train(fresh(CODECS[0], clip), clip.rgb, RECIPES["short"], 12, job)
    assert "cannot be read" in job.notes["checkpoints_set_aside"][0]


def test_every_epoch_visits_every_frame_in_its_own_order(clip: Clip) -> None:
    """And another seed gives another order."""
    frames = torch.zeros(50, 1, 1, 3, dtype=torch.uint8)
    network = CODECS[0].network(dataclasses.replace(clip.rgb.format, frames=50))
    orders = [Training(network, frames, RECIPES["short"], 2, seed).order(epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert all(order.sort().values.tolist() == list(range(50)) for order in orders)
    assert len({tuple(order.tolist()) for order in orders}) == 4


def test_curve_tells_how_training_went(clip: Clip, tmp_path: Path) -> None:
    """Epoch by epoch, with the recipe's own learning rate, and better at the end."""
    job = make_job(tmp_path)
    train(fresh(CODECS[0], clip), clip.rgb, RECIPES["short"], 12, job)
    curve = job.curve
    assert curve is not None
    assert curve.steps == list(range(4, 49, 4))
    assert curve.psnr_db[-1] > curve.psnr_db[0] + 2
    assert curve.loss[-1] < curve.loss[0]
    assert max(curve.learning_rate) <= 5e-3
    assert curve.learning_rate[-1] < 1e-4
    assert [stage["steps"] for stage in job.notes["trainings"]] == [48]


def test_long_curves_are_thinned(clip: Clip) -> None:
    """To evenly spaced epochs, the last one among them; each value is of its own epoch."""
    training = Training(CODECS[0].network(clip.rgb.format), load_frames(clip.rgb, CPU), RECIPES["nerv"], 250, 0)
    training.step_number = training.steps
    training.history[:, 0] = torch.arange(training.steps) // training.epoch_steps
    curve = training.curve()
    assert len(curve.steps) == 100
    assert curve.steps[-1] == 1000
    assert curve.loss == [step // 4 - 1 for step in curve.steps]


class TestDivergence:
    """What is not worth going on with is noticed, tried once more, and then given up."""

    def test_nan(self, clip: Clip, tmp_path: Path) -> None:
        """A learning rate beyond reason, whose quarter is too."""
        recipe = dataclasses.replace(RECIPES["short"], learning_rate=math.inf)
        with pytest.raises(CodecError, match=r"twice.* nan at step 20 of 48.* 0\.25 .* nan at step 20"):
            train(fresh(CODECS[0], clip), clip.rgb, recipe, 12, make_job(tmp_path))

    def test_second_attempt_is_noted(self, clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """One that diverges at the full rate only; the record says what was changed."""
        step = Training.step

        def fragile(training: Training) -> None:
            step(training)
            if training.recipe.learning_rate == RECIPES["short"].learning_rate:
                training.history[training.step_number - 1, 0] = torch.nan

        monkeypatch.setattr(Training, "step", fragile)
        with pytest.raises(CellInterruptedError):  # the checkpoint of a second attempt knows that it is one
            train(fresh(CODECS[0], clip), clip.rgb, RECIPES["short"], 12, make_job(tmp_path, stop_at(40)))
        job = make_job(tmp_path)
        train(fresh(CODECS[0], clip), clip.rgb, RECIPES["short"], 12, job)
        assert re.search(r"nan at step 20 of 48.* 0\.25 ", job.notes["trainings"][0]["retried"])
        assert job.resumed_at_steps == {"training": [40]}
        assert job.curve is not None
        assert max(job.curve.learning_rate) <= 0.25 * 5e-3

    def test_one_picture_for_all_frames(self, clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A network that no longer hears its frame index."""

        def deaf() -> Representation:
            network = fresh(CODECS[0], clip)()
            for parameter in network.stem.parameters():  # type: ignore[union-attr]
                parameter.requires_grad_(False).zero_()
            return network

        monkeypatch.setattr(training_module, "MATURE_STEPS", 10)
        with pytest.raises(CodecError, match=r"step 24 of 48.* same picture"):
            train(deaf, clip.rgb, RECIPES["short"], 12, make_job(tmp_path))

    def test_no_false_alarm(self, clip: Clip) -> None:
        """Not on a still video, which one picture fits."""
        network = CODECS[0].network(clip.rgb.format)
        for parameter in network.parameters():
            parameter.data.zero_()
        frames = load_frames(clip.rgb, CPU)
        assert has_collapsed(network, SourceFrames(frames))
        assert not has_collapsed(network, SourceFrames(frames[:1].expand(4, -1, -1, -1)))


def test_fine_tuning_keeps_pruned_weights_at_zero(clip: Clip, tmp_path: Path) -> None:
    """Interrupted or not, and while the others learn; its curve follows that of training."""
    job = make_job(tmp_path)
    network = train(fresh(CODECS[0], clip), clip.rgb, RECIPES["short"], 12, job)
    prune(network, 0.6)
    zeros = {name: p == 0 for name, p in network.named_parameters()}
    before = weights(network)

    with pytest.raises(CellInterruptedError):
        train(
            lambda: copy.deepcopy(network),
            clip.rgb,
            RECIPES["short"],
            8,
            make_job(tmp_path, stop_at(20)),
            FINE_TUNING,
        )
    tuned = train(lambda: copy.deepcopy(network), clip.rgb, RECIPES["short"], 8, job, FINE_TUNING)
    assert job.resumed_at_steps == {"fine_tuning": [20]}
    for name, parameter in tuned.named_parameters():
        assert (parameter[zeros[name]] == 0).all()
        assert not torch.equal(parameter, before[name])
    assert job.curve is not None
    assert job.curve.steps == list(range(4, 81, 4))
    assert job.curve.psnr_db[-1] > job.curve.psnr_db[12]


def test_pruning_takes_the_smallest_weights_of_the_whole_network(clip: Clip) -> None:
    """As `torch.nn.utils.prune.global_unstructured` does, and none of head and biases."""
    network = fresh(CODECS[0], clip)()
    theirs = fresh(CODECS[0], clip)()
    layers = [
        module
        for name, module in theirs.named_modules()
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear) and name != "head"
    ]
    global_unstructured([(layer, "weight") for layer in layers], L1Unstructured, amount=0.6)
    for layer in layers:
        remove(layer, "weight")
    prune(network, 0.6)
    expected = dict(theirs.named_parameters())
    assert all(torch.equal(parameter, expected[name]) for name, parameter in network.named_parameters())
    assert (network.head.weight != 0).all()  # type: ignore[union-attr]

"""Training a network on its video. This is the main part of encoding by every implicit codec."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from bench.codec import Job, TrainingCurve
from bench.errors import CellInterruptedError, CodecError, StoreError
from bench.files import set_aside
from bench.measure.psnr import CAP_DB
from bench.video.raw import RawVideo

from ..network.device import has_fast_bfloat16, keep_freed_memory
from ..network.representation import Representation
from ..network.source import SourceFrames, load_frames
from .checkpoint import Arrays, Checkpoint
from .collapse import has_collapsed
from .recipe import Recipe

REPORT_EVERY = 20
"""The number of steps between two reports of the loss. Each report must wait for the GPU."""
CHECKPOINT_SECONDS = 30.0
"""The time between two checkpoints."""
MATURE_STEPS = 500
"""Every network learns the mean frame first. If it still gives only that after so many steps, training has failed."""
CURVE_POINTS = 100
"""The most points of a training curve."""
RETRY_RATE = 0.25
"""The factor of the learning rate with which a training that diverged is tried once more."""

StepSizesByName = Mapping[str, Tensor]


@dataclass(frozen=True)
class Stage:
    """One of the trainings that an encoding consists of. If there are several with one name, ``round`` counts them
    from 1."""

    name: Literal["training", "fine_tuning", "tuning"]
    round: int | None = None

    def __str__(self) -> str:
        return self.name if self.round is None else f"{self.name}_{self.round}"


FIRST_STAGE = Stage("training")


class Training:
    """A training in progress, which fits ``network``, in place and on its device, to ``frames``.

    ``frames`` are 8-bit, (N, H, W, 3), on the same device. Each epoch visits every training sample of the network
    once, in an order that ``seed`` and the epoch's number decide. A step depends on nothing but `state`.

    In every stage but the first, weights that are zero stay zero.

    ``step_sizes`` are those of the quantiser for some parameters by name, each in a shape that broadcasts to its
    parameter's. With them, pictures are computed from weights rounded to multiples of their step sizes, and the
    gradients are applied to the weights before rounding (the straight-through estimator, Bengio et al., 2013).
    """

    def __init__(
        self,
        network: Representation,
        frames: Tensor,
        recipe: Recipe,
        epochs: int,
        seed: int,
        stage: Stage = FIRST_STAGE,
        step_sizes: StepSizesByName | None = None,
    ) -> None:
        keep_freed_memory()
        network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network = network
        self.source = SourceFrames(frames)
        self.device = frames.device
        self.recipe = recipe
        self.seed = seed
        self.stage = stage
        self.nonzero = [(p, p != 0) for p in network.parameters() if p.ndim > 1] if stage != FIRST_STAGE else []
        sizes = step_sizes or {}
        self.rounded = [(p, sizes[name].to(self.device)) for name, p in network.named_parameters() if name in sizes]
        self.dtype = torch.bfloat16 if has_fast_bfloat16(self.device) else torch.float32
        self.epoch_steps = math.ceil(network.training_samples / recipe.batch_size)
        self.steps = epochs * self.epoch_steps
        self.step_number = 0
        self.ordered_epoch, self.ordered = -1, torch.empty(0)
        self.began = time.perf_counter()
        self.epoch_seconds = np.zeros(epochs)
        """The seconds from the start of training to the end of each epoch."""
        self.history = torch.zeros(self.steps, 2, device=self.device)
        """The loss and the PSNR in dB of each step, (steps, 2)."""
        self.optimiser = torch.optim.Adam(network.parameters(), recipe.learning_rate, recipe.betas, fused=True)
        # Adam's first step would make this state, but `restore` must be able to write to it before.
        for parameter in network.parameters():
            self.optimiser.state[parameter] = {
                "step": torch.zeros((), device=parameter.device),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }

    def step(self) -> None:
        """Train on one batch. Nothing in here waits for a GPU."""
        epoch, position = divmod(self.step_number, self.epoch_steps)
        first = position * self.recipe.batch_size
        samples = self.order(epoch)[first : first + self.recipe.batch_size]
        targets = self.network.targets(samples, self.source)
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate(self.step_number)
        self.optimiser.zero_grad()
        with rounded(self.rounded):
            with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
                reconstruction = self.network.reconstruct(samples, self.source)
            loss, error = self.network.loss(reconstruction, targets, self.recipe.loss_weights)
            loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        for parameter, nonzero in self.nonzero:
            parameter.data.mul_(nonzero)
        self.history[self.step_number, 0] = loss.detach()
        self.history[self.step_number, 1] = (-10 * error.log10()).clamp(max=CAP_DB).mean()
        self.step_number += 1
        if position + 1 == self.epoch_steps:
            self.epoch_seconds[epoch] = self.elapsed_seconds

    def order(self, epoch: int) -> Tensor:
        """The training samples in the order in which this epoch visits them, int64 of shape (training samples,)."""
        if self.ordered_epoch != epoch:
            shuffled = np.random.default_rng((self.seed, epoch)).permutation(self.network.training_samples)
            self.ordered_epoch, self.ordered = epoch, torch.from_numpy(shuffled).to(self.device)
        return self.ordered

    def learning_rate(self, step: int) -> float:
        """The learning rate of a step; steps count from 0."""
        return self.recipe.learning_rate * self.recipe.rate_factor(step / self.steps)

    @property
    def elapsed_seconds(self) -> float:
        """The wall-clock seconds since training began, without the time between an interruption and the resumption."""
        return time.perf_counter() - self.began

    def recent(self) -> tuple[float, float]:
        """The mean loss, and the mean PSNR in dB, of the last `REPORT_EVERY` steps."""
        loss, psnr_db = self.history[max(0, self.step_number - REPORT_EVERY) : self.step_number].mean(0).tolist()
        return loss, psnr_db

    def curve(self) -> TrainingCurve:
        """The mean loss and PSNR of the epochs so far: of all, or of `CURVE_POINTS` evenly spaced ones if they are
        more."""
        epochs = self.step_number // self.epoch_steps
        means = self.history[: epochs * self.epoch_steps].reshape(epochs, -1, 2).mean(1).cpu().double().numpy()
        chosen = np.unique(np.linspace(0, epochs - 1, min(epochs, CURVE_POINTS)).round().astype(int))
        ends = [int(epoch + 1) * self.epoch_steps for epoch in chosen]
        return TrainingCurve(
            steps=ends,
            seconds=[round(float(seconds), 3) for seconds in self.epoch_seconds[chosen]],
            loss=[round(float(loss), 6) for loss in means[chosen, 0]],
            psnr_db=[round(float(psnr_db), 4) for psnr_db in means[chosen, 1]],
            learning_rate=[self.learning_rate(end - 1) for end in ends],
        )

    def tensors(self) -> dict[str, Tensor]:
        """The tensors of the network and of the optimiser by name, which may be read and written in place."""
        tensors: dict[str, Tensor] = dict(self.network.state_dict())
        for name, parameter in self.network.named_parameters():
            tensors |= {f"adam.{name}.{key}": value for key, value in self.optimiser.state[parameter].items()}
        return tensors

    def state(self) -> Arrays:
        """All that the next steps depend on, and what the curve needs of the past steps."""
        arrays = {name: tensor.detach().cpu().numpy() for name, tensor in self.tensors().items()}
        arrays["history"] = self.history[: self.step_number].cpu().numpy()
        arrays["epoch_seconds"] = self.epoch_seconds
        arrays["elapsed_seconds"] = np.array(self.elapsed_seconds)
        return arrays

    def restore(self, state: Arrays) -> None:
        """Continue from a `state` of the same training."""
        with torch.no_grad():
            for name, tensor in self.tensors().items():
                tensor.copy_(torch.from_numpy(state[name]))
        self.step_number = len(state["history"])
        self.history[: self.step_number] = torch.from_numpy(state["history"])
        self.epoch_seconds[:] = state["epoch_seconds"]
        self.began = time.perf_counter() - float(state["elapsed_seconds"])


def train(
    make_network: Callable[[], Representation],
    video: RawVideo,
    recipe: Recipe,
    epochs: int,
    job: Job,
    stage: Stage = FIRST_STAGE,
    step_sizes: StepSizesByName | None = None,
) -> Representation:
    """Train the network that ``make_network`` returns, on its device, on an rgb24 video, and return it.

    If the stage has a checkpoint, training continues from it. One that cannot be used is set aside. `Training` explains
    ``stage`` and ``step_sizes``. The curve and notes are left in ``job``. A training that diverges is tried once more
    with a lower learning rate; the notes say so.

    Raises `CodecError` if the second attempt diverges too. Raises `CellInterruptedError` if the process is asked to
    stop, after it has written a checkpoint.
    """
    network = make_network()
    frames = load_frames(video, next(network.parameters()).device)
    configuration = identity(network, frames.shape, recipe, epochs, job.seed, stage)
    checkpoint = Checkpoint(job.checkpoints / str(stage), configuration)
    saved = saved_state(checkpoint, job)
    reason = str(saved["diverged"]) if saved else ""
    slowed = dataclasses.replace(recipe, learning_rate=RETRY_RATE * recipe.learning_rate)
    with job.watch.part(stage.name), job.stop_requests() as stopping:
        training = Training(network, frames, slowed if reason else recipe, epochs, job.seed, stage, step_sizes)
        if saved:
            training.restore(saved)
            job.watch.seconds[stage.name] = job.watch.seconds.get(stage.name, 0.0) + training.elapsed_seconds
            job.resumed_at_steps[str(stage)] = [*saved["resumed_at_steps"].tolist(), training.step_number]
        while divergence := fit(training, job, stopping, reason, checkpoint):
            if reason:
                raise CodecError(
                    f"Training diverged twice: {reason}; with {RETRY_RATE:g} times the learning rate, {divergence}. "
                    "Choose another recipe or another seed."
                )
            reason, began = divergence, training.began
            training = Training(make_network(), frames, slowed, epochs, job.seed, stage, step_sizes)
            training.began = began
    facts = {"stage": str(stage), "steps": training.steps, "dtype": str(training.dtype).removeprefix("torch.")}
    if reason:
        facts["retried"] = f"{reason}; trained again with {RETRY_RATE:g} times the learning rate"
    job.notes.setdefault("trainings", []).append(facts)
    job.curve = training.curve() if job.curve is None else job.curve.followed_by(training.curve())
    return training.network


def identity(
    network: Representation, shape: Sequence[int], recipe: Recipe, epochs: int, seed: int, stage: Stage
) -> str:
    """A line of text that tells a training from all others by everything that is set: the network before it, the
    ``shape`` of the frames, and the rest of what `Training` is given, but for step sizes, which are computed."""
    tensors = {name: (tuple(tensor.shape), str(tensor.dtype)) for name, tensor in network.state_dict().items()}
    digest = hashlib.sha256(repr((str(network), tensors, tuple(shape), recipe)).encode()).hexdigest()
    return f"{stage} in {epochs} epochs with seed {seed}, configuration {digest[:16]}"


def saved_state(checkpoint: Checkpoint, job: Job) -> Arrays | None:
    """What the checkpoint holds; None if there is none. One that cannot be used is moved away, which the log and the
    notes say. Raises `StoreError` if it cannot be moved."""
    try:
        return checkpoint.load()
    except StoreError as error:
        moved = set_aside(checkpoint.path, checkpoint.path.parent / "set_aside")
        print(f"{error} It is kept as {moved}, and training begins anew.", file=sys.stderr)
        job.notes.setdefault("checkpoints_set_aside", []).append(f"{error} Training began anew.")
        return None


def fit(training: Training, job: Job, stopping: threading.Event, reason: str, checkpoint: Checkpoint) -> str:
    """Train to the last step. Returns how training diverged; an empty string if it did not.

    ``reason`` says how an earlier attempt diverged. The checkpoint keeps it, so that a later run does not repeat that
    attempt. Raises `CellInterruptedError` if ``stopping`` is set.
    """
    resumed = np.array(job.resumed_at_steps.get(str(training.stage), []), np.int64)
    saved_at = time.monotonic()
    while training.step_number < training.steps:
        training.step()
        step, last = training.step_number, training.step_number == training.steps
        if step % REPORT_EVERY == 0 or last:
            loss, psnr_db = training.recent()
            if not math.isfinite(loss):
                return f"the loss was {loss} at step {step} of {training.steps}"
            job.progress(str(training.stage), step, training.steps, psnr_db)
        matured = step >= MATURE_STEPS and step in (training.steps // 2, training.steps)
        if matured and has_collapsed(training.network, training.source):
            return f"at step {step} of {training.steps} the network gave nearly the same picture for every frame"
        if last or stopping.is_set() or time.monotonic() - saved_at > CHECKPOINT_SECONDS:
            facts = {"diverged": np.array(reason), "resumed_at_steps": resumed}
            checkpoint.save(training.state() | facts)
            saved_at = time.monotonic()
        if stopping.is_set():  # at the last step too: what comes after it may take long, and would not know
            raise CellInterruptedError(f"Training was stopped at step {step} of {training.steps}. Run again to go on.")
    return ""


@contextmanager
def rounded(parameters: Sequence[tuple[torch.nn.Parameter, Tensor]]) -> Iterator[None]:
    """A context in which each parameter is rounded to a multiple of the step size that stands beside it."""
    exact = [parameter.detach().clone() for parameter, _ in parameters]
    for parameter, step_size in parameters:
        parameter.data.div_(step_size).round_().mul_(step_size)
    yield
    for (parameter, _), values in zip(parameters, exact, strict=True):
        parameter.data.copy_(values)

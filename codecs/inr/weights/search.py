"""How coarsely a network may be quantised: a search on the PSNR of the frames that a decoder will write."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor

from bench.codec import Job
from bench.errors import CodecError

from ..network.render import as_frames, choose_precision, compute, prepare, psnr_db
from ..network.representation import Representation
from . import cabac, minmax
from .cabac import Quantisation
from .coder import CodedTensors
from .codings import DECODERS, WeightCoding
from .sensitivity import sensitivities
from .step_sizes import StepSizes, by_range, by_sensitivity
from .target import Target

FRAMES_LOOKED_AT = 64
PRECISION = 0.01
"""Of the factor of the steps, relative: 0.014 bits a weight."""
PART = "quantisation_and_entropy_coding"
LEAST_LOSS_DB = 1e-4
TUNING_ROUNDS = 3
TUNING_GAIN = 2.5
"""How much longer the steps may be with tuning, to begin with."""

Tune = Callable[[Representation, StepSizes, int], Representation]
"""Trains a network on, its weights being rounded to these steps; the number is of the round, from 1."""


@dataclass(frozen=True)
class Trial:
    """A network quantised in one way. ``loss_db`` is of PSNR, against float weights before tuning."""

    step_scale: float
    slope: float
    tuning_rounds: int
    loss_db: float
    coded: CodedTensors

    @property
    def size_bytes(self) -> int:
        return self.coded.size_bytes


@dataclass(frozen=True)
class Goal:
    """``loss_db`` or ``size_bytes`` that must not be exceeded; the other is to be as small as can be."""

    loss_db: float = math.inf
    size_bytes: float = math.inf

    def excess(self, trial: Trial) -> float:
        """Above 0 if the goal is missed; about as straight a line over the logarithm of step_scale
        as there is."""
        if self.loss_db < math.inf:
            return math.log2(max(trial.loss_db, LEAST_LOSS_DB) / self.loss_db)
        return math.log2(trial.size_bytes / self.size_bytes) if self.size_bytes < math.inf else -math.inf

    def best(self, trials: list[Trial]) -> Trial:
        """The best trial that meets the goal, or else the one that misses it least."""
        met = [trial for trial in trials if self.excess(trial) <= 0]
        if not met:
            return min(trials, key=self.excess)
        return min(met, key=lambda trial: trial.size_bytes if self.loss_db < math.inf else trial.loss_db)


def compress(
    network: Representation,
    frames: Tensor,
    coding: WeightCoding,
    target: Target,
    size_bytes: float,
    job: Job,
    tune: Tune,
) -> CodedTensors:
    """Quantise and code ``network``, which has been folded and is left with the values of the result.

    ``frames`` are the source's, 8-bit (N, H, W, 3); ``size_bytes`` is what the sections may take if the
    target is a rate. Leaves what was found in the notes of ``job``. Raises `CodecError` if the target is a
    PSNR that float weights do not reach.
    """
    with job.watch.part(PART):
        search = Search(network, frames, coding, job)
    goal = goal_of(target, size_bytes, search.float_psnr_db)
    if target.kind == "bits":
        search.trial(coding.step_scale(target.value), coding.slopes[0])
    else:
        for slope in coding.slopes:
            search.solve(goal, slope)
        if coding.tuned:
            search.tune(goal, tune)
    found = goal.best(search.trials)
    search.load(found.coded)
    job.notes["quantisation"] = {
        "step_scale": found.step_scale,
        "slope": found.slope,
        "tuning_rounds": found.tuning_rounds,
        "loss_db": found.loss_db,
        "float_psnr_db": search.float_psnr_db,
        "target_met": goal.excess(found) <= 0,
        "trials": len(search.trials),
        "frames": len(search.index),
    }
    return found.coded


def goal_of(target: Target, size_bytes: float, float_psnr_db: float) -> Goal:
    """What a target means for a network of this quality; nothing is too much for one in bits."""
    loss_db = target.value if target.kind == "loss_db" else float_psnr_db - target.value
    if loss_db <= 0 and target.kind == "psnr_db":
        raise CodecError(
            f"The target is {target.value:g} dB, but with float weights the network reaches "
            f"{float_psnr_db:.2f} dB. Choose a larger network, more epochs or a lower target."
        )
    return Goal(loss_db=loss_db) if target.kind in ("loss_db", "psnr_db") else Goal(size_bytes=size_bytes)


class Search:
    """Trials of one network, and what they have in common."""

    def __init__(self, network: Representation, frames: Tensor, coding: WeightCoding, job: Job) -> None:
        prepare(network)
        self.network = network
        self.frames = frames
        self.coding = coding
        self.job = job
        self.tensors = [dataclasses.replace(tensor, values=tensor.values.clone()) for tensor in network.tensors()]
        looked_at = np.linspace(0, len(frames) - 1, min(len(frames), FRAMES_LOOKED_AT))
        self.index = torch.from_numpy(looked_at.round().astype(np.int64))
        self.precision = choose_precision(network, frames)
        self.float_psnr_db = self.psnr_db()
        if coding.steps == "range":
            self.steps = by_range(self.tensors)
        else:
            self.steps = by_sensitivity(self.tensors, sensitivities(network, len(frames), job.seed))
        self.trials: list[Trial] = []
        self.rounds = 0

    def psnr_db(self) -> float:
        """The mean over the frames looked at, of the network as it stands."""
        prepare(self.network)
        device = next(self.network.parameters()).device
        pictures = (compute(self.network, i.to(device), self.precision) for i in torch.split(self.index, 1))
        pairs = zip(pictures, self.index, strict=True)
        return float(np.mean([psnr_db(as_frames(picture), self.frames[i].to(device)) for picture, i in pairs]))

    def encode(self, step_scale: float, slope: float) -> CodedTensors:
        """The tensors, with all steps multiplied by ``step_scale``."""
        if self.coding.coder == "huffman":
            return minmax.encode(self.tensors, round(1 / step_scale))
        return cabac.encode(self.tensors, Quantisation(self.steps.times(step_scale), self.coding.quantiser, slope))

    def trial(self, step_scale: float, slope: float) -> Trial:
        """Quantise, code, decode, and look at the frames."""
        with self.job.watch.part(PART):
            coded = self.encode(step_scale, slope)
            self.load(coded)
            psnr_db = self.psnr_db()
        self.trials.append(Trial(step_scale, slope, self.rounds, self.float_psnr_db - psnr_db, coded))
        self.job.progress("quantisation", psnr_db=psnr_db)
        return self.trials[-1]

    def load(self, coded: CodedTensors) -> None:
        """Give the network the values that a decoder sees."""
        expected = [(tensor.kind, tuple(tensor.values.shape)) for tensor in self.tensors]
        self.network.fill(DECODERS[self.coding.coder].decode(coded, expected))

    def solve(self, goal: Goal, slope: float) -> None:
        """Try factors of the steps until one that just meets the goal has been among them."""
        sign = 1 if goal.loss_db < math.inf else -1
        seen: dict[float, float] = {}

        def excess(octaves: float) -> float:
            if octaves not in seen:
                seen[octaves] = sign * goal.excess(self.trial(2.0**octaves, slope))
            return seen[octaves]

        low = high = math.log2(goal.best(self.trials).step_scale if self.trials else self.first_guess())
        while excess(low) > 0 and high - low < 12:
            low -= 0.5
        while excess(high) <= 0 and high - low < 12:
            high += 0.5
        if excess(low) <= 0 < excess(high):
            brentq(excess, low, high, xtol=math.log2(1 + PRECISION), disp=False)

    def first_guess(self) -> float:
        """A factor that leaves weights some six bits."""
        by_bits = by_range(self.tensors).base / self.steps.base / (2**5 - 1)
        return by_bits if self.coding.coder != "huffman" else 2.0**-6

    def tune(self, goal: Goal, tune: Tune) -> None:
        """Let the network learn to live with longer steps, as long as the goal allows."""
        step_scale = goal.best(self.trials).step_scale * (TUNING_GAIN if goal.loss_db < math.inf else 1)
        for self.rounds in range(1, TUNING_ROUNDS + 1):
            self.network.fill(tensor.values for tensor in self.tensors)
            tuned = tune(self.network, self.steps.times(step_scale), self.rounds)
            for tensor, new in zip(self.tensors, tuned.tensors(), strict=True):
                tensor.values.copy_(new.values)
            excess = goal.excess(self.trial(step_scale, 0.0))
            # A loss grows with the square of the steps; a size shrinks by about a sixth with each octave.
            octaves = -excess / 2 if goal.loss_db < math.inf else 6 * excess
            step_scale *= 2.0 ** min(max(octaves, -1), 1)

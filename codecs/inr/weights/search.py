"""The search for the step sizes of a network, by the PSNR of the frames that a decoder will write."""

from __future__ import annotations

import dataclasses
import math
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
from .step_sizes import by_range, by_sensitivity
from .target import Target

FRAMES_COMPARED = 64
"""The most frames whose PSNR is measured in a trial."""
PRECISION = 0.01
"""How exactly the step scale is searched for, as a share of it. This share is 0.014 bits of a weight."""
PART = "quantisation_and_entropy_coding"
"""The part of an encoder's stopwatch for this search."""
LEAST_LOSS_DB = 1e-4
"""A smaller loss counts as this one, so that it has a logarithm."""


@dataclass(frozen=True)
class Trial:
    """A network that was quantised in one way. ``step_scale`` is the factor of all its step sizes, ``slope`` that of
    `quantise`, ``tuning_rounds`` the number of rounds of tuning before it. ``loss_db`` is the loss of PSNR in dB
    against the float weights before tuning."""

    step_scale: float
    slope: float
    tuning_rounds: int
    loss_db: float
    coded: CodedTensors

    @property
    def size_bytes(self) -> int:
        """The bytes of all sections together."""
        return self.coded.size_bytes


@dataclass(frozen=True)
class Goal:
    """What a search aims at: a trial must not exceed ``loss_db`` or ``size_bytes``, whichever is finite, and the other
    is to be as small as possible."""

    loss_db: float = math.inf
    size_bytes: float = math.inf

    def excess(self, trial: Trial) -> float:
        """How far a trial exceeds the goal, as a logarithm to base 2: above 0 if it misses the goal. This is nearly a
        linear function of the logarithm of the step scale."""
        if self.loss_db < math.inf:
            return math.log2(max(trial.loss_db, LEAST_LOSS_DB) / self.loss_db)
        return math.log2(trial.size_bytes / self.size_bytes) if self.size_bytes < math.inf else -math.inf

    def best(self, trials: list[Trial]) -> Trial:
        """The best of the trials that meet the goal, or the one that misses it least if none meets it."""
        met = [trial for trial in trials if self.excess(trial) <= 0]
        if not met:
            return min(trials, key=self.excess)
        return min(met, key=lambda trial: trial.size_bytes if self.loss_db < math.inf else trial.loss_db)

    def correction(self, trial: Trial) -> float:
        """The factor, from 1/2 to 2, by which the step sizes of ``trial`` should change to come nearer to the goal.

        A loss grows with the square of the step size; a size shrinks with about its sixth root.
        """
        excess = self.excess(trial)
        octaves = -excess / 2 if self.loss_db < math.inf else 6 * excess
        return float(2.0 ** min(max(octaves, -1), 1))


def goal_of(target: Target, size_bytes: float, float_psnr_db: float) -> Goal:
    """The goal of a search for ``target``. ``size_bytes`` is what the sections may take if the target is a rate;
    ``float_psnr_db`` is the PSNR in dB of the network with float weights. A target in bits has no limits.

    Raises `CodecError` if the target is a PSNR that the network does not reach with float weights.
    """
    loss_db = target.value if target.kind == "loss_db" else float_psnr_db - target.value
    if loss_db <= 0 and target.kind == "psnr_db":
        raise CodecError(
            f"The target is {target.value:g} dB, but with float weights the network reaches "
            f"{float_psnr_db:.2f} dB. Choose a larger network, more epochs or a lower target."
        )
    return Goal(loss_db=loss_db) if target.kind in ("loss_db", "psnr_db") else Goal(size_bytes=size_bytes)


class Search:
    """The trials of one network, and what they share.

    ``network`` is finished (`Representation.finish`). It holds the values of the last trial that was loaded. ``frames``
    are those of the source, 8-bit (N, H, W, 3).
    """

    def __init__(self, network: Representation, frames: Tensor, coding: WeightCoding, job: Job) -> None:
        prepare(network)
        self.network = network
        self.frames = frames
        self.coding = coding
        self.job = job
        self.tensors = [dataclasses.replace(tensor, values=tensor.values.clone()) for tensor in network.sent()]
        compared = np.linspace(0, len(frames) - 1, min(len(frames), FRAMES_COMPARED))
        self.index = torch.from_numpy(compared.round().astype(np.int64))
        """The indices of the frames whose PSNR is measured."""
        self.precision = choose_precision(network, frames)
        self.float_psnr_db = self.psnr_db()
        if coding.step_rule == "range":
            self.step_sizes = by_range(self.tensors)
        else:
            self.step_sizes = by_sensitivity(self.tensors, sensitivities(network, len(frames), job.seed))
        self.trials: list[Trial] = []
        self.tuning_rounds = 0

    def best(self, goal: Goal) -> Trial:
        """The best of all trials. The network then holds its values."""
        best = goal.best(self.trials)
        self.load(best.coded)
        return best

    def exact(self) -> Representation:
        """The network with the float values that trials quantise."""
        self.network.fill(tensor.values for tensor in self.tensors)
        return self.network

    def adopt(self, tuned: Representation) -> None:
        """Let later trials quantise the values of ``tuned``, a network that was tuned for quantisation."""
        for tensor, new in zip(self.tensors, tuned.sent(), strict=True):
            tensor.values.copy_(new.values)
        self.tuning_rounds += 1

    def step_sizes_by_name(self, step_scale: float) -> dict[str, Tensor]:
        """The step sizes of each parameter that is sent, times ``step_scale``, in a shape that broadcasts to it."""
        sizes = self.step_sizes.times(step_scale).of([tensor.place for tensor in self.tensors])
        return {tensor.name: torch.from_numpy(size) for tensor, size in zip(self.tensors, sizes, strict=True)}

    def psnr_db(self) -> float:
        """The PSNR in dB of the network with the values that it holds: the mean over the compared frames."""
        prepare(self.network)
        device = next(self.network.parameters()).device
        pictures = (compute(self.network, i.to(device), self.precision) for i in torch.split(self.index, 1))
        pairs = zip(pictures, self.index, strict=True)
        return float(np.mean([psnr_db(as_frames(picture), self.frames[i].to(device)) for picture, i in pairs]))

    def encode(self, step_scale: float, slope: float) -> CodedTensors:
        """The quantised and coded tensors, with all step sizes multiplied by ``step_scale``."""
        if self.coding.coder == "huffman":
            return minmax.encode(self.tensors, round(1 / step_scale))
        return cabac.encode(self.tensors, Quantisation(self.step_sizes.times(step_scale), self.coding.quantiser, slope))

    def trial(self, step_scale: float, slope: float) -> Trial:
        """Quantise, code and decode the tensors, and measure the PSNR of the frames."""
        with self.job.watch.part(PART):
            coded = self.encode(step_scale, slope)
            self.load(coded)
            psnr_db = self.psnr_db()
        self.trials.append(Trial(step_scale, slope, self.tuning_rounds, self.float_psnr_db - psnr_db, coded))
        self.job.progress("quantisation", psnr_db=psnr_db)
        return self.trials[-1]

    def load(self, coded: CodedTensors) -> None:
        """Give the network the values that a decoder will have."""
        places = [tensor.place for tensor in self.tensors]
        self.network.fill(DECODERS[self.coding.coder].decode(coded, places))

    def solve(self, goal: Goal, slope: float) -> None:
        """Try factors of the step sizes, with this slope, until one of the trials just meets ``goal``, within
        `PRECISION`. If there is none within 12 octaves, the trials so far must do."""
        sign = 1 if goal.loss_db < math.inf else -1
        known: dict[float, float] = {}

        def excess(octaves: float) -> float:
            if octaves not in known:
                known[octaves] = sign * goal.excess(self.trial(2.0**octaves, slope))
            return known[octaves]

        low = high = math.log2(goal.best(self.trials).step_scale if self.trials else self.first_guess())
        while excess(low) > 0 and high - low < 12:
            low -= 0.5
        while excess(high) <= 0 and high - low < 12:
            high += 0.5
        if excess(low) <= 0 < excess(high):
            brentq(excess, low, high, xtol=math.log2(1 + PRECISION), disp=False)

    def first_guess(self) -> float:
        """The step scale with which a weight has about six bits."""
        by_bits = by_range(self.tensors).base / self.step_sizes.base / (2**5 - 1)
        return by_bits if self.coding.coder != "huffman" else 2.0**-6

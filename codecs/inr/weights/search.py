"""How coarsely a network may be quantised: a search on the PSNR of the frames that a decoder will write."""

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

FRAMES_LOOKED_AT = 64
PRECISION = 0.01
"""How exactly the step scale is found, as a share of it: 0.014 bits a weight."""
PART = "quantisation_and_entropy_coding"
LEAST_LOSS_DB = 1e-4


@dataclass(frozen=True)
class Trial:
    """A network quantised in one way: all its quantisation steps were multiplied by ``step_scale``. ``loss_db`` is the
    loss of PSNR against float weights before tuning."""

    step_scale: float
    slope: float
    tuning_rounds: int
    loss_db: float
    coded: CodedTensors

    @property
    def size_bytes(self) -> int:
        """The bytes of all sections."""
        return self.coded.size_bytes


@dataclass(frozen=True)
class Goal:
    """``loss_db`` or ``size_bytes`` that must not be exceeded; the other is to be as small as can be."""

    loss_db: float = math.inf
    size_bytes: float = math.inf

    def excess(self, trial: Trial) -> float:
        """Above 0 if the goal is missed. Over the logarithm of the step scale this is nearly a straight line."""
        if self.loss_db < math.inf:
            return math.log2(max(trial.loss_db, LEAST_LOSS_DB) / self.loss_db)
        return math.log2(trial.size_bytes / self.size_bytes) if self.size_bytes < math.inf else -math.inf

    def best(self, trials: list[Trial]) -> Trial:
        """The best trial that meets the goal, or else the one that misses it least."""
        met = [trial for trial in trials if self.excess(trial) <= 0]
        if not met:
            return min(trials, key=self.excess)
        return min(met, key=lambda trial: trial.size_bytes if self.loss_db < math.inf else trial.loss_db)

    def correction(self, trial: Trial) -> float:
        """By which factor to change the steps of ``trial`` to come nearer to the goal, from a half to two. A loss grows
        with the square of the steps; a size shrinks by about a sixth with each octave."""
        excess = self.excess(trial)
        octaves = -excess / 2 if self.loss_db < math.inf else 6 * excess
        return 2.0 ** min(max(octaves, -1), 1)


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
    """Trials of one network, and what they have in common.

    ``network`` is finished; it is left with the values of the last trial that was loaded. ``frames`` are the
    source's, 8-bit (N, H, W, 3).
    """

    def __init__(self, network: Representation, frames: Tensor, coding: WeightCoding, job: Job) -> None:
        prepare(network)
        self.network = network
        self.frames = frames
        self.coding = coding
        self.job = job
        self.tensors = [dataclasses.replace(tensor, values=tensor.values.clone()) for tensor in network.sent()]
        looked_at = np.linspace(0, len(frames) - 1, min(len(frames), FRAMES_LOOKED_AT))
        self.index = torch.from_numpy(looked_at.round().astype(np.int64))
        self.precision = choose_precision(network, frames)
        self.float_psnr_db = self.psnr_db()
        if coding.steps == "range":
            self.steps = by_range(self.tensors)
        else:
            self.steps = by_sensitivity(self.tensors, sensitivities(network, len(frames), job.seed))
        self.trials: list[Trial] = []
        self.tuning_rounds = 0

    def best(self, goal: Goal) -> Trial:
        """The best of all trials, which the network is left with."""
        best = goal.best(self.trials)
        self.load(best.coded)
        return best

    def exact(self) -> Representation:
        """The network with the values that trials begin from."""
        self.network.fill(tensor.values for tensor in self.tensors)
        return self.network

    def adopt(self, tuned: Representation) -> None:
        """Let later trials begin from the values of a network that was tuned for quantisation."""
        for tensor, new in zip(self.tensors, tuned.sent(), strict=True):
            tensor.values.copy_(new.values)
        self.tuning_rounds += 1

    def steps_by_name(self, step_scale: float) -> dict[str, Tensor]:
        """The quantisation steps of each parameter that is sent, in a shape that broadcasts to it."""
        steps = self.steps.times(step_scale).of([tensor.place for tensor in self.tensors])
        return {tensor.name: torch.from_numpy(step) for tensor, step in zip(self.tensors, steps, strict=True)}

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
        self.trials.append(Trial(step_scale, slope, self.tuning_rounds, self.float_psnr_db - psnr_db, coded))
        self.job.progress("quantisation", psnr_db=psnr_db)
        return self.trials[-1]

    def load(self, coded: CodedTensors) -> None:
        """Give the network the values that a decoder sees."""
        places = [tensor.place for tensor in self.tensors]
        self.network.fill(DECODERS[self.coding.coder].decode(coded, places))

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

"""The recipes by which networks are trained. A published recipe is never altered; a better one gets its own name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ..network.representation import LossWeights

RecipeName = Literal["nerv", "short"]


NERV_LOSS = LossWeights(l1=0.7, ssim=0.3)


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: by Adam, with the network's loss (`Representation.loss`) and these weights of it.

    During the first steps, the share ``warmup`` of all, the learning rate rises linearly from a tenth of
    ``learning_rate`` to the whole of it. Then it falls along a cosine to zero.
    """

    learning_rate: float
    betas: tuple[float, float] = (0.5, 0.999)
    batch_size: int = 1
    warmup: float = 0.2
    loss_weights: LossWeights = NERV_LOSS

    def rate_factor(self, progress: float) -> float:
        """The learning rate, as a factor of ``learning_rate``, when the share ``progress``, in [0, 1), of all steps is
        done."""
        if progress < self.warmup:
            return 0.1 + 0.9 * progress / self.warmup
        return 0.5 * (1 + math.cos(math.pi * (progress - self.warmup) / (1 - self.warmup)))


RECIPES: dict[RecipeName, Recipe] = {
    # This is the command for Bunny in the README of NeRV's code. E-NeRV's configuration agrees with it, and Res-NeRV's
    # paper names no other.
    "nerv": Recipe(learning_rate=5e-4),
    # This one is ours, for a few hundred steps on a small network.
    "short": Recipe(learning_rate=5e-3, warmup=0.1),
}

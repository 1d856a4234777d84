"""How a network is trained. A published recipe is never altered; a better one gets its own name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ..network.representation import LossWeights

RecipeName = Literal["nerv", "short"]


NERV_LOSS = LossWeights(l1=0.7, ssim=0.3)


@dataclass(frozen=True)
class Recipe:
    """The optimiser is Adam; the loss is that of the network, with these weights.

    For the share ``warmup`` of all steps the learning rate rises linearly from a tenth of ``learning_rate``; then it
    falls along a cosine to zero.
    """

    learning_rate: float
    betas: tuple[float, float] = (0.5, 0.999)
    batch_size: int = 1
    warmup: float = 0.2
    loss_weights: LossWeights = NERV_LOSS

    def rate_factor(self, progress: float) -> float:
        """The learning rate at ``progress`` in [0, 1), as a factor of the full one."""
        if progress < self.warmup:
            return 0.1 + 0.9 * progress / self.warmup
        return 0.5 * (1 + math.cos(math.pi * (progress - self.warmup) / (1 - self.warmup)))


RECIPES: dict[RecipeName, Recipe] = {
    # NeRV's published training code, README command for Bunny; E-NeRV's configuration agrees.
    # Res-NeRV's paper names no other.
    "nerv": Recipe(learning_rate=5e-4),
    # Ours, for a few hundred steps on a small network: ten times the rate, a shorter warm-up.
    "short": Recipe(learning_rate=5e-3, warmup=0.1),
}

"""NeRV's layers as its published code runs them: what this project's speed is measured against.

float32, channels-first, torch's own pixel shuffle and GELU one after the other, one frame at a time.
"""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.codecs.inr.network.representation import Representation
from bench.codecs.layers.upsampling import UpsamplingBlock


class PlainUpsamplingBlock(nn.Module):
    """The same function as `UpsamplingBlock`, its channels in torch's order."""

    def __init__(self, block: UpsamplingBlock) -> None:
        super().__init__()
        self.stride = block.stride
        self.conv = copy.deepcopy(block.conv)
        for tensor in (self.conv.weight, self.conv.bias):
            assert tensor is not None
            tensor.data = tensor.data.unflatten(0, (self.stride**2, -1)).transpose(0, 1).flatten(0, 1).contiguous()

    def forward(self, x: Tensor) -> Tensor:
        return functional.gelu(functional.pixel_shuffle(self.conv(x), self.stride))


def plain(network: Representation) -> Representation:
    """A copy of ``network`` that computes the same pictures the plain way."""
    made = copy.deepcopy(network).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    for module in list(made.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, UpsamplingBlock):
                setattr(module, name, PlainUpsamplingBlock(child))
    return cast(Representation, made)

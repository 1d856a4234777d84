"""Multiply-accumulates of a network, counted by fvcore.

fvcore calls one multiply-accumulate a "flop". Convolutions, linear layers and matrix products
count one for each product; normalisations count a small multiple of their elements; activations,
pixel shuffles, additions and element-wise products count nothing and are listed.
"""

from __future__ import annotations

import logging
import warnings

import torch
from torch import Tensor, nn

from ..codec import Complexity


def count_complexity(network: nn.Module, inputs: Tensor, parameters: int) -> Complexity:
    """The MACs of ``network`` in inference mode for ``inputs`` of batch size 1, beside the number of its parameters
    that travel."""
    logging.getLogger("fvcore").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # torch.jit, which fvcore stands on, is deprecated
        from fvcore.nn import FlopCountAnalysis  # here, so that decoders need not wait for it

        analysis = FlopCountAnalysis(network.eval(), inputs)
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        macs = int(analysis.total())
        unsupported = {str(name): int(count) for name, count in analysis.unsupported_ops().items()}
    return Complexity(parameters, macs, unsupported)

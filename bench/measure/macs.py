"""The multiply-accumulates (MACs) of a network, counted by fvcore.

fvcore calls one multiply-accumulate a "flop". It counts one for each product of convolutions, linear layers and matrix
products, and a small multiple of the elements for normalisations. It does not count activations, pixel shuffles,
additions and element-wise products; these are listed by name.
"""

from __future__ import annotations

import logging
import warnings

import torch
from torch import Tensor, nn

from ..codec import Complexity


def count_complexity(network: nn.Module, inputs: Tensor, parameters: int) -> Complexity:
    """The MACs of ``network`` in inference mode for ``inputs``, whose batch size is 1. ``parameters`` is the number of
    parameters that it transmits."""
    logging.getLogger("fvcore").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # torch.jit, which fvcore uses, is deprecated.
        # The import is here since it is slow and decoders do not need it.
        from fvcore.nn import FlopCountAnalysis

        analysis = FlopCountAnalysis(network.eval(), inputs)
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        macs = int(analysis.total())
        unsupported = {str(name): int(count) for name, count in analysis.unsupported_ops().items()}
    return Complexity(parameters, macs, unsupported)

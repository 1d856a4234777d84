"""The same integers by the reference software's engine, where that is installed: ``tox -e nncodec``."""

from __future__ import annotations

import numpy as np
import pytest

from bench.codecs.inr.weights import deepcabac

nnc = pytest.importorskip("nncodec.extensions.deepCABAC", reason="only in tox -e nncodec")


@pytest.mark.parametrize("bits", [4, 6, 8])
@pytest.mark.parametrize("kind", ["laplace", "normal", "rows"])
def test_as_exact_and_no_larger(kind: str, bits: int) -> None:
    """200,000 weights in one tensor, one range. Both give the levels back; ours takes no more bytes."""
    rng = np.random.default_rng(bits)
    values = rng.laplace(0, 1, (400, 500)) if kind == "rows" else getattr(rng, kind)(0, 1, (400, 500))
    if kind == "rows":
        values *= np.exp(0.5 * rng.standard_normal((400, 1)))
    levels = np.rint(values / (np.abs(values).max() / (2 ** (bits - 1) - 1))).astype(np.int32)

    encoder = nnc.Encoder()
    encoder.initCtxModels(11, 1)
    off, empty = nnc.HdspMode.AlwaysOff, np.zeros(2, np.int8)
    encoder.encodeLayer(levels, 0, 0, 0, 0, 0, np.zeros(len(levels), np.int32), off, empty, 0, 0)
    theirs = encoder.finish()
    decoder, decoded = nnc.Decoder(), np.zeros_like(levels)
    decoder.setStream(theirs)
    decoder.initCtxModels(11)
    decoder.decodeLayer(decoded, 0, 0, 0, 0, off, empty, 0, 0)
    np.testing.assert_array_equal(decoded, levels)

    ours = deepcabac.encode([levels], False)
    (decoded,) = deepcabac.decode(ours, [levels.size], False)
    np.testing.assert_array_equal(decoded, levels.ravel())
    assert len(ours) <= len(theirs)

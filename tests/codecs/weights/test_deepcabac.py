"""The arithmetic code of levels: what comes back, how small it is, and what is refused."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.codecs.inr.weights import deepcabac
from bench.codecs.inr.weights.arithmetic import RATES
from bench.codecs.inr.weights.deepcabac import LARGEST, Levels, choose_rates, code_length
from bench.errors import StreamError


def entropy_bytes(levels: Levels) -> float:
    """The zeroth-order entropy."""
    counts = np.unique(levels, return_counts=True)[1]
    return float(-(counts * np.log2(counts / counts.sum())).sum() / 8)


def some_levels(seed: int, size: int, scale: float) -> Levels:
    """Laplacian."""
    samples = np.random.default_rng(seed).laplace(0, scale, size)
    return np.rint(np.clip(samples, -LARGEST, LARGEST)).astype(np.int64).astype(np.int32)


@given(
    st.lists(st.tuples(st.integers(0, 300), st.floats(-2, 30), st.integers(0, 99)), max_size=6),
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_any_levels_come_back(tensors: list[tuple[int, float, int]], dependent: bool) -> None:
    """Of any number of tensors, any size and any magnitude."""
    made = [some_levels(seed, size, 2.0**octaves) for size, octaves, seed in tensors]
    decoded = deepcabac.decode(deepcabac.encode(made, dependent), [t.size for t in made], dependent)
    for before, after in zip(made, decoded, strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    "values",
    [[], [0], [LARGEST], [-LARGEST], [LARGEST, -LARGEST, 0, 1, -1] * 50, [0] * 100_000, [7] * 50_000, [-1, 1] * 999],
    ids=["none", "zero", "largest", "smallest", "extremes", "zeros", "sevens", "alternating"],
)
def test_the_extremes_come_back(values: list[int]) -> None:
    """Nothing at all, one level, constants, and magnitudes up to 2^31 - 1."""
    levels = np.array(values, np.int32)
    coded = deepcabac.encode([levels], False)
    (decoded,) = deepcabac.decode(coded, [len(levels)], False)
    np.testing.assert_array_equal(decoded, levels)


def test_very_many_empty_tensors_between_others() -> None:
    """Each takes two bits, for which there must be room."""
    made = [*(np.zeros(0, np.int32) for _ in range(20_000)), np.array([3, -70_000], np.int32)]
    decoded = deepcabac.decode(deepcabac.encode(made, False), [t.size for t in made], False)
    assert decoded[-1].tolist() == [3, -70_000]


def test_constants_cost_next_to_nothing() -> None:
    """A million zeros: 0.0056 bits each is the least that a probability of 255/256 allows."""
    size = len(deepcabac.encode([np.zeros(1_000_000, np.int32)], False))
    assert size < 1_000_000 * 0.0057 / 8 + 16
    assert deepcabac.MOST_LEVELS_A_BYTE * size > 1_000_000
    assert deepcabac.encode([np.zeros(0, np.int32)], False) == b""


def test_minus_two_to_the_31_is_refused() -> None:
    """Its magnitude is no int32."""
    with pytest.raises(OverflowError, match="magnitudes go up to 2147483647"):
        deepcabac.encode([np.array([0, -(2**31)], np.int32)], False)


@pytest.mark.parametrize("size", [50_000, 300_000])
@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0, 15.0, 40.0])
@pytest.mark.parametrize("kind", ["laplace", "normal"])
def test_size_is_near_the_entropy(kind: str, scale: float, size: int) -> None:
    """Independent levels: adaptive bins cost at most 2.5 % and 64 bytes more than their entropy."""
    levels = np.rint(getattr(np.random.default_rng(3), kind)(0, scale, size)).astype(np.int32)
    coded = len(deepcabac.encode([levels], False))
    assert 0.99 * entropy_bytes(levels) < coded < 1.025 * entropy_bytes(levels) + 64


@pytest.mark.parametrize("scale", [1.0, 3.0, 8.0])
def test_size_is_below_the_entropy_where_the_scale_drifts(scale: float) -> None:
    """Rows of different scale, as trained weights have them: the contexts follow, no table can."""
    rng = np.random.default_rng(4)
    rows = np.exp(0.5 * rng.standard_normal((600, 1)))
    levels = np.rint(rng.laplace(0, scale, (600, 500)) * rows).astype(np.int32)
    assert len(deepcabac.encode([levels], False)) < entropy_bytes(levels)


@pytest.mark.parametrize("dependent", [False, True])
@pytest.mark.parametrize("scale", [0.5, 5.0, 500.0])
def test_the_coder_wastes_nothing(scale: float, dependent: bool) -> None:
    """Its bytes are within 0.1 % of the code length by its own probabilities."""
    levels = some_levels(5, 200_000, scale)
    ideal = code_length(levels, dependent, choose_rates(levels, dependent)) / 8
    assert len(deepcabac.encode([levels], dependent)) == pytest.approx(ideal, rel=0.001, abs=4)


def test_the_code_length_is_that_of_the_description() -> None:
    """Once more, from the text of the module, in floating point and without tables."""
    levels = some_levels(6, 3000, 9.0)
    fast, slow = RATES[1]
    contexts: dict[object, list[float]] = {}
    bits, before = 0.0, 0

    def code(context: object, bit: bool) -> None:
        nonlocal bits
        state = contexts.setdefault(context, [0.5, 0.5, 0])
        p = (state[0] + state[1]) / 2
        bits -= np.log2(p if bit else 1 - p)
        warm_up = int(state[2] + 1).bit_length()
        for i, rate in enumerate((fast, slow)):
            state[i] += ((1 - 2**-8 if bit else 2**-8) - state[i]) * 2.0 ** -min(rate, warm_up)
        state[2] += 1

    for level in levels.tolist():
        magnitude, sign = abs(level), (level > 0) - (level < 0)
        code(("sig", before), level != 0)
        if level:
            code(("sign", before), level < 0)
            for k in range(1, min(magnitude, 14) + 1):
                code(("above", k, sign), magnitude > k)
            if magnitude > 14:
                e = 0
                while magnitude - 14 >= 2 ** (e + 1):
                    code(("prefix", e), True)
                    e += 1
                code(("prefix", e), False)
                bits += e
        before = sign
    assert code_length(levels, False, 1) == pytest.approx(bits, rel=0.0005)


class TestDamage:
    """Bytes that are no stream, or another one's."""

    levels = some_levels(7, 2000, 3.0)
    coded = deepcabac.encode([levels], False)

    def test_truncated_and_lengthened(self) -> None:
        """At every length."""
        for data in [*(self.coded[:n] for n in range(len(self.coded))), self.coded + b"\0", self.coded + b"\0\0"]:
            with pytest.raises(StreamError):
                deepcabac.decode(data, [2000], False)

    @pytest.mark.parametrize("count", [0, 1, 1000, 1900, 2100, 3000, 10**9])
    def test_another_number_of_levels(self, count: int) -> None:
        """Too few leave bytes over, too many run out of them, and very many are not allocated."""
        with pytest.raises(StreamError, match="The stream is damaged"):
            deepcabac.decode(self.coded, [count], False)

    def test_flipped_bits_never_crash(self) -> None:
        """Most are noticed; the rest is the container's checksum's to notice."""
        noticed = 0
        for position in range(len(self.coded)):
            data = bytearray(self.coded)
            data[position] ^= 1 << position % 8
            try:
                deepcabac.decode(bytes(data), [2000], False)
            except StreamError:
                noticed += 1
        assert noticed > 0.9 * len(self.coded)


@pytest.mark.parametrize(
    ("dependent", "digest"),
    [(False, "68b0f45e8b578b7a"), (True, "61e4665688f1fb9c")],
)
def test_golden_streams(dependent: bool, digest: str) -> None:
    """A changed bitstream needs a new version of the container. The digests are of
    ``deepcabac.encode(golden(), dependent)``."""
    assert hashlib.sha256(deepcabac.encode(golden(), dependent)).hexdigest()[:16] == digest


def golden() -> list[Levels]:
    """Levels that follow from integer arithmetic alone."""

    def mix(i: NDArray[np.int64]) -> NDArray[np.int64]:
        return (i * 2654435761 % 2**32) >> 20

    index = np.arange(5000, dtype=np.int64)
    return [
        ((mix(index) % 2 ** (mix(index + 7) % 12)) - 5).astype(np.int32),
        (mix(index[:100]) % 3 - 1).astype(np.int32),
    ]

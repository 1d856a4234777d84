"""Every weight coder's sections, NeRV's pipeline, and how near Huffman's codes come to the entropy."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.codecs.inr.network.representation import SentTensor, TensorPlace
from bench.codecs.inr.weights import cabac, huffman, minmax
from bench.codecs.inr.weights.cabac import Quantisation, Quantiser
from bench.codecs.inr.weights.coder import CODER_NAMES, CodedTensors, CoderName
from bench.codecs.inr.weights.codings import DECODERS
from bench.codecs.inr.weights.step_sizes import by_range
from bench.errors import CodecError, StreamError

PLACES = [
    TensorPlace("weights", (7, 5, 3, 3)),
    TensorPlace("biases", (7,)),
    TensorPlace("weights", (4, 11)),
    TensorPlace("biases", (1,)),
    TensorPlace("embeddings", (5, 3, 2), step_axis=0),
    TensorPlace("grids", (2, 3, 4), step_axis=2),
]


def some_tensors(seed: int = 0) -> list[SentTensor]:
    """Of every shape that networks have; some weights are zero, one channel is constant."""
    rng = torch.Generator().manual_seed(seed)
    made = [
        SentTensor(str(i), place.purpose, torch.randn(place.shape, generator=rng), place.step_axis)
        for i, place in enumerate(PLACES)
    ]
    made[0].values[torch.rand(PLACES[0].shape, generator=rng) < 0.6] = 0
    made[2].values[1] = 0.25
    return made


def encode(name: CoderName, tensors: Sequence[SentTensor], bits: int) -> CodedTensors:
    """With steps by range."""
    if name == "huffman":
        return minmax.encode(tensors, 2**bits)
    quantiser: Quantiser = "trellis" if name == "dependent" else "nearest"
    return cabac.encode(tensors, Quantisation(by_range(tensors).times(1 / (2 ** (bits - 1) - 1)), quantiser))


every_coder = pytest.mark.parametrize("name", CODER_NAMES)


@every_coder
@pytest.mark.parametrize("bits", [2, 5, 8])
def test_values_come_back_within_a_step(name: CoderName, bits: int) -> None:
    """Half of one, but for a trellis, which may go further for the sum. Its steps here are as long as a
    plain quantiser's, and each of its two quantisers has every other point."""
    tensors = some_tensors()
    decoded = DECODERS[name].decode(encode(name, tensors, bits), PLACES)
    for tensor, values in zip(tensors, decoded, strict=True):
        assert values.dtype == torch.float32
        assert values.shape == tensor.values.shape
        span = tensor.values.max() - tensor.values.min() if name == "huffman" else 2 * tensor.values.abs().max()
        allowed = float(span) / (2**bits - 2) / 2 * 1.023
        assert float((values - tensor.values).abs().max()) <= (4 * allowed if name == "dependent" else allowed)
        if name != "dependent":
            assert (values[tensor.values == 0] == 0).all()


@pytest.mark.parametrize("name", ["deepcabac", "huffman"])
def test_coding_what_was_decoded_changes_nothing(name: CoderName) -> None:
    """Everything a decoder works with is on the quantiser's grid."""
    once = DECODERS[name].decode(encode(name, some_tensors(), 6), PLACES)
    again = [dataclasses.replace(tensor, values=values) for tensor, values in zip(some_tensors(), once, strict=True)]
    if name == "deepcabac":
        how = Quantisation(by_range(some_tensors()).times(1 / 31), "nearest")
        twice = DECODERS[name].decode(cabac.encode(again, how), PLACES)
    else:
        twice = DECODERS[name].decode(encode(name, again, 6), PLACES)
    for a, b in zip(once, twice, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@every_coder
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_diverged_weights_are_a_named_error(name: CoderName, bad: float) -> None:
    """Rather than a stream of nonsense."""
    with pytest.raises(CodecError, match=r"stem\.0\.weight is not finite"):
        encode(name, [SentTensor("stem.0.weight", "weights", torch.tensor([[1.0, bad]]))], 8)


@every_coder
def test_damaged_sections_are_refused(name: CoderName) -> None:
    """Cut off, lengthened, swapped, or of another network. No values come of it."""
    decoder, coded = DECODERS[name], encode(name, some_tensors(), 8)
    sections = {"scales": coded.scales, **coded.tensors}
    for name_of_section, data in sections.items():
        for damaged in [*(data[:n] for n in range(len(data))), data + b"\0"]:
            changed = sections | {name_of_section: damaged}
            scales = changed.pop("scales")
            with pytest.raises(StreamError):
                decoder.decode(CodedTensors(scales, changed), PLACES)  # type: ignore[arg-type]
    swapped = {**coded.tensors, "weights": coded.tensors["biases"]}
    fewer = {purpose: data for purpose, data in coded.tensors.items() if purpose != "embeddings"}
    more = {**coded.tensors, "key_frames": b""}
    for tensors in (swapped, fewer, more):
        with pytest.raises(StreamError):
            decoder.decode(dataclasses.replace(coded, tensors=tensors), PLACES)
    with pytest.raises(StreamError):
        decoder.decode(coded, PLACES[:-2])


@every_coder
def test_tensors_of_zeros_need_no_step(name: CoderName) -> None:
    """No division by zero, and zeros come back."""
    coded = encode(name, [SentTensor("w", "weights", torch.zeros(3, 4))], 6)
    (decoded,) = DECODERS[name].decode(coded, [TensorPlace("weights", (3, 4))])
    assert decoded.tolist() == [[0.0] * 4] * 3


def test_senseless_ranges_are_refused() -> None:
    """Not a number, and infinite."""
    coded, start = encode("huffman", some_tensors(), 8), 2 + 258
    for bad in (np.nan, np.inf):
        scales = coded.scales[:start] + np.float32(bad).tobytes() + coded.scales[start + 4 :]
        with pytest.raises(StreamError, match="a scale is not finite"):
            DECODERS["huffman"].decode(dataclasses.replace(coded, scales=scales), PLACES)


class TestHuffman:
    """Codes, their table, and what is no stream of them."""

    @given(st.lists(st.integers(0, 300), max_size=200))
    @settings(max_examples=100, deadline=None)
    def test_any_symbols_come_back(self, symbols: list[int]) -> None:
        """None, one, one repeated, and many."""
        array = np.array(symbols, np.uint16)
        lengths = huffman.code_lengths(np.bincount(array, minlength=1))
        assert huffman.decode(huffman.encode(array, lengths), lengths, len(array)).tolist() == symbols

    def test_very_unequal_counts(self) -> None:
        """Fibonacci's numbers make the longest codes that there can be."""
        counts = [1, 1]
        while len(counts) < 25:
            counts.append(counts[-1] + counts[-2])
        array = np.repeat(np.arange(25), counts).astype(np.uint16)
        lengths = huffman.code_lengths(np.bincount(array))
        assert sorted(lengths.tolist()) == [*range(1, 25), 24]
        np.testing.assert_array_equal(huffman.decode(huffman.encode(array, lengths), lengths, len(array)), array)

    @pytest.mark.parametrize("scale", [2.0, 20.0])
    def test_size_is_near_the_entropy(self, scale: float) -> None:
        """Between it and one bit a symbol more (Cover and Thomas, theorem 5.4.1); here within 2 %."""
        array = self.laplace(scale)
        counts = np.bincount(array)
        share = counts[counts > 0] / len(array)
        entropy_bytes = -(share * np.log2(share)).sum() * len(array) / 8
        size = len(huffman.encode(array, huffman.code_lengths(counts)))
        assert entropy_bytes <= size <= 1.02 * entropy_bytes + 1

    @pytest.mark.parametrize("lengths", [[1, 1, 1], [2, 2, 2], [60, 1], [0, 0, 0]])
    def test_tables_that_are_none(self, lengths: list[int]) -> None:
        """Too many codes, too few, too long, and none at all."""
        with pytest.raises(StreamError, match="Huffman table"):
            huffman.decode(b"\x00\x00", np.array(lengths, np.uint8), 3)

    @staticmethod
    def laplace(scale: float) -> NDArray[np.uint16]:
        """A hundred thousand rounded samples, shifted to be positive."""
        samples = np.random.default_rng(0).laplace(0, scale, 100_000)
        return (np.rint(samples) - np.rint(samples).min()).astype(np.uint16)


def test_pruning_makes_streams_smaller() -> None:
    """Positions included: 60 % of zeros cost less than the weights that they replace."""
    values = torch.randn(200, 300, generator=torch.Generator().manual_seed(0))
    pruned = torch.where(values.abs() < values.abs().flatten().kthvalue(36_000).values, 0, values)
    sizes = [
        len(minmax.encode([SentTensor("w", "weights", tensor)], 256).tensors["weights"]) for tensor in (values, pruned)
    ]
    # 0.4 * H(levels | kept) + H(0.6), in bytes: about 0.4 * 7 + 0.97 bits a weight.
    assert sizes[1] < 0.55 * sizes[0]
    assert sizes[1] > 60_000 * 0.97 / 8

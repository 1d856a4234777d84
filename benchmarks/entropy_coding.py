"""How small and how fast the entropy coder is: the same integers by several coders.

    pip install brotli constriction && pip install --no-deps nncodec==2.1.3
    python benchmarks/entropy_coding.py NETWORKS

NETWORKS is where `weight_coding.py` left its trained networks. Beside them, three synthetic sets of
2.8 million weights in the shapes of NeRV-S. Symmetric levels, one step for each tensor,
max|w| / (2^(b-1) - 1). The bytes include what each coder sends beside the levels, but not the steps.
H0 is the sum of the tensors' zeroth-order entropies, without any table. Speeds are medians of five, on
one core, of weights encoded or decoded in a second.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import brotli
import constriction
import numpy as np
from machine import print_machine
from weight_coding import CASES, trained

from bench.codecs.inr.weights import deepcabac, huffman
from bench.codecs.inr.weights.deepcabac import Levels

SHAPES = [(512, 80), (512,), (3744, 512), (3744,), (650, 26, 3, 3), (650,), (384, 26, 3, 3), (384,)]
SHAPES += [(384, 96, 3, 3), (384,), (384, 96, 3, 3), (384,), (3, 96, 1, 1), (3,)]
REPEATS = 5


def synthetic() -> dict[str, list[Any]]:
    """Independent Gaussian and Laplacian weights, and Laplacian ones whose rows differ in scale."""
    rng = np.random.default_rng(0)
    rows = []
    for shape in SHAPES:
        scale = np.exp(0.5 * rng.standard_normal(shape[0])).reshape(-1, *[1] * (len(shape) - 1))
        rows.append(rng.laplace(0, 0.05, shape) * (scale if len(shape) > 1 else 1))
    return {
        "Gauss": [rng.normal(0, 0.05, shape) for shape in SHAPES],
        "Laplace": [rng.laplace(0, 0.05, shape) for shape in SHAPES],
        "Laplace, scaled rows": rows,
    }


def levels_of(tensors: Sequence[Any], bits: int) -> list[Levels]:
    """Flat."""
    return [np.rint(t / (np.abs(t).max() / (2 ** (bits - 1) - 1))).astype(np.int32).ravel() for t in tensors]


def entropy_bytes(tensors: Sequence[Levels]) -> float:
    total = 0.0
    for tensor in tensors:
        counts = np.unique(tensor, return_counts=True)[1]
        total -= float((counts * np.log2(counts / counts.sum())).sum())
    return total / 8


def by_huffman(tensors: Sequence[Levels]) -> int:
    """A table of code lengths for each tensor, a byte each."""
    size = 0
    for tensor in tensors:
        symbols = (tensor - tensor.min()).astype(np.uint16)
        lengths = huffman.code_lengths(np.bincount(symbols))
        size += len(lengths) + 2 + len(huffman.encode(symbols, lengths))
    return size


def by_brotli(tensors: Sequence[Levels]) -> int:
    """All tensors as bytes; those with levels beyond 8 bits as their low bytes, then their high bytes."""
    planes = []
    for tensor in tensors:
        if np.abs(tensor).max(initial=0) < 128:
            planes.append(tensor.astype(np.int8).tobytes())
        else:
            shifted = tensor + 2**15
            planes += [(shifted & 255).astype(np.uint8).tobytes(), (shifted >> 8).astype(np.uint8).tobytes()]
    return len(brotli.compress(b"".join(planes), quality=11))


def by_constriction(tensors: Sequence[Levels], model: str) -> int:
    """Static models of each tensor: a fitted Laplacian or Gaussian (8 bytes), or a histogram of 12 bits
    a symbol."""
    models = constriction.stream.model
    coder, sent = constriction.stream.queue.RangeEncoder(), 0
    for tensor in tensors:
        low, high = int(tensor.min()), int(tensor.max())
        if low == high:
            sent += 8
        elif model == "histogram":
            counts = np.bincount(tensor - low).astype(np.float64)
            table = np.maximum(np.rint(counts / counts.max() * 4095), 1)
            coder.encode(tensor - low, models.Categorical((table / table.sum()).astype(np.float32), perfect=False))
            sent += 8 + -(-12 * len(table) // 8)
        elif model == "laplace":
            scale = max(float(np.abs(tensor - np.median(tensor)).mean()), 0.1)
            coder.encode(tensor, models.QuantizedLaplace(low, high, float(np.median(tensor)), scale))
            sent += 16
        else:
            coder.encode(tensor, models.QuantizedGaussian(low, high, float(tensor.mean()), max(tensor.std(), 0.1)))
            sent += 16
    return 4 * len(coder.get_compressed()) + sent


def by_nncodec(tensors: Sequence[Levels]) -> int:
    """Its engine, uniform levels, its own defaults (11 flags, signalled estimator parameters)."""
    from nncodec.extensions import deepCABAC  # type: ignore[import-not-found]

    size = 0
    for tensor in tensors:
        coder = deepCABAC.Encoder()
        coder.initCtxModels(11, 1)
        matrix = np.ascontiguousarray(tensor.reshape(1, -1))
        off = deepCABAC.HdspMode.AlwaysOff
        coder.encodeLayer(matrix, 0, 0, 0, 0, 0, np.zeros(1, np.int32), off, np.zeros(2, np.int8), 0, 0)
        size += len(coder.finish())
    return size


def millions_a_second(work: Callable[[], object], count: int) -> float:
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return count / statistics.median(seconds) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", type=Path)
    networks = parser.parse_args().networks
    sets = synthetic()
    for name in CASES:
        sets[name] = [tensor.values.numpy() for tensor in trained(name, networks)[0].sent()]
    print_machine()
    others: dict[str, Callable[[Sequence[Levels]], int]] = {
        "nncodec 2.1.3": by_nncodec,
        "Huffman": by_huffman,
        "brotli 11": by_brotli,
        "constriction, Laplace": lambda tensors: by_constriction(tensors, "laplace"),
        "constriction, Gauss": lambda tensors: by_constriction(tensors, "gauss"),
        "constriction, histogram": lambda tensors: by_constriction(tensors, "histogram"),
    }
    print(
        "| weights | bits | H0 (bytes) | DeepCABAC, ours | " + " | ".join(others) + " | encode (M/s) | decode (M/s) |"
    )
    print("|---|---:" + "|---:" * (len(others) + 4) + "|")
    for name, tensors in sets.items():
        for bits in (8, 6, 4):
            levels = levels_of(tensors, bits)
            sizes, count = [level.size for level in levels], sum(level.size for level in levels)
            coded = deepcabac.encode(levels, False)
            decoded = deepcabac.decode(coded, sizes, False)
            assert all((a == b).all() for a, b in zip(levels, decoded, strict=True))
            entropy = entropy_bytes(levels)
            row = [f"{len(coded):,} ({100 * len(coded) / entropy - 100:+.1f} %)"]
            row += [f"{100 * coder(levels) / len(coded) - 100:+.1f} %" for coder in others.values()]
            speeds = (
                millions_a_second(lambda levels=levels: deepcabac.encode(levels, False), count),
                millions_a_second(lambda c=coded, s=sizes: deepcabac.decode(c, s, False), count),
            )
            print(f"| {name} | {bits} | {entropy:,.0f} | {' | '.join(row)} | {speeds[0]:.0f} | {speeds[1]:.0f} |")


if __name__ == "__main__":
    main()

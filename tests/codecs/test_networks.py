"""The networks against published and independently derived counts, and exact properties."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from bench.codecs.e_nerv import ENeRV
from bench.codecs.inr.codec import ImplicitCodec
from bench.codecs.inr.kernels.instance_norm import instance_norm
from bench.codecs.layers.encoding import PositionalEncoding
from bench.codecs.layers.pyramid import LARGEST_MAP, canvas, coarsest_map, upsampling_strides
from bench.codecs.layers.residual import InstanceNorm, ResidualBlock
from bench.codecs.nerv import NeRV
from bench.codecs.res_e_nerv import ResENeRV
from bench.codecs.res_nerv import ResNeRV
from bench.runs.plan import Selection, rate_points
from bench.runs.preset import load_preset
from bench.video.raw import VideoFormat

BUNNY = VideoFormat(1280, 720, 132, Fraction(25), "rgb24")
UVG = VideoFormat(1920, 1080, 600, Fraction(120), "rgb24")
SMALL = VideoFormat(320, 180, 8, Fraction(25), "rgb24")

E_NERV_COORDINATES = 288
"""E-NeRV's authors count their fixed 9x16 grid of positions as parameters."""

SMALL_CODECS = [
    NeRV(fc_dim=2),
    ENeRV(fc_dim=8, block_dim=8, head_dim=2),
    ResNeRV(fc_dim=2),
    ResNeRV(fc_dim=2, norm="in"),
    ResENeRV(fc_dim=8, block_dim=8, head_dim=2),
]


def count(codec: ImplicitCodec, video: VideoFormat) -> int:
    return sum(p.numel() for p in codec.network(video).parameters())


@pytest.mark.parametrize(
    ("codec", "video", "parameters"),
    [
        (NeRV(fc_dim=26), BUNNY, 3_201_905),  # NeRV, table 2: S, M and L
        (NeRV(fc_dim=58), BUNNY, 6_282_001),
        (NeRV(fc_dim=112), BUNNY, 12_524_563),
        (NeRV(fc_dim=26), UVG, 3_314_705),  # HiNeRV's table: NeRV at 3.31, 6.53 and 13.01 M
        (NeRV(fc_dim=58), UVG, 6_533_041),
        (NeRV(fc_dim=112), UVG, 13_008_883),
        (NeRV(fc_dim=21), UVG, 2_853_465),  # Res-NeRV, table 2
        (ResNeRV(fc_dim=16, norm="bn"), UVG, 3_073_235),
        (ResNeRV(fc_dim=16), UVG, 3_072_435),
        (ENeRV(), BUNNY, 12_490_602 - E_NERV_COORDINATES),  # the authors' configuration for Bunny
        (ENeRV(fc_dim=43), UVG, 3_294_729 - E_NERV_COORDINATES),
        (ENeRV(fc_dim=98), UVG, 6_537_910 - E_NERV_COORDINATES),
        (ENeRV(fc_dim=51, expansion=1), UVG, 2_707_017 - E_NERV_COORDINATES),
        (ENeRV(fc_dim=32, expansion=2), UVG, 2_720_587 - E_NERV_COORDINATES),
        (ENeRV(fc_dim=23), UVG, 2_722_824 - E_NERV_COORDINATES),
    ],
)
def test_parameters_are_the_published_ones(codec: ImplicitCodec, video: VideoFormat, parameters: int) -> None:
    """To the last parameter."""
    assert count(codec, video) == parameters


@pytest.mark.parametrize(
    ("codec", "video", "gmacs"),
    [
        (NeRV(fc_dim=26), BUNNY, 100.942),
        (ENeRV(), BUNNY, 152.318),
    ],
)
def test_gmacs_are_the_published_ones(codec: ImplicitCodec, video: VideoFormat, gmacs: float) -> None:
    """By fvcore, whose "flop" is one multiply-accumulate. It computes the picture, which at 1920x1080 takes long: table
    2 of Res-NeRV is in tests/cli, by the command that prints it."""
    assert codec.complexity(video).macs_per_frame / 1e9 == pytest.approx(gmacs, abs=6e-4)


class Normalisations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up fvcore's estimate of what it costs to normalise: four multiply-accumulates for each element where the
    statistics are its own picture's, two where they are stored, scale and shift included."""

    macs = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operator, and count it if it normalises."""
        if func is torch.ops.aten.native_batch_norm.default:
            elements, by_own_statistics = args[0].numel(), args[5]
            self.macs += elements * (4 if by_own_statistics else 2)
        return func(*args, **(kwargs or {}))


def second_count(codec: ImplicitCodec, video: VideoFormat) -> tuple[int, int]:
    """The multiply-accumulates of a frame, in products by torch's own counter, and in normalisations.

    That counter sees the operators that run, here on tensors without values, where fvcore reads a traced graph. Both
    count the products of convolutions, linear layers and attention, and leave out activations, softmax, pixel shuffle,
    sums and element-wise products. Only fvcore counts normalisations; its estimates are beside.
    """
    with torch.device("meta"):
        network, index = codec.network(video).eval(), torch.zeros(1, dtype=torch.int64)
    normalisations = Normalisations()  # type: ignore[no-untyped-call]
    with FlopCounterMode(display=False) as products, normalisations, torch.no_grad():
        network(index)
    return products.get_total_flops() // 2, normalisations.macs


@pytest.mark.parametrize(
    ("codec", "video", "gmacs"),
    [
        (NeRV(fc_dim=26), BUNNY, 100.942),
        (NeRV(fc_dim=21), UVG, 226.941),  # Res-NeRV, table 2, prints 226.94
        (ENeRV(), BUNNY, 152.318),
        (ENeRV(fc_dim=51, expansion=1), UVG, 228.209),  # table 2 prints 228.21
        (ResNeRV(fc_dim=16), UVG, 683.667),
        (ResNeRV(fc_dim=16, norm="bn"), UVG, 684.196),  # table 2 prints 684.20: one affine batch norm in each block
    ],
)
def test_published_gmacs_by_a_second_counter(codec: ImplicitCodec, video: VideoFormat, gmacs: float) -> None:
    """NeRV and Res-NeRV as published are products alone, 226,941,330,448 of them in table 2's NeRV."""
    products, normalisations = second_count(codec, video)
    assert (products + normalisations) / 1e9 == pytest.approx(gmacs, abs=6e-4)
    assert bool(normalisations) == (codec.name == "e-nerv" or getattr(codec, "norm", "none") != "none")


@pytest.mark.parametrize("codec", [*SMALL_CODECS, ResNeRV(fc_dim=2, norm="bn")])
def test_two_counters_agree(codec: ImplicitCodec) -> None:
    """To the last multiply-accumulate, on every kind of network."""
    assert sum(second_count(codec, SMALL)) == codec.complexity(SMALL).macs_per_frame


def test_residual_blocks_cost_the_same_in_e_nerv() -> None:
    """Res-E-NeRV is E-NeRV with what Res-NeRV adds to a NeRV of the same widths."""
    sizes = {"fc_dim": 16, "expansion": 1.0}
    added = count(ResENeRV(**sizes), UVG) - count(ENeRV(**sizes), UVG)  # type: ignore[arg-type]
    assert added == count(ResNeRV(**sizes), UVG) - count(NeRV(**sizes), UVG)  # type: ignore[arg-type]


def test_macs_equal_a_count_by_hand() -> None:
    """Independent of fvcore: the products of each layer of a small NeRV, written out."""
    codec = NeRV(fc_dim=4, lower_width=8, stem_dim=16, levels=10)
    stem = 20 * 16 + 16 * (9 * 16 * 4)
    blocks = 9 * 4 * 4 * 25 * (9 * 16) + 9 * 4 * 8 * 4 * (45 * 80) + 9 * 8 * 8 * 4 * (90 * 160)
    head = 8 * 3 * (180 * 320)
    complexity = codec.complexity(SMALL)
    assert complexity.macs_per_frame == stem + blocks + head
    assert any("gelu" in name for name in complexity.unsupported_operators)


@pytest.mark.parametrize("codec", SMALL_CODECS)
def test_pictures_have_the_video_size_and_range(codec: ImplicitCodec) -> None:
    """Every network maps frame indices to pictures in [0, 1]."""
    with torch.inference_mode():
        pictures = codec.network(SMALL).eval()(torch.tensor([0, 7, 3]))
    assert pictures.shape == (3, 3, 180, 320)
    assert 0 <= float(pictures.min()) <= float(pictures.max()) <= 1


@pytest.mark.parametrize("codec", SMALL_CODECS)
def test_a_frame_does_not_depend_on_its_batch(codec: ImplicitCodec) -> None:
    """Decoding in batches gives the frames that decoding one by one gives."""
    network = codec.network(SMALL).eval()
    with torch.inference_mode():
        together, alone = network(torch.tensor([1, 5])), network(torch.tensor([5]))
    torch.testing.assert_close(together[1:], alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("codec", SMALL_CODECS)
def test_gradients_do_not_depend_on_the_memory_format(codec: ImplicitCodec) -> None:
    """Channels-last training follows the true gradient (torch's instance_norm does not, on a CPU)."""
    gradients = []
    for memory_format in (torch.contiguous_format, torch.channels_last):
        torch.manual_seed(0)
        network = codec.network(SMALL).train().to(memory_format=memory_format)
        network(torch.tensor([2])).square().mean().backward()
        gradients.append([p.grad.contiguous() for p in network.parameters() if p.grad is not None])
    # A bias that only shifts what the next instance norm centres has no gradient but rounding.
    rounding = 1e-6 * max(float(gradient.norm()) for gradient in gradients[0])
    for one, other in zip(*gradients, strict=True):
        assert float((one - other).norm()) <= 1e-3 * float(one.norm()) + rounding


def test_normalisation_is_the_same_in_training_and_inference() -> None:
    """The two ways to compute it give the same maps, and with scale and shift torch's own layer's."""
    x = torch.randn(2, 3, 5, 7) * 4 + 1
    ours, theirs = InstanceNorm(3), nn.InstanceNorm2d(3, affine=True)
    for layer in (ours, theirs):
        nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(1))
        nn.init.normal_(layer.bias, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours.eval()(x), theirs(x))


@pytest.mark.parametrize("shape", [(1, 8, 9, 16), (2, 3, 5, 7), (3, 1, 40, 1)])
def test_fused_normalisation_follows_the_exact_one(shape: tuple[int, ...]) -> None:
    """Values and all three gradients of the bfloat16 passes, against automatic differentiation in float64."""
    generator = torch.Generator().manual_seed(3)
    x = (torch.randn(shape, generator=generator) * 2 + 0.5).bfloat16()
    factors = torch.randn(2, *shape[:2], generator=generator)
    upstream = torch.randn(shape, generator=generator).bfloat16()
    results = []
    for dtype, dtype_of_factors in ((torch.bfloat16, torch.float32), (torch.float64, torch.float64)):
        inputs = [tensor.clone().requires_grad_() for tensor in (x.to(dtype), *factors.to(dtype_of_factors))]
        out = instance_norm(*inputs, training=True)
        results.append([out.detach(), *torch.autograd.grad(out, inputs, upstream.to(dtype))])
    for fused, exact in zip(*results, strict=True):
        assert float((fused.double() - exact).norm()) <= 2**-7 * float(exact.norm()) + 1e-6


def test_folding_batch_norm_changes_nothing() -> None:
    """The folded block is the same function and has no normalisation left."""
    torch.manual_seed(0)
    block = ResidualBlock(6, "bn").train()
    for _ in range(5):
        block(torch.randn(2, 6, 9, 9) * 3 + 1)  # running statistics away from their start
    x = torch.randn(1, 6, 9, 9)
    before = block.eval()(x)
    block.fold_norm()
    torch.testing.assert_close(block(x), before, atol=1e-5, rtol=1e-5)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in block.modules())


def test_positional_encoding_is_the_formula() -> None:
    """NeRV, equation 2, in double precision, at the highest frequency too."""
    encoding = PositionalEncoding(80)(torch.tensor([3 / 7], dtype=torch.float64))
    angle = 1.25**79 * torch.pi * torch.tensor(3 / 7, dtype=torch.float64)
    assert encoding.shape == (1, 160)
    assert float(encoding[0, 0]) == pytest.approx(float(torch.sin(torch.tensor(torch.pi * 3 / 7))), abs=1e-6)
    assert float(encoding[0, -1]) == pytest.approx(float(torch.cos(angle)), abs=1e-6)


@pytest.mark.parametrize(
    ("width", "height", "grid", "strides"),
    [
        (1280, 720, (9, 16), (5, 2, 2, 2, 2)),  # as the authors chose for Bunny
        (1920, 1080, (9, 16), (5, 3, 2, 2, 2)),  # and for UVG
        (320, 180, (9, 16), (5, 2, 2)),
        (416, 240, (15, 26), (2, 2, 2, 2)),
        (1918, 1078, (9, 16), (5, 3, 2, 2, 2)),  # padded to 1920x1080
        (853, 480, (5, 9), (3, 2, 2, 2, 2, 2)),  # padded to 864x480
    ],
)
def test_strides_lead_from_the_grid_to_the_picture(
    width: int, height: int, grid: tuple[int, int], strides: tuple[int, ...]
) -> None:
    """Grid times strides is the picture's size, or that of the canvas around it."""
    video = VideoFormat(width, height, 1, Fraction(25), "rgb24")
    assert coarsest_map(video) == grid
    assert upsampling_strides(video) == strides
    rows, columns = (math.prod(strides) * side for side in grid)
    assert canvas(video) == (columns, rows)


@pytest.mark.parametrize("width", [11, 53, 101, 352, 1366, 1919, 2048, 3839])
@pytest.mark.parametrize("height", [11, 59, 97, 288, 768, 1079, 1080, 2159])
def test_every_size_has_a_canvas(width: int, height: int) -> None:
    """Around it, from a grid that is small enough, and at most a quarter larger but for the smallest."""
    video = VideoFormat(width, height, 1, Fraction(25), "rgb24")
    columns, rows = canvas(video)
    assert columns >= width
    assert rows >= height
    assert math.prod(coarsest_map(video)) <= LARGEST_MAP
    assert max(upsampling_strides(video)) <= 13 or (columns, rows) == (width, height)
    assert columns * rows <= 1.25 * width * height or min(width, height) < 20


@pytest.mark.parametrize("name", ["nerv", "e-nerv", "res-nerv", "res-e-nerv"])
def test_padded_networks_make_the_video_and_count_the_canvas(name: str) -> None:
    """The picture has the video's size; parameters and MACs are those of the network that makes the canvas."""
    codec = rate_points(Selection(name, {}), load_preset("smoke"))[0]
    assert isinstance(codec, ImplicitCodec)
    odd, whole = (VideoFormat(*size, 3, Fraction(25), "rgb24") for size in ((157, 89), (160, 90)))
    assert canvas(odd) == (160, 90)
    torch.manual_seed(0)
    network = codec.network(odd)
    torch.manual_seed(0)
    reference = codec.network(whole)
    picture = network(torch.tensor([1]))
    assert picture.shape == (1, 3, 89, 157)
    assert torch.equal(picture, reference(torch.tensor([1]))[..., :89, :157])
    assert codec.complexity(odd) == codec.complexity(whole)

"""GELU with pixel shuffle against torch's own operators: values, order and gradients."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from bench.codecs.inr.kernels.shuffle import gelu_shuffle, shuffle

SHAPES = [(1, 8, 3, 5, 2), (2, 75, 9, 16, 5), (1, 7, 4, 4, 1), (3, 27, 1, 6, 3)]


def reordered(x: torch.Tensor, stride: int) -> torch.Tensor:
    """The channels in the order that torch's pixel shuffle expects: (channel, row, column)."""
    return x.unflatten(1, (stride * stride, -1)).transpose(1, 2).flatten(1, 2)


@pytest.mark.parametrize(("batch", "channels", "height", "width", "stride"), SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_order_is_that_of_pixel_shuffle(
    batch: int, channels: int, height: int, width: int, stride: int, dtype: torch.dtype
) -> None:
    """Every element arrives where torch puts it, for both layouts in memory."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(batch, channels // stride**2 * stride**2, height, width, generator=generator).to(dtype)
    expected = functional.pixel_shuffle(reordered(x, stride), stride)
    exact = functional.gelu(expected.double())  # in the tails torch's own bfloat16 GELU is coarse
    for form in (torch.contiguous_format, torch.channels_last):
        assert torch.equal(shuffle(x.to(memory_format=form), stride), expected)
        activated = gelu_shuffle(x.to(memory_format=form), stride).double()
        assert torch.allclose(activated, exact, rtol=2**-7 if dtype == torch.bfloat16 else 1e-5, atol=1e-6)


def test_every_bfloat16_has_its_gelu() -> None:
    """All 65,536 of them, within one unit in the last place of the float64 value, slopes too."""
    x = torch.arange(1 << 16, dtype=torch.int32).to(torch.uint16).view(torch.bfloat16)
    x = x[x.isfinite()].reshape(1, 1, 1, -1)
    exact = x.double().requires_grad_()
    value = exact * torch.special.ndtr(exact)
    value.sum().backward()
    ours = x.clone().requires_grad_()
    out = gelu_shuffle(ours, 1)
    out.sum().backward()
    assert ours.grad is not None
    assert exact.grad is not None
    # Below -5 the values are less than 1e-6 and float32's own normal distribution is coarse.
    usual = x.double() > -5
    for found, expected in ((out.detach(), value.detach()), (ours.grad, exact.grad)):
        error = (found.double() - expected).abs()
        assert (error[usual] <= 2**-8 * expected[usual].abs() + 1e-7).all()
        assert float(error[~usual].max()) < 1e-5


def test_infinities_and_nan_stay_what_they_are() -> None:
    """So that a training that diverges is seen to."""
    x = torch.tensor([torch.inf, -torch.inf, torch.nan]).bfloat16().reshape(1, 3, 1, 1)
    found = gelu_shuffle(x, 1).flatten()
    assert found[0] == torch.inf
    assert found[1] == 0
    assert found[2].isnan()


@pytest.mark.parametrize("stride", [1, 2, 5])
def test_gradients(stride: int) -> None:
    """Against automatic differentiation through torch's operators, in float32."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, 3 * stride**2, 9, 16, generator=generator).bfloat16()
    upstream = torch.randn(2, 3, 9 * stride, 16 * stride, generator=generator)
    ours, theirs = x.clone().requires_grad_(), x.float().requires_grad_()
    gelu_shuffle(ours, stride).backward(upstream.bfloat16())
    functional.gelu(functional.pixel_shuffle(reordered(theirs, stride), stride)).backward(upstream)
    assert ours.grad is not None
    assert theirs.grad is not None
    assert torch.allclose(ours.grad.float(), theirs.grad, rtol=2**-6, atol=2**-8)

"""The training loss against torch and pytorch-msssim: value and gradient."""

from __future__ import annotations

import pytest
import pytorch_msssim
import torch

from bench.codecs.inr.kernels.loss import by_torch, loss_and_error
from bench.codecs.inr.network.source import as_pictures, load_frames
from bench.dataset import Clip


def assert_same(picture: torch.Tensor, target: torch.Tensor) -> None:
    """Value and gradient agree with automatic differentiation."""
    ours, theirs = (picture.clone().requires_grad_() for _ in range(2))
    value, squared_error = loss_and_error(ours, target, 0.7, 0.3)
    reference = 0.3 * (1 - pytorch_msssim.ssim(theirs, target, data_range=1)) + 0.7 * (theirs - target).abs().mean()
    torch.testing.assert_close(squared_error, (theirs - target).detach().square().mean((1, 2, 3)))
    on_other_devices = by_torch(picture, target, 0.7, 0.3)
    torch.testing.assert_close(on_other_devices, (reference.detach(), squared_error), atol=1e-5, rtol=1e-5)
    (3 * value).backward()
    (3 * reference).backward()
    assert value.item() == pytest.approx(reference.item(), abs=1e-5)
    assert ours.grad is not None
    assert theirs.grad is not None
    assert float((ours.grad - theirs.grad).norm()) <= 1e-4 * float(theirs.grad.norm()) + 1e-9


@pytest.mark.parametrize("shape", [(1, 3, 180, 320), (2, 3, 37, 53), (1, 1, 11, 11)])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_random_pictures(shape: tuple[int, ...], memory_format: torch.memory_format) -> None:
    """Any size from one window on, any layout in memory."""
    generator = torch.Generator().manual_seed(0)
    target = torch.rand(shape, generator=generator).to(memory_format=memory_format)
    noise = torch.rand(shape, generator=generator).to(memory_format=memory_format)
    assert_same(0.7 * target + 0.3 * noise, target)


def test_real_frames(clip: Clip) -> None:
    """One frame of Bunny against the next, and flat areas that a constant picture makes."""
    pictures = as_pictures(load_frames(clip.rgb, torch.device("cpu"))[:2])
    assert_same(pictures[:1], pictures[1:])
    assert_same(torch.full_like(pictures[:1], 0.5), pictures[1:])


def test_identical_pictures_have_no_loss(clip: Clip) -> None:
    """And nothing to gain."""
    picture = as_pictures(load_frames(clip.rgb, torch.device("cpu"))[:1]).requires_grad_()
    value, squared_error = loss_and_error(picture, picture.detach(), 0.7, 0.3)
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-5)
    assert squared_error.tolist() == [0]
    assert picture.grad is not None
    assert float(picture.grad.abs().max()) < 1e-6


def test_nan_is_not_hidden() -> None:
    """One sample that is not a number makes the loss none."""
    picture = torch.rand(1, 3, 20, 20)
    target = picture.clone()
    picture[0, 1, 10, 10] = torch.nan
    value, squared_error = loss_and_error(picture, target, 0.7, 0.3)
    assert value.isnan()
    assert squared_error.isnan().all()

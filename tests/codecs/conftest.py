"""What all tests of codecs share."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def same_numbers() -> None:
    """Torch's random numbers are the same in every run of a test, whatever ran before it."""
    torch.manual_seed(0)

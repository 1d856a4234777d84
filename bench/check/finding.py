"""What a check says of one cell or curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["exact", "numeric", "curve", "time", "structure"]
"""What was set against the baseline: digests, sizes and qualities, a whole curve, seconds, or the set of cells."""

Verdict = Literal["fine", "note", "warning", "regression", "incomparable"]
"""A note and a warning leave the exit status at 0, a regression makes it 1 and what cannot be compared makes it 2."""


@dataclass(frozen=True)
class Finding:
    """What one check says of one cell or curve.

    ``subject`` names the cell, such as ``bunny/bunny x265 crf=28``, or the curve, such as ``bunny/bunny x265``.
    ``message`` is one sentence: what was expected, what was found, and by how much they differ.
    """

    subject: str
    kind: Kind
    verdict: Verdict
    message: str

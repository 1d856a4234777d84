"""NeRV's own compression pipeline, from the command line to the decoded frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.cli import main
from bench.codecs.inr.codec import codec_of
from bench.codecs.inr.stream import read_stream
from bench.codecs.inr.training.prune import is_prunable
from bench.codecs.inr.weights.codings import DECODERS
from bench.records.record import Record
from bench.records.store import Store


@pytest.fixture
def pair(smoke_results: Path) -> tuple[Record, Record]:
    """The same network coded by the default and by NeRV's pipeline."""
    networks = [record for record in Store(smoke_results).records() if record.codec.name == "nerv"]
    plain, pruned = sorted(networks, key=lambda record: float(record.codec.parameters["pruned"]))
    return plain, pruned


@pytest.mark.process
@pytest.mark.train
def test_pruned_weights_are_exactly_zero_in_the_stream(pair: tuple[Record, Record], smoke_results: Path) -> None:
    """Their positions travelled: a decoder finds 60 % zeros where there were weights to prune."""
    _, pruned = pair
    assert pruned.stream is not None
    content = read_stream(smoke_results / pruned.stream.path)
    header = content.header
    assert header.coder == "huffman"
    tensors = list(codec_of(header).network(header.video).sent())
    decoded = DECODERS[header.coder].decode(content.coded, [tensor.place for tensor in tensors])
    prunable = [values.flatten() for tensor, values in zip(tensors, decoded, strict=True) if is_prunable(tensor)]
    assert np.mean(np.concatenate(prunable) == 0) == pytest.approx(0.6, abs=0.001)


@pytest.mark.process
@pytest.mark.train
def test_fine_tuning_is_in_the_record(pair: tuple[Record, Record]) -> None:
    """A third of the epochs more, counted as encoding and seen in the curve."""
    plain, pruned = pair
    assert [(stage["stage"], stage["steps"]) for stage in plain.notes["trainings"]] == [("training", 20)]
    assert [(stage["stage"], stage["steps"]) for stage in pruned.notes["trainings"]] == [
        ("training", 20),
        ("fine_tuning", 8),
    ]
    assert pruned.encode is not None
    assert {"training", "fine_tuning", "quantisation_and_entropy_coding"} <= set(pruned.encode.parts)
    assert plain.encode is not None
    assert "fine_tuning" not in plain.encode.parts
    assert pruned.training is not None
    assert pruned.training.steps[-1] == 28


@pytest.mark.process
@pytest.mark.train
def test_every_byte_has_a_purpose(pair: tuple[Record, Record]) -> None:
    """Tables and the channels' ranges are scales, which NeRV's count leaves out."""
    plain, pruned = pair
    assert plain.stream is not None
    assert pruned.stream is not None
    assert pruned.stream.ledger["weights"] < 0.75 * plain.stream.ledger["weights"]
    assert pruned.stream.ledger["scales"] > 20 * plain.stream.ledger["scales"]
    assert sum(pruned.stream.ledger.values()) == pruned.stream.size_bytes


@pytest.mark.parametrize(("option", "message"), [("pruned=1", "a share from 0 to below 1"), ("weights=zip", "zip")])
def test_options_that_make_no_sense(option: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Are refused before anything is trained."""
    assert main(["run", "--preset", "smoke", "--codecs", f"nerv[{option}]", "--dry-run"]) == 2
    assert message in capsys.readouterr().err

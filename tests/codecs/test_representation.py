"""A network that uses everything that `Representation` offers, from training to decoded frames.

It has an encoder that is never sent, an embedding of each frame with quantisation steps of its own, a feature grid, key
frames of another codec beside the tensors, trains on halves of frames, and keeps a state from run to run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bench.codec import Job, Stopwatch
from bench.codecs.inr.codec import ImplicitCodec
from bench.codecs.inr.network.representation import AttachmentName, Representation, SentTensor
from bench.codecs.inr.network.source import SourceFrames
from bench.codecs.inr.stream import read_stream, split_bytes, write_stream
from bench.dataset import Clip
from bench.errors import StreamError
from bench.registry import codecs
from bench.video.raw import RawVideo, VideoFormat

pytestmark = pytest.mark.train

KEY_FRAMES = b"coded by somebody else"
DIMENSIONS = 8


class PlantedNetwork(Representation):
    """A frame is its embedding, times a grid, made larger; the embedding comes from an encoder until it is kept."""

    def __init__(self, video: VideoFormat) -> None:
        super().__init__(video)
        self.encoder: nn.Module | None = nn.Linear(3, DIMENSIONS)
        self.embeddings: Tensor | None = None
        self.grid = nn.Parameter(torch.ones(DIMENSIONS, 9, 16))
        self.mix = nn.Conv2d(DIMENSIONS, 3, 1)
        self.attached = b""
        self.runs: list[int] = []

    def decoded(self, embeddings: Tensor) -> Tensor:
        """Pictures of embeddings (B, channels)."""
        small = self.mix(embeddings[:, :, None, None] * self.grid)
        picture: Tensor = nn.functional.interpolate(small.float(), self.size, mode="bilinear").sigmoid()
        return picture

    def encoded(self, index: Tensor, source: SourceFrames) -> Tensor:
        """The embeddings of frames: from their mean colours, as long as there is an encoder."""
        if self.embeddings is not None:
            return self.embeddings[index]
        assert self.encoder is not None
        embeddings: Tensor = self.encoder(source.pictures(index).mean((2, 3)))
        return embeddings

    def forward(self, index: Tensor) -> Tensor:
        """Needs the embeddings that `finish` keeps."""
        assert self.embeddings is not None
        return self.decoded(self.embeddings[index])

    @property
    def training_samples(self) -> int:
        """Each frame has an upper and a lower half."""
        return 2 * self.frames

    def halves(self, pictures: Tensor, samples: Tensor) -> Tensor:
        """Of each picture the half that its sample is."""
        rows = self.size[0] // 2
        return torch.stack(
            [picture[:, rows * int(s % 2) :][:, :rows] for picture, s in zip(pictures, samples, strict=True)]
        )

    def reconstruct(self, samples: Tensor, source: SourceFrames) -> Tensor:
        """Halves of the pictures of encoded frames."""
        return self.halves(self.decoded(self.encoded(samples // 2, source)), samples)

    def targets(self, samples: Tensor, source: SourceFrames) -> Tensor:
        """Halves of the source's pictures."""
        return self.halves(source.pictures(samples // 2), samples)

    def finish(self, source: SourceFrames | None) -> None:
        """Keep all embeddings, drop the encoder."""
        kept = torch.zeros(self.frames, DIMENSIONS)
        if source is not None:
            kept = self.encoded(torch.arange(self.frames), source).detach().clone()
            self.attached = KEY_FRAMES
        self.encoder = None
        self.embeddings = nn.Parameter(kept)

    def sent(self) -> Iterator[SentTensor]:
        """Not the encoder."""
        for name, values in self.named_parameters():
            if name == "embeddings":
                yield SentTensor(name, "embeddings", values.detach(), step_axis=1)
            elif name == "grid":
                yield SentTensor(name, "grids", values.detach(), step_axis=0)
            elif not name.startswith("encoder."):
                yield SentTensor(name, "biases" if values.ndim == 1 else "weights", values.detach())

    def attachments(self) -> dict[AttachmentName, bytes]:
        """Key frames of another codec."""
        return {"key_frames": self.attached}

    def attach(self, attachments: Mapping[AttachmentName, bytes]) -> None:
        """Takes key frames, and nothing else."""
        if set(attachments) != {"key_frames"}:
            raise StreamError("planted: key frames are needed")
        self.attached = attachments["key_frames"]

    def decode_run(self, index: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """The state is the number of frames so far."""
        assert int(index[0]) == (state or 0)
        return self(index), (state or 0) + len(index)


@dataclass(frozen=True)
class Planted(ImplicitCodec):
    """Its codec."""

    name: ClassVar[str] = "planted"
    version: ClassVar[int] = 1
    network_version: ClassVar[int] = 1

    def network(self, video: VideoFormat) -> Representation:
        """The untrained network."""
        return PlantedNetwork(video)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch, fresh_registry: None) -> Planted:
    """Registered, so that a stream finds it."""
    monkeypatch.setattr(codecs, "load", lambda _: Planted)
    return Planted(epochs=40, recipe="short", target="-0.5dB")


@pytest.fixture
def stream(planted: Planted, clip: Clip, tmp_path: Path) -> Path:
    """Encoded from four frames of Bunny."""
    path = tmp_path / "stream.inr"
    job = Job(0, tmp_path, tmp_path / "checkpoints", lambda *_, **__: None)
    planted.encode(clip, path, job)
    assert job.notes["trainings"][0]["steps"] == 40 * 8  # halves of four frames
    return path


def test_everything_travels_under_its_own_name(stream: Path) -> None:
    """And the encoder does not: the sections hold what a decoder needs."""
    content = read_stream(stream)
    assert list(content.coded.tensors) == ["weights", "biases", "embeddings", "grids"]
    assert content.attachments == {"key_frames": KEY_FRAMES}
    ledger = split_bytes(stream)
    assert sum(ledger.values()) == stream.stat().st_size
    assert ledger["key_frames"] == len(KEY_FRAMES)
    # One step for each of: the mix's weights, its biases, eight channels of embeddings, eight of the grid.
    assert ledger["scales"] == 4 + 1 + 1 + DIMENSIONS + DIMENSIONS


def test_a_decoder_gives_what_the_encoder_saw(planted: Planted, stream: Path, clip: Clip, tmp_path: Path) -> None:
    """Frames of the right size, better than grey, with key frames handed to the network."""
    frames = tmp_path / "frames.raw"
    found = Planted.decode(stream, frames, Stopwatch())
    assert found.video == clip.rgb.format
    pairs = zip(RawVideo(frames, found.video).read_frames(), clip.rgb.read_frames(), strict=True)
    errors = [np.square(a.astype(float) - b).mean() for (a,), (b,) in pairs]
    grey = np.mean([np.square(frame.astype(float) - 128).mean() for (frame,) in clip.rgb.read_frames()])
    assert np.mean(errors) < 0.6 * grey
    embeddings = [tensor for tensor in planted.network(found.video).sent() if tensor.purpose == "embeddings"]
    assert embeddings == []  # there are none before `finish`


def test_other_attachments_are_refused(planted: Planted, stream: Path, tmp_path: Path) -> None:
    """By the network, which alone knows what it needs."""
    write_stream(stream, dataclasses.replace(read_stream(stream), attachments={}))
    with pytest.raises(StreamError, match="key frames are needed"):
        Planted.decode(stream, tmp_path / "frames.raw", Stopwatch())


def test_complexity_counts_what_travels(planted: Planted, clip: Clip) -> None:
    """Before `finish`, too: 8 x 9 x 16 of the grid, 8 x 3 + 3 of the mix, and no encoder."""
    tensors: Iterable[SentTensor] = planted.network(clip.rgb.format).sent()
    assert sum(tensor.values.numel() for tensor in tensors) == DIMENSIONS * 9 * 16 + 3 * DIMENSIONS + 3


def test_a_rate_holds_for_the_whole_file(planted: Planted, clip: Clip, tmp_path: Path) -> None:
    """Header, embeddings that only `finish` makes, and key frames: 0.02 bits a pixel of four frames are 576 bytes."""
    path = tmp_path / "stream.inr"
    job = Job(0, tmp_path, tmp_path / "checkpoints", lambda *_, **__: None)
    dataclasses.replace(planted, target="0.02bpp", weights="sensitivity").encode(clip, path, job)
    assert job.notes["quantisation"]["target_met"]
    assert 0.9 * 576 < path.stat().st_size <= 576

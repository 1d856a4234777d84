"""Names of codecs and datasets, and where their code is. Nothing is imported before it is used.

A third party adds its own under the entry-point groups ``bench.codecs`` and ``bench.datasets``,
or, while developing, in the environment: ``BENCH_CODECS="mine=my_module:MyCodec"``.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import importlib
import importlib.metadata
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

from .codec import Codec
from .dataset import Dataset
from .errors import StreamError, UsageError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names to classes, each loaded when it is first asked for."""

    def __init__(self, noun: str, base: type[T], builtin: dict[str, str]) -> None:
        self.noun = noun
        self.base = base
        self.builtin = builtin

    @functools.cached_property
    def targets(self) -> dict[str, str]:
        """Name to ``module:Class``. Raises `UsageError` if two claim one name."""
        targets = dict(self.builtin)
        for name, target in self._third_party():
            if targets.setdefault(name, target) != target:
                raise UsageError(f"Two {self.noun}s are called {name!r}: {targets[name]} and {target}. Rename one.")
        return targets

    def _third_party(self) -> Iterator[tuple[str, str]]:
        for point in importlib.metadata.entry_points(group=f"bench.{self.noun}s"):
            yield point.name, point.value
        variable = f"BENCH_{self.noun.upper()}S"
        for item in filter(None, os.environ.get(variable, "").split(",")):
            name, separator, target = item.partition("=")
            if not separator or ":" not in target:
                raise UsageError(f"{variable} holds {item!r}; expected name=module:Class.")
            yield name.strip(), target.strip()

    def names(self) -> list[str]:
        return list(self.targets)

    def load(self, name: str) -> type[T]:
        """The class called ``name``. Raises `UsageError`, with a suggestion, if there is none."""
        if name not in self.targets:
            raise unknown(self.noun, name, self.names())
        return self.load_target(name, self.targets[name])

    def load_target(self, name: str, target: str) -> type[T]:
        """The class at ``module:Class``. Raises `UsageError` if there is none."""
        module, _, attribute = target.partition(":")
        try:
            loaded = getattr(importlib.import_module(module), attribute)
        except Exception as error:  # a third party's module may raise anything while it is imported
            reason = f"{type(error).__name__}: {error}"
            raise UsageError(f"The {self.noun} {name!r} ({target}) cannot be loaded: {reason}.") from error
        if not (isinstance(loaded, type) and issubclass(loaded, self.base)):
            raise UsageError(f"{target} is not a {self.base.__name__}.")
        return loaded


def unknown(noun: str, name: str, known: list[str]) -> UsageError:
    """The error for a name that does not exist, with the nearest one that does."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return UsageError(f"There is no {noun} {name!r}.{hint} Known: {', '.join(known)}.")


codecs: Registry[Codec] = Registry(
    "codec",
    Codec,  # type: ignore[type-abstract]
    {
        "raw": "bench.codecs.raw:Raw",
        "x264": "bench.codecs.x264:X264",
        "x265": "bench.codecs.x265:X265",
        "svt-av1": "bench.codecs.svt_av1:SVTAV1",
        "vvenc": "bench.codecs.vvenc:VVenC",
        "nerv": "bench.codecs.nerv:NeRV",
        "e-nerv": "bench.codecs.e_nerv:ENeRV",
        "res-nerv": "bench.codecs.res_nerv:ResNeRV",
        "res-e-nerv": "bench.codecs.res_e_nerv:ResENeRV",
    },
)

datasets: Registry[Dataset] = Registry(
    "dataset",
    Dataset,  # type: ignore[type-abstract]
    {"bunny": "bench.datasets.bunny:Bunny", "uvg": "bench.datasets.uvg:UVG"},
)
OWN_VIDEOS = "bench.datasets.folder:Folder"


def open_dataset(name: str, data_root: Path | None = None, stated: Any = None) -> Dataset:
    """The dataset that is registered as ``name``, or a user's own videos at the path ``name``.

    ``stated`` (`bench.sources.file.StatedFormat`) is what the user says of files that do not say it themselves.
    """
    if name in datasets.names():
        return datasets.load(name)(data_root)
    if not ("/" in name or os.sep in name or Path(name).exists()):
        known = [*datasets.names(), "a path to your own video"]
        raise unknown("dataset", name, known)
    own: Any = datasets.load_target(name, OWN_VIDEOS)
    opened: Dataset = own(Path(name)) if stated is None else own(Path(name), stated)
    return opened


def decoder_of(stream: Path) -> type[Codec]:
    """The codec that decodes a stream, by its suffix and, where codecs share one, by its own header. Of several that
    share a decoder it is the first. Raises `StreamError` if there is none, `UsageError` if two would decode it each in
    its own way."""
    loaded = list(_loadable())
    claiming = [codec for codec in loaded if codec.suffix == stream.suffix]
    if not claiming:
        known = ", ".join(dict.fromkeys(codec.suffix for codec in loaded))
        raise StreamError(f"{stream.name}: no codec writes streams with the suffix {stream.suffix!r}. Known: {known}.")
    reading = [codec for codec in claiming if codec.reads(stream)]
    _check_one_decoder(reading)
    return (reading or claiming)[0]  # one that reads none of its kind says what is wrong with it


def check_suffix(codec: type[Codec]) -> None:
    """Raise `UsageError` if another codec would decode this one's streams in a way of its own: before anything is
    encoded. Codecs that tell their streams apart by a header, in `Codec.reads`, may share a suffix."""
    if codec.reads.__func__ is Codec.reads.__func__:  # type: ignore[attr-defined]
        _check_one_decoder([other for other in [codec, *_loadable()] if other.suffix == codec.suffix])


def _check_one_decoder(claiming: list[type[Codec]]) -> None:
    for other in claiming[1:]:
        if other.decode.__func__ is not claiming[0].decode.__func__:  # type: ignore[attr-defined]
            raise UsageError(
                f"The codecs {claiming[0].name!r} and {other.name!r} both claim the suffix {other.suffix} and "
                "decode it each in its own way. Give one of them another suffix, or a header that its `reads` looks at."
            )


def _loadable() -> Iterator[type[Codec]]:
    """Every codec but those of third parties that cannot be loaded, which say so when they are asked for by name."""
    for name in codecs.names():
        with contextlib.suppress(UsageError):
            yield codecs.load(name)

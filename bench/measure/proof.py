"""No metric of `families` is believed before it has proved itself on the clip at hand: the clip against itself, at its
own size and depth, must give the best values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError

from ..dataset import Clip
from ..errors import BenchError, StoreError, ToolError
from ..files import read_json, write_json
from ..records.record import Quality
from ..video.raw import VideoFormat
from .families import FAMILIES, Compared, Family, Values


@dataclass(frozen=True)
class Proof:
    """What came of a clip compared with itself: why the family is not to be believed, or None. ``tools`` are the
    versions with which that was found."""

    tools: dict[str, str]
    fault: str | None


def fault(family: Family, clip: Clip) -> str | None:
    """Why a family gives no values of such a clip that can be believed; None if it does. The proof is kept beside the
    clip, and made again when a tool has another version."""
    if reason := family.missing(clip.yuv.format):
        return reason
    path = clip.yuv.path.with_name(f"proof-{family.name}.json")
    try:
        proof = read_json(path, Proof)
    except StoreError:
        proof = None
    if proof is None or proof.tools != family.tools():
        proof = Proof(family.tools(), _prove(family, clip))
        write_json(path, proof)
    return proof.fault


def _prove(family: Family, clip: Clip) -> str | None:
    try:
        values = family.measure(Compared(clip, clip.rgb, clip.yuv))
        _check_counts(values, clip.yuv.format)
    except BenchError as error:
        return f"comparing the clip with itself failed: {error}"
    for name, least in family.least.items():
        worst = min(values.frames[name])
        if not worst >= least:
            return f"the clip compared with itself has {name} {worst:.4g} in a frame; at least {least:g} was expected"
    return None


def _check_counts(values: Values, form: VideoFormat) -> None:
    for name, each in values.frames.items():
        if len(each) != form.frames:
            raise ToolError(f"Measuring {name}: there are values of {len(each)} frames; expected {form.frames}.")


def with_families(quality: Quality, names: Iterable[str], compared: Compared) -> Quality:
    """``quality`` with the metrics of the families of these names too, or with the reasons why it lacks them."""
    form = compared.clip.yuv.format
    for name in names:
        family = FAMILIES[name]
        quality = _without(quality, family.least)
        try:
            reason = fault(family, compared.clip)
            values = None if reason else family.measure(compared)
            if values:
                _check_counts(values, form)
        except BenchError as error:
            reason, values = str(error), None
        if values is None:
            unavailable = quality.unavailable | dict.fromkeys(family.least, str(reason))
            quality = replace(quality, unavailable=unavailable)
            continue
        remark = family.remark(form)
        quality = replace(
            quality,
            clip=quality.clip | values.clip,
            frames=quality.frames | {metric: [*each] for metric, each in values.frames.items()},
            tools=quality.tools | dict.fromkeys(family.least, tools_in_words(family)),
            remarks=quality.remarks | (dict.fromkeys(family.least, remark) if remark else {}),
        )
    return quality


def tools_in_words(family: Family) -> str:
    """The programs that compute a family, with their versions; empty where one is not here."""
    try:
        return ", ".join(f"{name} {version}" for name, version in family.tools().items())
    except (ToolError, PackageNotFoundError):
        return ""


def _without(quality: Quality, metrics: Iterable[str]) -> Quality:
    """The same without these metrics."""
    gone = set(metrics)
    parts = ("clip", "frames", "unavailable", "tools", "remarks")
    kept = {part: {name: v for name, v in getattr(quality, part).items() if name not in gone} for part in parts}
    return replace(quality, **kept)


def lacking(quality: Quality, names: Sequence[str], clip: Clip | None = None) -> list[str]:
    """Those of the families that ``quality`` has no values of, though they can be had: never measured, or, as far as
    the clip is there to tell, unavailable for a reason that is not there any more."""
    lacked = []
    for name in names:
        absent = [metric for metric in FAMILIES[name].least if metric not in quality.clip]
        never = any(metric not in quality.unavailable for metric in absent)
        if never or (absent and clip is not None and fault(FAMILIES[name], clip) is None):
            lacked.append(name)
    return lacked

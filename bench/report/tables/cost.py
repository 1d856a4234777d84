"""What coding takes: time, arithmetic and memory. Timings of different machines never share a table."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from ...analysis.comparable import ComparableSet, RecordedCell
from ...analysis.machines import by_machine
from ...records.record import Cost, Record
from .provenance import commands
from .table import Column, Row, Table, group_table, point
from .targets import missed_targets


def decoding_tables(group: ComparableSet) -> list[Table]:
    """The cost of decoding, with the columns of the paper's Table 2 and more, one table for each machine."""
    return _tables(group, "Decoding", "decoding", decoding_row, DECODING_NOTES)


DECODING_NOTES = (
    "One multiply-accumulate counts once (fvcore's convention). Times are of the whole sequence. Warm: all that "
    "decoding itself takes, from the stream on disk to frames on disk, the sum of the parts; for a standard codec "
    "starting ffmpeg is in it. Cold: with starting Python and importing libraries. Cores: those that a decoder could "
    "use; standard codecs were run once more on a single one, warm. There is one measurement of each.",
)


def encoding_tables(group: ComparableSet) -> list[Table]:
    """The cost of encoding, one table for each machine."""
    return _tables(group, "Encoding", "encoding", encoding_row, ENCODING_NOTES)


ENCODING_NOTES = (
    "Wall-clock seconds without starting Python and importing libraries; training is part of encoding. CPU: what all "
    "cores spent on it, that start included; none is stated where training went on from an earlier process. GPU: the "
    "wall-clock seconds for which a network's encoder held it. Threads: those that an encoder was told to use. Cores: "
    "those that it could use. One core: once more on a single one, to the same stream.",
)


def _tables(
    group: ComparableSet,
    title: str,
    name: str,
    row: Callable[[ComparableSet, RecordedCell], Row],
    notes: tuple[str, ...],
) -> list[Table]:
    tables = []
    columns = _part_columns(group)
    for where, cells in by_machine(group).items():
        rows = [{"machine": where} | row(group, cell) for cell in cells]
        empty = [column for column in OPTIONAL if all(row.get(column) is None for row in rows)]
        more = (*_uncounted(cells), *_padded(cells)) if name == "decoding" else (*thread_notes(cells), *_company(cells))
        costs = [(cell, cell.record.decode if name == "decoding" else cell.record.encode) for cell in cells]
        more += (*_disturbed(costs), *_energy(costs))
        tables.append(
            group_table(
                f"{title} on {where}",
                group,
                rows,
                name,
                notes=(*notes, *more, *missed_targets(group, cells)),
                hidden=("machine", *HIDDEN, *empty),
                columns=columns,
            )
        )
    return tables


HIDDEN = ("size_bytes", "ms_ssim_rgb", "encode_beside", "encode_other_load", "decode_other_load")
"""Columns that are not printed, since other tables or notes say what is in them."""
OPTIONAL = (
    *("encode_gpu_seconds", "encode_cpu_seconds", "encode_one_core_seconds", "encode_threads", "encode_cores"),
    *("encode_cpu_joules_per_frame", "encode_gpu_joules_per_frame"),
    *("decode_cpu_seconds", "decode_one_core_seconds", "decode_cores"),
    *("decode_cpu_joules_per_frame", "decode_gpu_joules_per_frame"),
)
"""Columns that are printed only where at least one row has a value."""


def decoding_row(group: ComparableSet, cell: RecordedCell) -> Row:
    """The cost of decoding a cell: arithmetic, time and memory."""
    record = cell.record
    stream, cost, decode, one_core = record.stream, record.complexity, record.decode, record.decode_one_core
    return (
        point(cell)
        | {
            "parameters_millions": cost.parameters / 1e6 if cost else None,
            "size_bytes": stream.size_bytes if stream else None,
            "bitrate_mbps": stream.bitrate_mbps if stream else None,
            "gmacs_per_frame": cost.macs_per_frame / 1e9 if cost else None,
            "kmacs_per_pixel": cost.macs_per_frame / group.pixels_per_frame / 1e3 if cost else None,
            "decode_seconds": decode.seconds if decode else None,
            "decode_cold_seconds": decode.seconds + decode.overhead_seconds if decode else None,
            "decode_one_core_seconds": one_core.seconds if one_core else None,
            "decode_cores": decode.cores if decode else None,
            "decode_cpu_seconds": decode.cpu_seconds if decode else None,
        }
        | _joules(group, record, decode, "decode")
        | {
            "decode_fps": group.frames / decode.seconds if decode and decode.seconds else None,
            "decode_peak_mib": _mebibytes(decode),
            "decode_other_load": decode.other_load if decode else None,
            "psnr_rgb": cell.quality("psnr_rgb"),
            "ms_ssim_rgb": cell.quality("ms_ssim_rgb"),
        }
        | _parts(decode)
    )


def encoding_row(group: ComparableSet, cell: RecordedCell) -> Row:
    """The cost of encoding a cell: time, what processors spent on it, and memory."""
    record = cell.record
    encode, one_core, env = record.encode, record.encode_one_core, record.environment
    on_gpu = encode and env.gpu and record.codec.family == "implicit"
    return (
        point(cell)
        | {
            "bits_per_pixel": cell.bits_per_pixel,
            "psnr_rgb": cell.quality("psnr_rgb"),
            "encode_seconds": encode.seconds if encode else None,
            "encode_seconds_per_frame": encode.seconds / group.frames if encode else None,
            "encode_threads": _told_threads(record),
            "encode_cores": encode.cores if encode else None,
            "encode_one_core_seconds": one_core.seconds if one_core else None,
            "encode_cpu_seconds": encode.cpu_seconds if encode else None,
            "encode_gpu_seconds": encode.seconds if encode and on_gpu else None,
        }
        | _joules(group, record, encode, "encode")
        | {
            "encode_peak_mib": _mebibytes(encode),
            "encode_beside": encode.beside if encode else None,
            "encode_other_load": encode.other_load if encode else None,
        }
        | _parts(encode)
    )


def _joules(group: ComparableSet, record: Record, cost: Cost | None, work: str) -> Row:
    """The joules per frame of ``work``. A GPU's are a network's, since it only idles beside a standard codec."""
    cpu, gpu = (cost.cpu_joules, cost.gpu_joules) if cost else (None, None)
    if record.codec.family == "standard":
        gpu = None
    taken = {"cpu": cpu, "gpu": gpu}.items()
    return {
        f"{work}_{unit}_joules_per_frame": None if joules is None else joules / group.frames for unit, joules in taken
    }


def _parts(cost: Cost | None) -> Row:
    """The seconds of each part, each in a column of its own."""
    return {_part(name): seconds for name, seconds in joined_rounds(cost.parts if cost else {}).items()}


def _part(name: str) -> str:
    """The name of the column that holds the seconds of a part."""
    return f"seconds: {name}"


def _part_columns(group: ComparableSet) -> dict[str, Column]:
    """The columns for all parts of encoding and of decoding."""
    costs = [cost for cell in group.measured for cost in (cell.record.encode, cell.record.decode) if cost]
    names = [name for cost in costs for name in joined_rounds(cost.parts)]
    return {_part(name): Column(f"{name.replace('_', ' ')} (s)", ".3f") for name in names}


def joined_rounds(parts: Mapping[str, float]) -> dict[str, float]:
    """The parts of a cost with all rounds of tuning as one part, ``tuning``.

    Older records hold each round as a part of its own (``tuning_1``, ``tuning_2``); as many columns would say
    less than one.

    >>> joined_rounds({"training": 10.0, "tuning_1": 1.0, "tuning_2": 1.5})
    {'training': 10.0, 'tuning': 2.5}
    """
    seconds: dict[str, float] = defaultdict(float)
    for name, value in parts.items():
        seconds["tuning" if re.fullmatch(r"tuning_\d+", name) else name] += value
    return dict(seconds)


def _mebibytes(cost: Cost | None) -> float | None:
    return cost.peak_memory_bytes / 2**20 if cost else None


def thread_notes(cells: Sequence[RecordedCell]) -> tuple[str, ...]:
    """The note that says on how many threads each encoder ran, as far as the records say so."""
    labels: dict[str, list[str]] = defaultdict(list)
    for cell in cells:
        labels[_thread_words(cell.record)].append(cell.label)
    parts = [f"{', '.join(dict.fromkeys(names))} {words}" for words, names in labels.items()]
    differing = " Where these differ, CPU seconds compare and seconds do not." if len(labels) > 1 else ""
    return (f"Threads while encoding: {'; '.join(parts)}.{differing}",)


def _company(cells: Sequence[RecordedCell]) -> tuple[str, ...]:
    """The note on encoders that did not have the machine to themselves, since the run had several at once."""
    labels: dict[str, list[str]] = defaultdict(list)
    for cell in cells:
        cost = cell.record.encode
        if cost and cost.beside:
            others = "one other" if cost.beside == 1 else f"{cost.beside} others"
            labels[f"beside {others}, on {cost.cores} of the cores"].append(_point_name(cell))
    return tuple(
        f"Encoded {how}: {', '.join(names)}. Their seconds do not compare with those of encoders that worked alone."
        for how, names in labels.items()
    )


BUSY = 0.25
"""From how many cores on, kept busy by other work, a timing is remarked on. An idle machine has less than 0.05."""


def _disturbed(costs: Sequence[tuple[RecordedCell, Cost | None]]) -> tuple[str, ...]:
    """The note on timings that other work disturbed, as far as records tell."""
    loads = [(_point_name(cell), cost.other_load or 0.0) for cell, cost in costs if cost]
    named = [f"{name} ({load:.1f})" for name, load in loads if load >= BUSY]
    if not named:
        return ()
    return (
        f"Timed while other work kept cores busy, so many on average: {', '.join(named)}. These seconds say little.",
    )


def _energy(costs: Sequence[tuple[RecordedCell, Cost | None]]) -> tuple[str, ...]:
    """The notes on energy: what a joule is of, and why there are none, as far as records tell."""
    there = [(cell, cost) for cell, cost in costs if cost]
    notes = []
    if any(cost.cpu_joules is not None or cost.gpu_joules is not None for _, cost in there):
        notes.append(
            "Joules are those of all processor packages, without memory, and of the GPUs that a process may use, from "
            "the start of its work to its end, by their own counters. They count whatever else ran there, and what an "
            "idle machine takes."
        )
    labels: dict[str, list[str]] = defaultdict(list)
    for cell, cost in there:
        for reason in cost.no_joules.values():
            labels[reason].append(cell.label)
    return (
        *notes,
        *(f"No joules of {', '.join(dict.fromkeys(names))}: {reason}." for reason, names in labels.items()),
    )


def _point_name(cell: RecordedCell) -> str:
    return " ".join(filter(None, [cell.sequence, cell.label, cell.rate_point]))


def _told_threads(record: Record) -> int | None:
    """How many threads an encoder was told to use, in older records by its command; None where it was not told."""
    if record.codec.threads is not None:
        return record.codec.threads
    match = re.search(r"(?:^|\s)-threads (\d+)", " ".join(commands(record)))
    return int(match[1]) if match else None


def _thread_words(record: Record) -> str:
    """On how many threads an encoder ran."""
    threads = _told_threads(record)
    return "on as many as there are cores, or as the encoder chooses" if threads is None else f"on {threads}"


def _padded(cells: Sequence[RecordedCell]) -> tuple[str, ...]:
    """The notes on networks that make a larger picture than the video's, one note for each size."""
    labels: dict[str, list[str]] = defaultdict(list)
    for cell in cells:
        if "padded_to" in cell.record.notes:
            labels[cell.record.notes["padded_to"]].append(cell.label)
    return tuple(
        f"{', '.join(dict.fromkeys(names))} make pictures of {size}, which are cropped; their MACs are those of the "
        "larger pictures."
        for size, names in labels.items()
    )


def _uncounted(cells: Sequence[RecordedCell]) -> tuple[str, ...]:
    """The notes on operators that the MACs leave out, with the codecs that have them."""
    labels: dict[str, list[str]] = defaultdict(list)
    for cell in cells:
        if cell.record.complexity and cell.record.complexity.unsupported_operators:
            operators = cell.record.complexity.unsupported_operators.items()
            labels[", ".join(f"{name} ({count})" for name, count in operators)].append(cell.label)
    return tuple(
        f"Not counted in the MACs of {', '.join(dict.fromkeys(names))}: {uncounted}."
        for uncounted, names in labels.items()
    )

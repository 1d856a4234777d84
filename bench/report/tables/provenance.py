"""Where records come from: machines, sources, commands, versions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from ...dataset import Clip
from ...records.environment import Environment
from ...records.record import Record
from ...records.store import SetAside
from ...video.colour import PUBLISHED_MATRIX, matrix_name
from ...video.colour_tags import UNKNOWN, UNTAGGED
from .table import Table, as_data


def machine_table(records: Sequence[Record]) -> Table:
    """The machines, with the range of the load that they had when cells began."""
    groups: dict[tuple[str, int, str | None], list[Environment]] = defaultdict(list)
    for record in records:
        env = record.environment
        groups[env.cpu, env.cores, env.gpu].append(env)
    rows = [
        {
            "cpu": cpu,
            "cores": cores,
            "gpu": gpu,
            "memory_gib": min(env.memory_bytes for env in members) / 2**30,
            "system": ", ".join(sorted({env.system for env in members})),
            "load": f"{min(env.load for env in members):.1f} to {max(env.load for env in members):.1f}",
            "records": len(members),
        }
        for (cpu, cores, gpu), members in groups.items()
    ]
    note = "Load: the one-minute average when a cell began. Above the number of cores, timings say little."
    return Table("Machines", as_data(rows), (note,), "machines")


def provenance(records: Sequence[Record], set_aside: Sequence[SetAside] = ()) -> dict[str, list[str]]:
    """The facts about where the records come from, by kind, each fact once; and the files among them that count as
    none."""
    environments = [record.environment for record in records]
    packages = {item for env in environments for item in env.packages.items()}
    tools = {item for record in records for item in record.codec.tools.items()}
    clips = dict.fromkeys(record.clip for record in records)
    sources = dict.fromkeys(clip.source for clip in clips)
    days = sorted(record.started for record in records)
    presets = Counter(f"{record.preset.name} ({record.preset.digest[:8]})" for record in records)
    schemas = Counter(record.schema for record in records)
    isolations = Counter(record.isolation for record in records if record.isolation)
    measured: dict[str, set[str]] = defaultdict(set)
    for record in records:
        for metric, tool in (record.quality.tools if record.quality else {}).items():
            measured[tool].add(metric)
    facts = {
        "Records": [f"{len(records)}, started from {days[0]} to {days[-1]}"],
        "Set aside": [*_how_many(set_aside), *(f"{item.file}: {item.reason}" for item in set_aside)],
        "Schemas of records": [f"{schema}: {_count(schemas[schema])}" for schema in sorted(schemas)],
        "Presets": [f"{preset}: {_count(presets[preset])}" for preset in sorted(presets)],
        "Sources": [f"{s.dataset}/{s.sequence}: {s.origin} (sha256 {s.sha256[:16]}…). {s.licence}" for s in sources],
        "Notes on sources": [f"{clip.name}: {note}" for clip in clips for note in clip.notes],
        "Colour": [_colour(clip) for clip in clips],
        "Commands": [line for record in records for line in commands(record)],
        "Encoders": [f"{name} {version}" for name, version in sorted(tools)],
        "Metrics": [f"{', '.join(sorted(measured[tool]))} by {tool}" for tool in sorted(measured)],
        "Packages": [f"{name} {version}" for name, version in sorted(packages)],
        "Python": [env.python for env in environments],
        "Bench": [line for record in records for line in _code(record)],
        "Isolation of decoders": [f"{how}: {_count(isolations[how])}" for how in sorted(isolations)],
    }
    return {name: list(dict.fromkeys(values)) for name, values in facts.items() if values}


def _how_many(set_aside: Sequence[SetAside]) -> list[str]:
    return [f"files that cannot be read as records: {len(set_aside)}"] if set_aside else []


def _code(record: Record) -> list[str]:
    """Which code a record comes from: a line, and one more for each process that ran another commit."""
    env = record.environment
    costs = {"encoder": record.encode, "decoder": record.decode}
    others = {name: cost.git_commit for name, cost in costs.items() if cost and cost.git_commit}
    return [
        f"{env.bench}, commit {env.git_commit or 'unknown'}",
        *(f"{env.bench}, {name} of commit {commit}" for name, commit in others.items() if commit != env.git_commit),
    ]


def _count(number: int) -> str:
    return f"{number} record{'s' if number > 1 else ''}"


def _colour(clip: Clip) -> str:
    """How the RGB and the YUV of a clip come from each other, and what that costs, where it costs something."""
    matrix = f"{matrix_name(clip.matrix)}{_tagged(clip)}"
    if clip.rgb_ceiling_db is not None:
        return (
            f"{clip.name}: YUV made from RGB by {matrix}, which caps the PSNR of codecs that are given YUV at "
            f"{clip.rgb_ceiling_db:.2f} dB"
        )
    gap = clip.rgb_difference
    if gap is None:
        return f"{clip.name}: RGB made from {clip.yuv.format.pixel_format} by {matrix}, as swscale does on that machine"
    if not gap.largest:
        how = "as in the papers" if clip.matrix == PUBLISHED_MATRIX else "by the arithmetic of the papers' conversion"
        return f"{clip.name}: RGB made from YUV by {matrix}, bit for bit {how}"
    return (
        f"{clip.name}: RGB made from YUV by {matrix}; on that machine samples differ from the papers' conversion by up "
        f"to {gap.largest} ({gap.psnr_db:.2f} dB)"
    )


def _tagged(clip: Clip) -> str:
    """What the file itself says of the matrix; nothing where it says nothing."""
    tag = clip.source.colour.matrix if clip.source.colour else UNKNOWN
    return "" if tag in UNTAGGED else f" (the file is tagged {tag})"


def commands(record: Record) -> list[str]:
    """The command lines in the notes of a record: none, one or several."""
    command = record.notes.get("command", [])
    return [command] if isinstance(command, str) else [str(line) for line in command]

"""What made a report: records, commits, machines, versions, commands, and the digest of each file."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping, Sequence

import msgspec

from ..records.environment import git_commit
from ..records.store import StoredRecord
from ..version import __version__
from .content import Content

SCHEMA = 1
PACKAGES = ("matplotlib", "numpy", "pandas", "pyarrow", "scipy")
"""The packages that decide the report's own figures: a BD-rate, for instance, is scipy's interpolation."""


def manifest(
    content: Content, stored: Sequence[StoredRecord], files: Mapping[str, bytes], command: str | None
) -> bytes:
    """The manifest as JSON. Its ``made_by`` says what made the report, its ``provenance`` what made the records.
    It has no date, so that the same records make the same report."""
    records = [
        {"file": item.file, "sha256": item.sha256, "key": item.record.key, "status": item.record.status}
        for item in stored
    ]
    facts = {
        "schema": SCHEMA,
        "made_by": {
            "bench": __version__,
            "git_commit": git_commit(),
            "command": command,
            "python": platform.python_version(),
            "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        },
        "summary": content.summary,
        "sections": [section.group.title for section in content.sections],
        "machines": content.machines.data.to_dict("records"),
        "provenance": content.provenance,
        "records": sorted(records, key=lambda record: record["file"]),
        "files": [
            {"name": name, "size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in sorted(files.items())
        ],
    }
    return msgspec.json.format(msgspec.json.encode(facts), indent=1)

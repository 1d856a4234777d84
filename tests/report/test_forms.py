"""Every table in every form, the manifest, and how reports look that have very many rows."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import scipy
from planted import LAPTOP, PAPER, clip, curve, failed, only, record

from bench.records.store import Store
from bench.report.content import content
from bench.report.forms import markdown
from bench.report.forms.data import data_tables, to_csv, to_json, to_parquet
from bench.report.forms.latex import escape, latex, latex_files
from bench.report.tables.cells import problem_table
from bench.report.tables.quality import rd_table
from bench.report.write import files, write_content

RECORDS = [
    *curve("nerv"),
    *curve("res-nerv", gain=1.0),
    *curve("x265"),
    replace(record("svt-av1", 0.03), codec=replace(record("svt-av1", 0.03).codec, parameters={"crf": 30, "speed": 6})),
    failed(record("vvenc", 0.1), "50 % of it_failed"),
    *curve("nerv", where=clip("uvg", "Jockey", 1920, 1080, 600), preset=PAPER),
    *curve("res-nerv", gain=0.5, where=clip("uvg", "Jockey", 1920, 1080, 600), preset=PAPER),
]
MADE = content(RECORDS)
TABLES = data_tables(MADE)


def test_every_table_has_its_data() -> None:
    """Each table has its data under the name that it has in the report."""
    named = {table.name for section in MADE.sections for table in section.tables() if not table.text}
    named |= {table.name for table in MADE.tables}
    assert named | {"records", "bd_rate", "bd_rate_means", "equal_time", "training"} == set(TABLES)
    assert named == {
        "rates", "decoding", "encoding", "ledger", "shares", "coverage", "status", "problems", "machines",
        "paper_table_1", "paper_table_2", "pooling",
    }  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_forms_hold_the_same(name: str) -> None:
    """CSV, Parquet and JSON have the same columns, the same rows and the same numbers."""
    data = TABLES[name]
    lines = list(csv.DictReader(io.StringIO(to_csv(data).decode())))
    parquet = pd.read_parquet(io.BytesIO(to_parquet(data)))
    objects = json.loads(to_json(data))
    assert len(lines) == len(parquet) == len(objects) == len(data) > 0
    assert list(lines[0]) == list(parquet.columns) == list(objects[0]) == list(data.columns)
    for column in data.columns:
        for text, stored, item in zip(lines, parquet[column], objects, strict=True):
            if text[column] == "":
                assert pd.isna(stored) or stored == ""
                assert item[column] in (None, "")
            elif isinstance(item[column], float):
                assert float(text[column]) == pytest.approx(item[column]) == pytest.approx(float(stored))
            else:
                assert text[column] == str(stored) == str(item[column])


def test_sections_share_a_file_and_say_so() -> None:
    """A row says which dataset, preset and size it belongs to, and whether that is full scale."""
    rates = TABLES["rates"]
    assert set(zip(rates["dataset"], rates["preset"], rates["full_scale"], strict=True)) == {
        ("bunny", "quick", False), ("uvg", "paper", True),
    }  # fmt: skip


def test_lossless_is_infinite_but_in_json() -> None:
    """Infinity is infinity in CSV and Parquet, and null in JSON, which has no such number."""
    data = pd.DataFrame({"psnr_rgb": [math.inf]})
    assert to_csv(data).decode().split() == ["psnr_rgb", "inf"]
    assert pd.read_parquet(io.BytesIO(to_parquet(data)))["psnr_rgb"][0] == math.inf
    assert json.loads(to_json(data)) == [{"psnr_rgb": None}]


# --- LaTeX


def test_latex_rows_fit_their_columns() -> None:
    """Each row of each tabular has as many cells as its preamble has columns, and all braces close."""
    tex_files = latex_files(MADE)
    assert len(tex_files) > 20
    for name, data in tex_files.items():
        text = data.decode()
        assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}"), name
        if name == "report.tex":
            continue
        preamble = re.search(r"\\begin\{tabular\}\{@\{\}(.*)@\{\}\}", text)
        assert preamble
        columns = len(re.findall(r"[lrp]", re.sub(r">\{[^}]*\}|\{5.6cm\}", "", preamble[1])))
        lines = [line for line in text.splitlines() if line.endswith(r" \\")]
        assert lines
        assert {len(re.findall(r"(?<!\\)&", line)) + 1 for line in lines} == {columns}, name
        assert text.index(r"\toprule") < text.index(r"\midrule") < text.index(r"\bottomrule")


def test_latex_document_takes_every_table() -> None:
    """The document takes each table from its own file and under its own label, and has the stamps."""
    tex_files = latex_files(MADE)
    document = tex_files["report.tex"].decode()
    assert sorted(re.findall(r"\\input\{(.*)\}", document)) == sorted(
        name[:-4] for name in tex_files if name != "report.tex"
    )
    labels = [label for data in tex_files.values() for label in re.findall(r"\\label\{(.*)\}", data.decode())]
    assert len(labels) == len(set(labels)) == len(tex_files) - 1
    assert r"\textbf{Scaled down: preset quick" in document


def test_latex_escapes_what_records_say() -> None:
    """LaTeX takes nothing in a reason or in a name for a command."""
    assert escape(r"50 % of a_b & \input{x} [~^#$]") == (
        r"50 \% of a\_b \& \textbackslash{}input\{x\} {[}\textasciitilde{}\textasciicircum{}\#\$]"
    )
    assert escape("-3 to 2-4, x-1") == "$-$3 to 2-4, x-1"
    table = problem_table(only(RECORDS[:-8]))
    assert table
    assert r"50 \% of it\_failed" in latex(table, "problems")


# --- Much of everything


def many() -> list[object]:
    """More cells than anyone reads: 120 with a result, and 120 without one for the same reason."""
    good = [one for seed in range(30) for one in curve("x264", seed=seed)]
    bad = [failed(record("vvenc", 0.01, point=i), "not built in") for i in range(120)]
    return [*good, *bad]


def test_long_tables_are_summed_up() -> None:
    """In place of a long table, Markdown and LaTeX have its summary and the name of the file with all rows."""
    made = content(many())  # type: ignore[arg-type]
    text = markdown.render(made)
    assert len(text.splitlines()) < 150
    assert "120 rows, whose values are in tables/rates.csv." in text
    assert re.search(r"vvenc +\| failed +\| not built in +\| +120 \|", text)
    assert len(data_tables(made)["problems"]) == 120
    pages = latex(rd_table(made.sections[0].group), "rates")
    assert pages.count(r"\begin{table}") == 4
    assert pages.count("(4 of 4)") == 1


def test_terminal_gets_the_main_things() -> None:
    """The terminal gets what failed, BD-rates, what stands beside the paper, and rate and quality only."""
    short, whole = markdown.brief(MADE), markdown.render(MADE)
    for words in ("50 % of it_failed", "BD-rate: bunny", "beside Table 1", "Rate and quality"):
        assert words in short
    for words in ("Bytes by purpose", "Encoding on"):
        assert words not in short
        assert words in whole


# --- The manifest


def test_manifest_says_what_made_the_report(tmp_path: Path) -> None:
    """The manifest has each record and each file with its digest, the machine, the commit and the command."""
    store = Store(tmp_path)
    for i, one in enumerate(RECORDS):
        store.save(str(i), one)
    stored = store.read().readable
    made = content([item.record for item in stored])
    write_content(made, tmp_path / "report", stored, "python -m bench report")
    facts = json.loads((tmp_path / "report/manifest.json").read_text())
    assert facts["made_by"]["command"] == "python -m bench report"
    assert facts["made_by"]["packages"]["scipy"] == scipy.__version__
    assert facts["machines"][0]["cpu"] == LAPTOP.cpu
    assert facts["provenance"]["Bench"] == ["0.1.0, commit c0ffee+"]
    assert facts["provenance"]["Packages"] == ["torch 2.8.0"]
    assert len(facts["records"]) == len(RECORDS)
    for item in facts["records"]:
        assert item["sha256"] == hashlib.sha256((tmp_path / "records" / item["file"]).read_bytes()).hexdigest()
    on_disk = {str(path.relative_to(tmp_path / "report")) for path in (tmp_path / "report").rglob("*.*")}
    assert {item["name"] for item in facts["files"]} == on_disk - {"manifest.json"}
    for item in facts["files"]:
        assert item["sha256"] == hashlib.sha256((tmp_path / "report" / item["name"]).read_bytes()).hexdigest()


def test_files_are_named_once() -> None:
    """Two machines give two tables of decoding, each in its own LaTeX file, and one file of numbers."""
    other = [replace(one, environment=replace(LAPTOP, cpu="Other"), seed=2) for one in curve("nerv")]
    contents = files(content([*curve("nerv"), *other]))
    assert {name for name in contents if name.endswith(("decoding.tex", "decoding-2.tex"))} == {
        "tex/bunny-320x180x32-decoding.tex", "tex/bunny-320x180x32-decoding-2.tex",
    }  # fmt: skip
    lines = list(csv.DictReader(io.StringIO(contents["tables/decoding.csv"].decode())))
    assert {line["machine"] for line in lines} == {"2 cores of Planted CPU", "2 cores of Other"}

"""`hgld agreement`: how far reviewers agree in each decision table, as data and as lines; for curators."""

from typing import Any

from annotations import store
from annotations.agreement import agreement_of
from annotations.verdicts import TABLE_OF
from pipeline.curation import landmark_decisions_path
from pipeline.params import read_params

_KIND_OF = {name: kind for kind, name in TABLE_OF.items()}
_NAMED_IDS = (("class_qid", "class_label"), ("child_qid", "child_label"), ("parent_qid", "parent_label"))


def read_agreement() -> dict[str, Any]:
    """Agreement in the decision tables as they stand, unsettled conflicts and other broken laws included.

    Returns:
        tables: by table name what annotations.agreement.agreement_of gives.

    Raises:
        annotations.store.CurationError: a table that cannot be read.
    """
    paths = {"landmark_decisions": landmark_decisions_path(read_params().source)}
    read = {name: store.read(name, paths.get(name)) for name in TABLE_OF.values()}
    return {"tables": {name: agreement_of(decisions, store.TABLES[name]) for name, decisions in read.items()}}


def agreement_lines(report: dict[str, Any]) -> list[str]:
    """The report for a person."""
    return [line for name, found in report["tables"].items() for line in _table_lines(name, found)]


def _table_lines(name: str, found: dict[str, Any]) -> list[str]:
    counts = f"{found['decided']} decided, {found['doubly_decided']} by two reviewers or more, {found['unsure']} unsure"
    lines = [f"{name}: {counts}"]
    if not found["doubly_decided"]:
        draw = f"hgld worksheet {_KIND_OF[name]} --blind-for NAME"
        lines.append(f"  nothing to compare yet; `{draw}` draws a second review")
    for pair in found["pairs"]:
        agreed = f"{pair['agreed']} of {pair['count']} agree, kappa {_number(pair['kappa'])}"
        lines.append(f"  {' and '.join(pair['reviewers'])}: {agreed}")
    if found["pairs"]:
        lines.append(f"  all: mean kappa {_number(found['kappa'])}, Krippendorff's alpha {_number(found['alpha'])}")
    if found["conflicts"]:
        open_count = sum(not conflict["settled"] for conflict in found["conflicts"])
        remedy = f". Remedy: agree, or add a row of reviewer {store.ADJUDICATOR}" if open_count else ""
        lines.append(f"  conflicts: {len(found['conflicts'])}, {open_count} of them open{remedy}")
    return lines + [line for conflict in found["conflicts"] for line in _conflict_lines(conflict)]


def _conflict_lines(conflict: dict[str, Any]) -> list[str]:
    ids = [f"{conflict[qid]} ({conflict[label]})" for qid, label in _NAMED_IDS if qid in conflict]
    about = " -> ".join(ids) or conflict["category"]
    return [f"    {about}: {'settled' if conflict['settled'] else 'open'}"] + [
        f"      {row['where']}: {row['reviewer']}, {row['reviewed_on']}: {row['verdict']} ({row['reason']})"
        for row in conflict["verdicts"]
    ]


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:z.3f}"

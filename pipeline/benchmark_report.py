"""What the label probe says about the release, as named checks; for the stage benchmark and the report."""

from pipeline.benchmark_files import Json

OTHERS = "ap_others_level"


def label_checks(probe: Json, note: str | None = None) -> Json:
    """Whether the released labels teach more than labels dealt out at random, level by level above the landmark.

    A check holds where other landmarks with the same label are found better, with the whole 95% interval of the
    difference in average precision above zero.

    Args:
        probe: what the stage probe wrote.
        note: what a reader must know of the images.

    Returns:
        as data/6_validation/report.json: ok (None where nothing was probed), checks (name, ok, failures), and the
        probe's rows.
    """
    if "skipped" in probe:
        return {"ok": None, "checks": [], "rows": [], "skipped": probe["skipped"]}
    checks = []
    for row in probe["rows"]:
        if row["against"] == "shuffled" and row["metric"].startswith(OTHERS):
            level = probe["levels"][int(row["metric"].removeprefix(OTHERS))]
            is_above = row["low"] is not None and row["low"] > 0
            text = f"{row['difference']} ({row['low']} to {row['high']}) more average precision than shuffled labels"
            if row["low"] is None:
                text = "not measured: too few landmarks of the test fold share a label"
            checks.append({"name": f"{level}_teaches", "ok": is_above, "failures": [] if is_above else [text]})
    told = {"note": note} if note else {}
    return {"ok": all(check["ok"] for check in checks)} | told | {"checks": checks, "rows": probe["rows"]}

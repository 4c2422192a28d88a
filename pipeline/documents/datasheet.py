"""The answers of a datasheet about a release, in words; the dataset card and Croissant state the same ones.

The questions are those of "Datasheets for Datasets" (Gebru et al., 2021) and of Croissant's responsible-AI vocabulary.
"""

from pipeline.documents.facts import FEW, Facts
from pipeline.documents.regions import UNKNOWN

Answers = dict[str, str]
LABELLING = (
    "Each category's Wikidata item is found by its sitelink, topic (P301), Commons category (P373) or main category "
    "(P910). The item's classes (P31, best rank) each climb the class hierarchy (P279) to the nearest anchors, classes "
    "that people tied to one label, and vote. A classifier over titles speaks only where there is no item or no class, "
    "and only where its precision, measured on titles whose label is known, is surely above the target of params.yaml.",
    "Decisions of people about classes, edges and landmarks come last and are final. Each has a reviewer, a date and a "
    "reason, and is kept in annotations/ of the source repository. Reviewers who disagree stop the build until it is "
    "settled.",
    "Every row says which rule labelled it, with which confidence, from which item and class. `confidence` is "
    "calibrated on the landmarks that the official release labels too.",
)


def answers(facts: Facts, source: str, snapshot_date: str) -> Answers:
    """Answers by name, each one paragraph of plain text.

    Args:
        facts: see `pipeline.documents.facts.release_facts`.
        source: params.source.
        snapshot_date: day of the facts of Wikidata.
    """
    return {
        "summary": _summary(facts, source),
        "motivation": (
            "Landmark retrieval is scored by whether images show the same landmark, as if all mistakes were alike. "
            "Labels above the landmark tell a church taken for another church from a church taken for a waterfall, for "
            'training and for evaluation (H-AP, NDCG). The labels published with the paper "Optimization of Rank '
            'Losses for Image Retrieval" (arXiv:2309.08250) cover part of the landmarks and cannot be made again; '
            "these can be regenerated, questioned and corrected."
        ),
        "composition": _composition(facts),
        "collection": (
            "Landmarks, images and categories are those of Google Landmarks v2, collected by Google from Wikimedia "
            f"Commons. Items, classes and the hierarchy are facts of Wikidata as of {snapshot_date}; provenance.json "
            "names the range of revisions and the hash of every input. Nobody was asked or observed for this dataset."
        ),
        "missing": _missing(facts),
        "preprocessing": (
            "Category titles are decoded, brought to Unicode NFC and to the form that Commons uses. Deprecated "
            "statements are dropped, and normal ones where there is a preferred one. Cycles of the class hierarchy are "
            "kept and marked; labels are computed on the graph with each cycle taken as one class."
        ),
        "region_bias": _region_bias(facts),
        "label_bias": _label_bias(facts),
        "source_bias": (
            "Classes are what Wikidata's editors wrote. Kinds of buildings that are well described in Europe and "
            "Northern America have finer classes, and so finer supercategories, than others. A landmark that is "
            "several things, such as a castle that is a museum, has one label."
        ),
        "uses": (
            "Training and testing image retrieval with relevance at several levels; studying mistakes by kind; "
            "sampling by kind; studying how a hierarchy made from Wikidata differs from one made by hand."
        ),
        "no_uses": (
            "Not for locating or recognising people, nor for decisions about heritage, safety or the worth of a place. "
            "A label says what Wikidata calls the thing at the time of the snapshot, not what it is used for today."
        ),
        "social_impact": (
            "Models trained on these labels are better at what is photographed and described most, which are places in "
            "rich countries. Report scores by label and region, not as one mean alone."
        ),
        "privacy": (
            "The release holds ids, titles of Commons categories and labels, never images. A few categories are named "
            "after people to whom a monument or building is dedicated. Photographs in Google Landmarks v2 may show "
            "passers-by; they are not part of this release."
        ),
        "maintenance": (
            "The maintainers of the source repository correct labels through decisions that anybody can propose; a "
            "release is made again from the same inputs to the same bytes. Versions follow SemVer: major when labels "
            "move or go, minor when landmarks are added, patch for the rest. CHANGES.md tells what moved since the "
            "release before, and why. Ids are never reused."
        ),
    }


def _summary(facts: Facts, source: str) -> str:
    total = facts["total"]
    sample = (
        " This copy is built from the sample, a miniature for tests: do not train on it." if source == "sample" else ""
    )
    return (
        f"Hierarchical labels for {total['landmark_count']:,} landmarks of Google Landmarks v2, "
        f"{total['labelled_count']:,} of them labelled ({total['labelled_share']:.1%}), with {total['image_count']:,} "
        f"images: landmark, supercategory, one of {facts['label_count']} labels, and natural or human-made, each with "
        f"the rule, item and class behind it.{sample}"
    )


def _composition(facts: Facts) -> str:
    sizes = "; ".join(
        f"{split}: {size['landmark_count']:,} landmarks with {size['image_count']:,} images, "
        f"{size['labelled_count']:,} and {size['labelled_image_count']:,} of them labelled"
        for split, size in facts["splits"].items()
    )
    folds = ", ".join(f"{count:,} {name}" for name, count in facts["folds"].items())
    return (
        f"One instance is a landmark, a category of Wikimedia Commons. {sizes}. Folds for experiments are drawn by "
        f"landmark ({folds}); a category is always in one fold. The hierarchy holds {facts['class_count']:,} classes "
        f"and {facts['edge_count']:,} edges. Landmarks that a person decided: {facts['reviewed_count']:,}."
    )


def _missing(facts: Facts) -> str:
    open_count = facts["total"]["landmark_count"] - facts["total"]["labelled_count"]
    why = {
        "no_item": "no Wikidata item",
        "no_class": "an item without a class",
        "unreached": "no anchor above the class",
    }
    counts = {row["name"]: row["landmark_count"] for row in facts["rules"]}
    reasons = ", ".join(f"{counts[rule]:,} {words}" for rule, words in why.items() if rule in counts)
    return (
        f"{open_count:,} landmarks have no label{f': {reasons}' if reasons else ''}. They are in the files, with null "
        "labels and the rule that says why. Nothing is imputed."
    )


def _region_bias(facts: Facts) -> str:
    placed = [row for row in facts["regions"] if row["name"] != UNKNOWN]
    total = sum(row["landmark_count"] for row in placed)
    if not total:
        return "No landmark has coordinates, so its region is not known."
    most = sorted(placed, key=lambda row: (-row["landmark_count"], row["name"]))
    shares = ", ".join(f"{row['name']} {row['landmark_count'] / total:.1%}" for row in most)
    return (
        f"Of the {total:,} landmarks whose coordinates are known: {shares}. Regions are coarse boxes. Commons is "
        "photographed and described mostly by people in Europe and Northern America."
    )


def _label_bias(facts: Facts) -> str:
    rows = facts["labels"]
    if not rows:
        return "No landmark is labelled."
    landmarks = sum(row["landmark_count"] for row in rows)
    top = sorted(rows, key=lambda row: (-row["landmark_count"], row["name"]))[:5]
    shares = ", ".join(f"{row['name']} {row['landmark_count'] / landmarks:.1%}" for row in top)
    rare = len(facts["rare_labels"])
    return (
        f"Labels are very unequal: the five most frequent are {shares} of the labelled landmarks. {rare} of the "
        f"{len(rows)} labels in use have fewer than {FEW} landmarks, and {facts['label_count'] - len(rows)} of "
        f"{facts['label_count']} have none."
    )

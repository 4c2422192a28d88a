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
    "and only where its precision, measured on titles whose label is known, is surely above a target; where the "
    "maintainer asked for it, a CLIP model that looks at the images may speak last. `rule` says which of them did.",
    "Decisions of people about classes, edges and landmarks come last and are final. Each has a reviewer, a date and a "
    "reason, in the folder annotations/ of the repository that made the release, as have the anchors and the taxonomy. "
    "Reviewers who disagree stop the build until it is settled.",
    "Every row says which rule labelled it, with which confidence, from which item and class. `confidence` is "
    "calibrated on the landmarks that the official release labels too.",
)
WHY = {
    "no_item": "have no Wikidata item",
    "no_class": "have an item without a class",
    "unreached": "have no anchor above their classes",
    "withheld": "have a label that is not sure enough to be given",
    "rejected": "were rejected by a person",
}
_SAMPLE = (
    "This is the sample of hgldv2, a miniature for tests in the formats of Google Landmarks v2: do not train on it. "
    "Its places and facts are real, and were chosen to hold hard cases; most landmark ids and all images are made "
    "up."
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
        "collection": _collection(source, snapshot_date),
        "agreement": (
            "The landmarks that both label were chosen to be found, and `confidence` is calibrated on them: expect "
            "less of others."
            if source == "sample"
            else "`confidence` is calibrated on these landmarks. Where the two differ, either may be wrong."
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
            "Classes are what Wikidata's editors wrote, and editors know some regions and kinds of places better than "
            "others: supercategories may be finer there. A landmark that is several things, such as a castle that is a "
            "museum, has one label."
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
            "A model trained on these labels sees most of what is photographed most, and may be worse elsewhere. "
            "Report scores by label and region, not as one mean alone."
        ),
        "privacy": (
            "The release holds ids, titles of Commons categories and labels, never images. A few categories are named "
            "after people to whom a monument or building is dedicated. Photographs in Google Landmarks v2 may show "
            "passers-by; they are not part of this release."
        ),
        "maintenance": (
            "Labels are corrected through decisions that anybody can propose to the repository that made the "
            "release; it is made again from the same inputs to the same bytes. Versions follow SemVer: major when "
            "labels or folds move, or landmarks go, minor when landmarks are added, patch for the rest. CHANGES.md "
            "tells what moved since the release before, and why. Ids of landmarks and images are those of Google "
            "Landmarks v2."
        ),
    }


def _collection(source: str, snapshot_date: str) -> str:
    if source == "sample":
        return (
            "The sample was put together from facts of Wikidata and of Google Landmarks v2 of several years; its "
            "folder tells from which. provenance.json names the hash of every input. Nobody was asked or observed "
            "for it."
        )
    return (
        "Landmarks, images and categories are those of Google Landmarks v2, collected by Google from Wikimedia "
        f"Commons. Items, classes and the hierarchy are facts of Wikidata as of {snapshot_date}; provenance.json "
        "names the hash of every input and, where the source tells it, the range of revisions. Nobody was asked or "
        "observed for it."
    )


def _summary(facts: Facts, source: str) -> str:
    total, levels = facts["total"], " or ".join(facts["coarsest"])
    whose = "the sample of hgldv2" if source == "sample" else "Google Landmarks v2"
    told = (
        f"Hierarchical labels for {total['landmark_count']:,} landmarks of {whose}, {total['labelled_count']:,} of "
        f"them labelled ({total['labelled_share']:.1%}), with {total['image_count']:,} images: landmark, "
        f"supercategory, one of {len(facts['labels'])} labels, and {levels}, each with the rule, item and class "
        "behind it."
    )
    return f"{told} {_SAMPLE}" if source == "sample" else told


def _composition(facts: Facts) -> str:
    sizes = "; ".join(
        f"{split}: {size['landmark_count']:,} landmarks with {size['image_count']:,} images, "
        f"{size['labelled_count']:,} and {size['labelled_image_count']:,} of them labelled"
        for split, size in facts["splits"].items()
    )
    folds = ", ".join(f"{count:,} {name}" for name, count in facts["folds"].items())
    return (
        f"One row is a landmark of a split; a landmark is a category of Wikimedia Commons. {sizes}. Folds for "
        f"experiments are drawn by landmark ({folds}); a category is always in one fold. The hierarchy holds "
        f"{facts['class_count']:,} classes and {facts['edge_count']:,} edges. Landmarks that a person decided: "
        f"{facts['reviewed_count']:,}."
    )


def _missing(facts: Facts) -> str:
    reasons = [f"{row['landmark_count']:,} {WHY.get(row['name'], row['name'])}" for row in facts["unlabelled"]]
    words = ", ".join(reasons)
    count = facts["total"]["landmark_count"] - facts["total"]["labelled_count"]
    return (
        f"Landmarks without a label: {count:,}{f'. Of these, {words}' if reasons else ''}. They are in the "
        "files, with null labels; `status` and `rule` say why. Nothing is imputed."
    )


def _region_bias(facts: Facts) -> str:
    placed = [row for row in facts["regions"] if row["name"] != UNKNOWN]
    total = sum(row["landmark_count"] for row in placed)
    if not total:
        return "No landmark has coordinates, so its region is not known."
    most = sorted(placed, key=lambda row: (-row["landmark_count"], row["name"]))
    shares = ", ".join(f"{row['name']} {row['landmark_count'] / total:.1%}" for row in most)
    return (
        f"Of the {total:,} landmarks whose coordinates are known: {shares}. Regions are coarse "
        "boxes. Whatever is not photographed for Wikimedia Commons is not here."
    )


def _label_bias(facts: Facts) -> str:
    rows = [row for row in facts["labels"] if row["landmark_count"]]
    if not rows:
        return "No landmark is labelled."
    landmarks = sum(row["landmark_count"] for row in rows)
    top = sorted(rows, key=lambda row: (-row["landmark_count"], row["name"]))[:5]
    shares = ", ".join(f"{row['name']} {row['landmark_count'] / landmarks:.1%}" for row in top)
    rare = len(facts["rare_labels"])
    return (
        f"The five most frequent labels are {shares} of the labelled landmarks. {rare} of the "
        f"{len(rows)} labels in use have fewer than {FEW} landmarks, and {len(facts['labels']) - len(rows)} of "
        f"{len(facts['labels'])} have none."
    )

"""A small class graph with doubtful classes, edges and landmarks, for the desk in `tests.fake_desk`."""

from annotations.review.desk import Row

LABELS = ["agricultural land", "church", "house", "lake", "museum", "parks", "river", "road", "waterfall", "zoo"]
CLASSES = {
    "Q1": "artist's-home museum",
    "Q2": "historic house museum",
    "Q3": "museum",
    "Q4": "house",
    "Q5": "polder",
    "Q6": "land reclamation",
    "Q7": "farmland",
    "Q8": "zoo",
    "Q9": "park",
    "Q10": "tourist attraction",
    "Q11": "waterfall",
    "Q12": "area not part of a municipality of Switzerland",
}
ANCHORS = {"Q3": "museum", "Q4": "house", "Q7": "agricultural land", "Q8": "zoo", "Q9": "parks", "Q11": "waterfall"}
PARENTS = {"Q1": ["Q2"], "Q2": ["Q3", "Q4", "Q10"], "Q3": ["Q10"], "Q5": ["Q6", "Q7"], "Q8": ["Q9", "Q10"]}
# split, landmark_id, category, class, label, images
LANDMARKS = [
    ("train", 101, "Rembrandt House Museum", "Q1", "museum", 84),
    ("train", 102, "Casa Buonarroti", "Q1", "museum", 31),
    ("index", 103, "Rubenshuis", "Q1", "museum", 12),
    ("train", 104, "Zuidplaspolder", "Q5", "agricultural land", 12),
    ("train", 105, "Parc zoologique de Paris", "Q8", "zoo", 57),
    ("train", 66552, "'Opaeka'a Falls", "", "", 23),
    ("train", 106, "Prinsengracht, Amsterdam", "", "river", 40),
    ("train", 107, "Lake Maggiore", "Q12", "", 9),
]
_CONTESTED, _UNREACHED = "its nearest anchors say museum, house", "no anchor lies above it"
_CROSSING, _NO_ITEM = "joins classes of different realms", "no Wikidata item was found for this category"
_DISAGREEING = "its classes vote for different labels"
# kind, key, title, doubt, why, labels, images, landmarks, uncertainty
ROWS = [
    Row("classes", "Q1", CLASSES["Q1"], "contested_class", _CONTESTED, ("museum", "house"), 127, 3, 0.5),
    Row("edges", "Q8/Q9", "zoo → park", "crossing_edge", _CROSSING, ("zoo", "parks"), 57, 1, 0.75),
    Row("landmarks", "train/66552", "'Opaeka'a Falls", "no_item", _NO_ITEM, ("river",), 23, 1, 1.0),
    Row(
        "landmarks",
        "train/106",
        "Prinsengracht, Amsterdam",
        "disagreeing_classes",
        _DISAGREEING,
        ("river", "road"),
        40,
        1,
        0.4523,
    ),
    Row("edges", "Q5/Q6", "polder → land reclamation", "crossing_edge", _CROSSING, ("agricultural land",), 12, 1, 0.75),
    Row("classes", "Q12", CLASSES["Q12"], "unreached_class", _UNREACHED, (), 9, 1, 1.0),
]


def filler_rows(count: int) -> list[Row]:
    """Classes that nothing is known about, one image each, after the real rows."""
    return [
        Row("classes", f"Q{9000 + n}", f"class {n}", "unreached_class", _UNREACHED, (LABELS[n % 10],), 1, 1, 1.0)
        for n in range(count)
    ]

"""A verdict: what one reviewer says about one class, edge or landmark, before it becomes rows of a curated table.

For worksheets and the review page, which both hand verdicts to `annotations.deciding`.
"""

from dataclasses import dataclass

# Kind of doubt, as queues and worksheets are called, to the table that its verdicts go to.
TABLE_OF = {"classes": "class_decisions", "edges": "edge_decisions", "landmarks": "landmark_decisions"}
KINDS = tuple(TABLE_OF)


@dataclass(frozen=True)
class Verdict:
    """What a reviewer says.

    Attributes:
        kind: classes, edges or landmarks.
        ids: what it is about: (class_qid,), (child_qid, parent_qid) or (split, landmark_id).
        decision: one that the table allows.
        hierarchical_label: label that `assign` gives, else empty.
        other_parent_qid: edges only: a class that the child is a subclass of; adds that edge. Else empty.
        reason: why, in a few words.
        names: human labels beside the ids, as the reviewer saw them: (class_label,), (child_label, parent_label) or
            (category,).
        evidence_hash: of the evidence that the reviewer saw.
        where: file:line of a worksheet, or empty.
    """

    kind: str
    ids: tuple[str, ...]
    decision: str
    hierarchical_label: str = ""
    other_parent_qid: str = ""
    reason: str = ""
    names: tuple[str, ...] = ()
    evidence_hash: str = ""
    where: str = ""

    @property
    def key(self) -> str:
        """The ids as one text, as addresses of the review page have it."""
        return "/".join(self.ids)

"""The desk behind the review page: rows, evidence, consequences, saving and undoing over the project's real tables.

For `hgld review`. One reviewer, any number of browser windows; tables that change meanwhile, by another process too,
are read again before anything is shown or saved.
"""

import datetime
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from annotations import recording, store
from annotations.recording import Row as TableRow
from annotations.review.desk import Consequence, Evidence, Move, Refused, Row, Stale
from annotations.verdicts import Verdict
from hierarchy.consequences import summary
from pipeline import review_facts as facts
from pipeline import tables, workbench
from pipeline.deciding import Outcome, outcome, take
from pipeline.files import read_table
from pipeline.review_choices import verdict_on
from pipeline.review_evidence import evidence_of
from pipeline.review_rows import Board, title_of
from pipeline.thumbnails import Thumbnails
from pipeline.workbench import Workbench


@dataclass(frozen=True)
class Saved:
    """A save that can be undone."""

    table: str
    rows: list[TableRow]
    replaced: list[TableRow]
    says: str


class ReviewDesk:
    """See `annotations.review.desk.Desk`."""

    def __init__(
        self, reviewer: str, bench: Workbench, today: Callable[[], datetime.date] = datetime.date.today
    ) -> None:
        """Open the desk.

        Args:
            reviewer: who decides; a row of reviewers.csv.
            bench: the workbench under the tables on disk.
            today: the date that verdicts get.

        Raises:
            InputError: a table of the stages is missing; `dvc repro` makes it.
        """
        self.reviewer = reviewer
        self.labels = bench.curated["taxonomy"]["hierarchical_label"].tolist()
        self._bench, self._today = bench, today
        self._on_disk: dict[str, recording.Stamp] = {}  # so that what was written since the bench was opened is read
        self._board = Board(bench)
        self._saved: list[Saved] = []
        self._lock = threading.RLock()
        self._thumbnails = Thumbnails(read_table(tables.TAR_MANIFEST))
        names = bench.classes.class_labels["class_label"]
        self._searched = [(qid, name, name.casefold()) for qid, name in names.items()]

    def rows(self) -> list[Row]:
        """Every row, open and decided, most useful first, less those that other decisions have settled."""
        with self._lock:
            self._refreshed()
            return self._board.listed

    def evidence(self, kind: str, key: str) -> Evidence:
        """Everything about one row.

        Raises:
            KeyError: there is no such row.
        """
        with self._lock:
            bench = self._refreshed()
            found = evidence_of(self._board.rows[kind, key], bench, self._thumbnails)
            return replace(found, seen=self._seen(kind, key, bench))

    def consequence(self, verdict: Verdict) -> Consequence:
        """What the verdict would do; saves nothing.

        Raises:
            KeyError: it is about nothing that is known.
        """
        with self._lock:
            bench = self._refreshed()
            told = self._told(verdict, bench)
            # A reason is asked for when the verdict is saved; what it would do is shown before.
            reasoned = replace(told, reason=told.reason or "to be given")
            try:
                found = outcome(bench, verdict.kind, [reasoned], self.reviewer, self._day())
            except store.CurationError as error:
                return Consequence(_says(told, bench), refusals=tuple(error.problems))
            return _consequence(told, bench, found)

    def save(self, verdict: Verdict, seen: str) -> str:
        """Write the verdict into its table; return what was done, conflicts included.

        Raises:
            KeyError: it is about nothing that is known.
            Refused: it breaks a rule; nothing is written.
            Stale: the row has changed since `seen`; nothing is written.
        """
        kind, _, key = seen.split(":")[0].partition("/")
        with self._lock:
            told = self._told(verdict, self._bench)
            try:
                found = take(lambda: self._unless_stale(kind, key, seen), told.kind, [told], self.reviewer, self._day())
            except store.CurationError as error:
                raise Refused("; ".join(error.problems)) from error
            self._adopt(found.bench)
            if found.written:
                self._on_disk |= {found.insertion.name: found.written}
            made, says = found.insertion, _says(told, self._bench)
            if made.rows:  # else the verdict stood there already, and is not this desk's to take back
                self._saved.append(Saved(made.name, made.rows, made.replaced, says))
            counts = f"{len(found.moves)} landmarks moved" if len(found.moves) else "no landmark moved"
            return ". ".join([f"Saved: {says}; {counts}", *(f"Conflict: {text}" for text in made.conflicts)])

    def undo(self) -> str:
        """Take back the last verdict saved here that is not taken back yet; return what was done.

        Raises:
            Refused: there is none, or its row has changed since.
        """
        with self._lock:
            if not self._saved:
                raise Refused("Nothing was saved here that could be taken back")
            last = self._saved[-1]
            path = self._bench.paths[last.table]
            with recording.locked():
                bench = self._refreshed()
                now = bench.curated[last.table]
                try:
                    before = recording.taken_back(last.table, now, last.rows, last.replaced, path, self._day())
                    written = recording.write(last.table, before, path)
                except store.CurationError as error:
                    raise Refused("; ".join(error.problems)) from error
            self._saved.pop()
            self._on_disk |= {last.table: written}
            self._adopt(workbench.under(bench, bench.curated | {last.table: store.read(last.table, path)}))
            return f"Taken back: {last.says}"

    def find_classes(self, text: str, limit: int) -> list[tuple[str, str]]:
        """Classes (id, label) whose id or label begins with, else contains, the text."""
        wanted = text.strip().casefold()
        begins = [(qid, name) for qid, name, folded in self._searched if folded.startswith(wanted)]
        begins += [(qid, name) for qid, name, _ in self._searched if qid.casefold() == wanted]
        contains = [(qid, name) for qid, name, folded in self._searched if wanted in folded[1:]]
        exact_first = sorted(dict.fromkeys(begins), key=lambda pair: (pair[0].casefold() != wanted, len(pair[1])))
        return list(dict.fromkeys([*exact_first, *sorted(contains, key=lambda pair: len(pair[1]))]))[:limit]

    def thumbnail(self, image_id: str) -> bytes | None:
        """A small JPEG of the image, or None when it is not on this machine."""
        return self._thumbnails.jpeg(image_id)

    def _day(self) -> str:
        return self._today().isoformat()

    def _told(self, verdict: Verdict, bench: Workbench) -> Verdict:
        """The verdict with the names and the fingerprint of today: what the client says of them counts for nothing."""
        named = verdict_on(verdict.kind, verdict.ids, verdict.decision, bench)
        return replace(verdict, names=named.names, evidence_hash=named.evidence_hash)

    def _seen(self, kind: str, key: str, bench: Workbench) -> str:
        """Stands for what a reviewer sees of a row: its evidence, its verdicts, and the parents to decide on."""
        ids = tuple(key.split("/"))
        state: list[object] = [bench.evidence(kind, ids), facts.given_on(kind, ids, bench)]
        if kind != "landmarks":
            state += [sorted(bench.classes.graph.successors(ids[0])), facts.given_on_parents(ids[0], bench)]
        return f"{kind}/{key}:{facts.fingerprint(*state)}"

    def _unless_stale(self, kind: str, key: str, seen: str) -> Workbench:
        """The workbench under the tables as they are now.

        Raises:
            Stale: the row has changed since it was seen.
            KeyError: there is no such row.
        """
        bench = self._refreshed()
        if (kind, key) not in self._board.rows:
            raise KeyError(key)
        if self._seen(kind, key, bench) != seen:
            ids = tuple(key.split("/"))
            said = "; ".join(f"{given.reviewer} says {given.said}" for given in facts.given_on(kind, ids, bench))
            now = f"Verdicts on it now: {said}" if said else "It has no verdict, but other parents or evidence"
            raise Stale(f"This row has changed since you opened it. {now}. Look at it again, then decide")
        return bench

    def _refreshed(self) -> Workbench:
        """The workbench, read again where others have changed the tables on disk."""
        stamps = _stamps(self._bench)  # before reading: what is written meanwhile is read next time
        if stamps != self._on_disk:
            self._adopt(workbench.under(self._bench, workbench.read_curated()))
            self._on_disk = stamps
        return self._bench

    def _adopt(self, bench: Workbench) -> None:
        self._board.update(self._bench, bench)
        self._bench = bench


def _says(verdict: Verdict, bench: Workbench) -> str:
    """The verdict in words."""
    title = title_of(verdict.kind, verdict.names)
    said = " ".join(filter(None, (verdict.decision, verdict.hierarchical_label)))
    other = verdict.other_parent_qid
    if not other:
        return f"{said}: {title}"
    name = bench.classes.class_labels["class_label"].get(other, other)
    added = f"put {verdict.names[0]} under {name} ({other})"
    return added if verdict.decision == "add" else f"{said}: {title}, and {added}"


def _consequence(verdict: Verdict, bench: Workbench, found: Outcome) -> Consequence:
    moves = tuple(
        Move(row["old"], row["new"], row["landmark_count"], row["image_count"], tuple(row["examples"]))
        for row in summary(found.moves).to_dict("records")
    )
    return Consequence(_says(verdict, bench), moves, tuple(found.refusals), tuple(found.notes))


def _stamps(bench: Workbench) -> dict[str, recording.Stamp]:
    """Stamp of each curated table."""
    return {name: recording.stamp(path) for name, path in bench.paths.items() if path.exists()}

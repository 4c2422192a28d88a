"""The index finds what tarfile finds, in every dialect of TAR, and tells a TAR that is damaged or cut short."""

import io
import tarfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.tars import write_tar
from training.image_index import BLOCK, ImageError, build_index, read_index, write_index

LONG = "folder/" * 30 + "c" * 90
FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def damage(path: Path, position: int, content: bytes) -> None:
    whole = bytearray(path.read_bytes())
    whole[position : position + len(content)] = content
    path.write_bytes(whole)


@settings(max_examples=40, deadline=None)
@given(
    files=st.dictionaries(
        st.tuples(
            st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=120),
            st.sampled_from([".jpg", ".JPG", ".jpeg", ".png", ".txt", ""]),
        ),
        st.binary(max_size=1200),
        max_size=6,
    ),
    folder=st.sampled_from(["", "a/b/c/", "deep/" * 40]),
    form=st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_finds_what_tarfile_finds(
    tmp_path_factory: pytest.TempPathFactory, files: dict[tuple[str, str], bytes], folder: str, form: int
) -> None:
    images = {stem: content for (stem, suffix), content in files.items() if suffix not in ("", ".txt")}
    unique = {(stem, suffix): content for (stem, suffix), content in files.items() if images.get(stem) is content}
    others = {key: content for key, content in files.items() if key[1] in ("", ".txt")}
    named = {folder + stem + suffix: content for (stem, suffix), content in {**others, **unique}.items()}
    path = write_tar(tmp_path_factory.mktemp("tars") / "a.tar", named | {"always.jpg": b"there"}, form)
    index = build_index([path])
    assert index["image_id"].tolist() == sorted([*{stem for stem, _ in unique} - {"always"}, "always"])
    whole = path.read_bytes()
    with tarfile.open(path) as tar:
        expected = {Path(one.name).stem: (one.offset_data, one.size) for one in tar if one.name.lower()[-4:] != ".txt"}
    for row in index.itertuples():
        assert (row.offset, row.size) == expected[row.image_id]
        assert whole[row.offset : row.offset + row.size] == {**images, "always": b"there"}[row.image_id]


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_only_regular_images_are_taken(tmp_path: Path, form: int) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=form) as tar:
        kinds = (tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE)
        for number, kind in enumerate(kinds):
            member = tarfile.TarInfo(f"x{number}.jpg")
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
        for name in ("a.jpg", "../../b.PNG", "/c.jpeg", ".jpg", "notes.txt", "jpg"):
            member = tarfile.TarInfo(name)
            member.size = 3
            tar.addfile(member, io.BytesIO(b"abc"))
    assert build_index([path])["image_id"].tolist() == ["a", "b", "c"]


def test_links_that_state_the_size_of_what_they_link_to(tmp_path: Path) -> None:
    """Some programs write so, and no data follow."""
    link = tarfile.TarInfo("b.jpg")
    link.type, link.linkname, link.size = tarfile.LNKTYPE, "a.jpg", 2 * BLOCK
    (tmp_path / "a.tar").write_bytes(link.tobuf() + tarfile.TarInfo("c.jpg").tobuf() + bytes(3 * BLOCK))
    assert build_index([tmp_path / "a.tar"])["image_id"].tolist() == ["c"]


def test_several_tars(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    write_tar(tmp_path / "t" / "1.tar", {"b.jpg": b"1", "d.jpg": b""})
    write_tar(tmp_path / "0.tar", {"a/c.jpg": b"22", "a.jpg": b"333"})
    index = build_index([Path("t/1.tar"), Path("0.tar")], tmp_path)
    assert index.to_dict("list") == {
        "image_id": ["a", "b", "c", "d"],
        "tar": ["0.tar", "t/1.tar", "0.tar", "t/1.tar"],
        "offset": [3 * BLOCK, BLOCK, BLOCK, 3 * BLOCK],
        "size": [3, 1, 2, 0],
    }


def test_an_image_twice(tmp_path: Path) -> None:
    one = write_tar(tmp_path / "1.tar", {"a.jpg": b"1", "b/a.png": b""})
    with pytest.raises(ImageError, match=r"image a is in .*1.tar at byte 512 and in .*1.tar at byte 1536"):
        build_index([one])
    ones = [write_tar(tmp_path / f"{n}.tar", {"a.jpg": b"1"}) for n in (2, 3)]
    with pytest.raises(ImageError, match=r"image a is in .*2.tar at byte 512 and in .*3.tar at byte 512"):
        build_index(ones)


@settings(max_examples=60, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True), form=st.sampled_from(list(FORMATS.values())))
def test_a_tar_cut_short_anywhere(tmp_path_factory: pytest.TempPathFactory, share: float, form: int) -> None:
    """Also between two members, where tarfile and tar see nothing wrong."""
    folder = tmp_path_factory.mktemp("cut")
    long = LONG if form != tarfile.USTAR_FORMAT else "c"
    whole = write_tar(folder / "a.tar", {"a.jpg": b"1" * 700, f"{long}.jpg": b"2", "b.jpg": b"3"}, form).read_bytes()
    end = len(whole.rstrip(b"\0"))  # after it, nothing but the end mark
    (folder / "cut.tar").write_bytes(whole[: int(share * end)])
    with pytest.raises(ImageError, match=r"cut\.tar: .*; compare its md5 and download it again"):
        build_index([folder / "cut.tar"])


@settings(max_examples=200, deadline=None)
@given(position=st.integers(0, 12 * BLOCK), content=st.binary(min_size=1, max_size=40))
def test_damage_ends_in_an_index_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, position: int, content: bytes
) -> None:
    path = write_tar(tmp_path_factory.mktemp("bad") / "a.tar", {f"{LONG}.jpg": b"1", "b.jpg": b"2"}, tarfile.PAX_FORMAT)
    damage(path, position, content)
    try:
        index = build_index([path])
    except ImageError:
        return
    assert ((index["offset"] >= BLOCK) & (index["offset"] + index["size"] <= path.stat().st_size)).all()


def with_header(path: Path, change: dict[str, object]) -> Path:
    """A TAR of one member whose header states something untrue, with a good checksum."""
    member = tarfile.TarInfo("a.jpg")
    for name, value in change.items():
        setattr(member, name, value)
    path.write_bytes(member.tobuf(tarfile.GNU_FORMAT) + bytes(4 * BLOCK))
    return path


def pax_tar(path: Path, records: bytes) -> Path:
    member = tarfile.TarInfo("PaxHeader")
    member.type, member.size = tarfile.XHDTYPE, len(records)
    path.write_bytes(member.tobuf() + records.ljust(BLOCK, b"\0"))
    with path.open("ab") as file:
        file.write(tarfile.TarInfo("a.jpg").tobuf() + bytes(2 * BLOCK))
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: with_header(path, {"size": 5000}), r"'a\.jpg' is said to have 5000 bytes, past the end"),
        (lambda path: with_header(path, {"size": 2**70}), "past the end"),
        (lambda path: with_header(path, {"size": -BLOCK}), "past the end"),
        (lambda path: with_header(path, {"type": tarfile.GNUTYPE_SPARSE}), "a sparse file .pack it without --sparse"),
        (lambda path: pax_tar(path, b"22 GNU.sparse.major=1\n"), "a sparse file"),
        (lambda path: pax_tar(path, b"12 size=-10\n"), "states the size '-10'"),
        (lambda path: pax_tar(path, b"13 size=9999\n"), "9999 bytes, past the end"),
        (lambda path: pax_tar(path, b"0 path=b.jpg\n"), "an extended header is damaged"),
        (lambda path: pax_tar(path, b"99999 path=b.jpg\n"), "an extended header is damaged"),
        (lambda path: pax_tar(path, b"14 path=\xff.jpg\n"), "is not UTF-8; rename the file"),
        (lambda path: path.write_bytes(b"\x1f\x8b" + b"x" * 2000), "not a TAR, or compressed"),
        (lambda path: path.write_bytes(b""), "cut short: it ends at byte 0"),
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: None, r"a\.tar cannot be opened \(No such file"),
        (lambda path: write_tar(path, {"a.txt": b""}), r"1 TARs \(.*a\.tar\) hold no image named \.jpg"),
    ],
)
def test_what_is_wrong_with_a_tar_is_told(tmp_path: Path, make: object, message: str) -> None:
    path = tmp_path / "a.tar"
    make(path)  # type: ignore[operator]
    with pytest.raises(ImageError, match=message) as error:
        build_index([path])
    assert "a.tar" in str(error.value)


def test_a_damaged_header_amid_the_tar(tmp_path: Path) -> None:
    """tarfile would take it for the end."""
    path = write_tar(tmp_path / "a.tar", {"a.jpg": b"1", "b.jpg": b"2"})
    damage(path, 2 * BLOCK + 20, b"?")
    with pytest.raises(ImageError, match="damaged at byte 1024"):
        build_index([path])


def test_a_name_of_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 2**30
    path = tmp_path / "a.tar"
    with path.open("wb") as file:
        file.write(member.tobuf())
        file.truncate(2**30 + 8 * BLOCK)  # without taking space
    with pytest.raises(ImageError, match="states 1073741824 bytes for a name"):
        build_index([path])


def test_no_tar() -> None:
    with pytest.raises(ImageError, match="0 TARs"):
        build_index([])


def test_index_on_disk(tmp_path: Path) -> None:
    tars = [write_tar(tmp_path / "1.tar", {"b.jpg": b"1"}), write_tar(tmp_path / "2.tar", {"a.jpg": b"22"})]
    for name, order in {"one": tars, "other": tars[::-1]}.items():
        write_index(order, tmp_path / "made" / name)
    pd.testing.assert_frame_equal(read_index(tmp_path / "made" / "one"), build_index(tars))
    assert (tmp_path / "made" / "one").read_bytes() == (tmp_path / "made" / "other").read_bytes()
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["one", "other"]


def test_every_column_is_described(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    write_index([write_tar(tmp_path / "1.tar", {"b.jpg": b"1"})], tmp_path / "index")
    assert all(field.metadata[b"description"] for field in pq.read_schema(tmp_path / "index"))


def test_a_failed_write_leaves_the_index_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from training import image_index

    tar = write_tar(tmp_path / "1.tar", {"b.jpg": b"1"})
    write_index([tar], tmp_path / "index")
    before = (tmp_path / "index").read_bytes()

    def full_disk(table: object, path: Path) -> None:
        path.write_bytes(b"PAR1")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(image_index.pq, "write_table", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_index([tar], tmp_path / "index")
    assert (tmp_path / "index").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.tar", "index"]


@pytest.mark.parametrize("content", [None, b"", b"not parquet", "other columns"])
def test_a_file_that_is_no_index(tmp_path: Path, content: bytes | str | None) -> None:
    if isinstance(content, str):
        pd.DataFrame({"image_id": ["a"]}).to_parquet(tmp_path / "index")
    elif content is not None:
        (tmp_path / "index").write_bytes(content)
    with pytest.raises(ImageError, match=r"index is not an index of images .*; remove it and index the TARs again"):
        read_index(tmp_path / "index")

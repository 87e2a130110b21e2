"""Downloads against a real HTTP server that drops the line, ignores ranges, lies about a file, or has none."""

import hashlib
import http.server
import io
import json
import re
import tarfile
import threading
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from anchorprune.downloads.collect import download
from anchorprune.downloads.fetch import session
from anchorprune.downloads.table import COLLECTIONS, Archive, files_of
from anchorprune.downloads.unpack import need_space, unpack
from anchorprune.errors import UserError

RANDOM = bytes(hashlib.sha256(str(n).encode()).digest()[0] for n in range(300_000))  # does not compress


@dataclass
class Server:
    """What the server has, how it behaves, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    drop_after: int | None = None  # bytes of an answer after which the line drops
    drops: int = 0  # how many answers are cut so
    ranges: bool = True
    busy: int = 0  # answers with status 503 first
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""


def handler_of(server: Server):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            wanted = self.headers.get("Range")
            server.asked.append((self.path, wanted))
            if server.busy:
                server.busy -= 1
                self.send_error(503)
                return
            if self.path not in server.files:
                self.send_error(404)
                return
            data = server.files[self.path]
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and server.ranges else 0
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(data) - start))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            if server.drops:
                server.drops -= 1
                self.wfile.write(data[start : start + server.drop_after])
                self.close_connection = True
                return
            self.wfile.write(data[start:])

    return Handler


class QuietServer(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):  # a client that has seen enough and hangs up
        pass


@pytest.fixture
def server():
    state = Server()
    with QuietServer(("127.0.0.1", 0), handler_of(state)) as running:
        state.url = f"http://127.0.0.1:{running.server_address[1]}"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        running.shutdown()
        thread.join()


def zipped(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return stream.getvalue()


def tarred(*members: tuple[str, bytes | None], kind: bytes = tarfile.REGTYPE) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size, info.type = len(content or b""), kind if content is not None else tarfile.DIRTYPE
            info.linkname = "/etc/passwd" if kind == tarfile.SYMTYPE else ""
            archive.addfile(info, io.BytesIO(content or b""))
    return stream.getvalue()


def serve(server: Server, path: str, data: bytes, *witnesses: str, strip: str = "") -> Archive:
    server.files[f"/{path}"] = data
    return Archive(server.url, path, len(data), hashlib.sha256(data).hexdigest(), witnesses, strip)


@pytest.fixture
def collection(server) -> tuple[Archive, ...]:
    """Two archives that share a folder, as COCO's do, one of them of 300 kB."""
    images = serve(server, "zips/images.zip", zipped(train__a_jpg=RANDOM, common__a_txt=b"a"), "train")
    notes = serve(server, "notes.zip", zipped(notes__b_json=b"{}", common__b_txt=b"b"), "notes/b_json")
    return images, notes


def names_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


WHOLE = ["common/a_txt", "common/b_txt", "notes/b_json", "train/a_jpg"]


def test_all_of_it_comes_into_place_and_the_archives_go(server, collection, tmp_path):
    done = download(collection, tmp_path / "root")
    assert done == {"root": str(tmp_path / "root"), "downloaded": ["images.zip", "notes.zip"], "present": []}
    assert names_in(tmp_path / "root") == WHOLE
    assert (tmp_path / "root/train/a_jpg").read_bytes() == RANDOM
    server.asked.clear()
    assert download(collection, tmp_path / "root")["present"] == ["images.zip", "notes.zip"]
    assert not server.asked


def test_what_is_there_stays_and_only_the_rest_is_fetched(server, collection, tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train/mine").write_text("mine")
    assert download(collection, tmp_path)["downloaded"] == ["notes.zip"]
    assert names_in(tmp_path) == ["common/b_txt", "notes/b_json", "train/mine"]
    assert [path for path, _ in server.asked] == ["/notes.zip"]


def test_a_dropped_line_is_taken_up_where_it_broke(server, collection, tmp_path):
    server.drop_after, server.drops = 70_000, 3
    download(collection, tmp_path)
    assert names_in(tmp_path) == WHOLE
    starts = [wanted for path, wanted in server.asked if path == "/zips/images.zip"]
    assert starts == [None, "bytes=65536-", "bytes=131072-", "bytes=196608-"]  # whole pieces of 64 KiB


def test_a_server_without_ranges_sends_all_of_it_again(server, collection, tmp_path):
    server.ranges, server.drop_after, server.drops = False, 70_000, 2
    download(collection, tmp_path)
    assert names_in(tmp_path) == WHOLE


def test_a_busy_server_is_asked_again(server, collection, tmp_path):
    server.busy = 2
    download(collection, tmp_path, line=session(pause=0.01))
    assert names_in(tmp_path) == WHOLE


def test_a_stopped_run_goes_on_and_leaves_nothing_in_place(server, collection, tmp_path):
    del server.files["/notes.zip"]
    with pytest.raises(UserError, match=r"/notes\.zip: HTTP 404 Not Found; .*--mirror"):
        download(collection, tmp_path)
    assert not [name for name in names_in(tmp_path) if not name.startswith(".downloading/")]
    serve(server, "notes.zip", zipped(notes__b_json=b"{}", common__b_txt=b"b"))
    server.asked.clear()
    download(collection, tmp_path)
    assert [path for path, _ in server.asked] == ["/notes.zip"]  # the first archive was unpacked already
    assert names_in(tmp_path) == WHOLE


def test_a_part_of_an_earlier_run_is_gone_on_from(server, collection, tmp_path):
    (tmp_path / ".downloading").mkdir()
    (tmp_path / ".downloading/images.zip.part").write_bytes(server.files["/zips/images.zip"][:123_456])
    download(collection, tmp_path)
    assert server.asked[0] == ("/zips/images.zip", "bytes=123456-")
    assert names_in(tmp_path) == WHOLE


def test_another_file_of_the_same_size_is_refused_and_removed(server, collection, tmp_path):
    good = server.files["/zips/images.zip"]
    server.files["/zips/images.zip"] = good[:1000] + b"!" + good[1001:]
    with pytest.raises(UserError, match=r"images\.zip: what came is not images\.zip \(SHA-256 .* was removed"):
        download(collection, tmp_path)
    assert names_in(tmp_path) == [".downloading/lock"]
    server.files["/zips/images.zip"] = good
    download(collection, tmp_path)
    assert names_in(tmp_path) == WHOLE


def test_another_size_is_refused_before_it_is_fetched(server, collection, tmp_path):
    server.files["/zips/images.zip"] += b"more"
    with pytest.raises(
        UserError, match=rf"has {collection[0].size + 4} bytes, but images\.zip has {collection[0].size}"
    ):
        download(collection, tmp_path)
    assert names_in(tmp_path) == [".downloading/lock"]


def test_a_line_that_only_drops_ends_in_one_line(server, collection, tmp_path):
    server.drop_after, server.drops = 0, 1000
    with pytest.raises(UserError, match=r"images\.zip: cannot be reached \(.*\); run again to go on"):
        download(collection, tmp_path)


def test_no_server_at_all(collection, tmp_path):
    with pytest.raises(UserError, match=r"127\.0\.0\.1:1/zips/images\.zip: cannot be reached \(.*refused"):
        download(collection, tmp_path, "http://127.0.0.1:1/", session(pause=0))


def test_a_mirror_keeps_the_paths(server, collection, tmp_path):
    server.files = {f"/mirror{path}": data for path, data in server.files.items()}
    elsewhere = [replace(archive, base="http://127.0.0.1:1") for archive in collection]
    download(elsewhere, tmp_path, f"{server.url}/mirror/")
    assert names_in(tmp_path) == WHOLE


def test_space_is_asked_for_first(server, collection, tmp_path):
    huge = replace(collection[0], size=10**18)
    with pytest.raises(UserError, match=r"downloading and unpacking needs 2000000000\.0 GB, .* are free; make room"):
        download([huge], tmp_path)
    assert not server.asked
    need_space(tmp_path, 1, "a byte")


def test_one_process_at_a_time(collection, tmp_path):
    from filelock import FileLock

    (tmp_path / ".downloading").mkdir()
    with (
        FileLock(tmp_path / ".downloading/lock"),
        pytest.raises(UserError, match="another process downloads to this folder"),
    ):
        download(collection, tmp_path)


def test_voc_years_merge_below_the_root(server, tmp_path):
    def year(name: str, list_name: str) -> bytes:
        top = f"VOCdevkit/{name}"
        return tarred(
            *(("VOCdevkit", None), (top, None), (f"{top}/JPEGImages/{list_name}.jpg", b"jpg")),
            (f"{top}/ImageSets/Main/{list_name}.txt", b"x"),
        )

    archives = [
        serve(server, f"{n}{s}.tar", year(n, s), f"{n}/ImageSets/Main/{s}.txt", strip="VOCdevkit")
        for n, s in (("VOC2007", "trainval"), ("VOC2007", "test"), ("VOC2012", "trainval"))
    ]
    download(archives, tmp_path)
    lists = [f"{n}/ImageSets/Main/{s}.txt" for n, s in (("VOC2007", "test"), ("VOC2007", "trainval"))]
    assert set(lists) < set(names_in(tmp_path))
    assert len(names_in(tmp_path)) == 6


def test_what_is_wrong_with_the_folder_or_the_address_is_one_line(collection, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/root: cannot write here \(Not a directory\)"):
        download(collection, tmp_path / "file/root")
    with pytest.raises(UserError, match=r"No scheme supplied.*; check --mirror"):
        download(collection, tmp_path / "root", "nowhere")
    (tmp_path / "full/.downloading/images.zip.part").mkdir(parents=True)  # stands for a disk that refuses to write
    with pytest.raises(UserError, match=r"full: cannot write here \(Is a directory\)"):
        download(collection, tmp_path / "full")


BAD = {
    "climbs.zip": (zipped(**{"..__evil": b"x"}), "leaves the image folder"),
    "absolute.zip": (zipped(__etc__evil=b"x"), "leaves the image folder"),
    "climbs.tar": (tarred(("a/../../evil", b"x")), "leaves the image folder"),
    "absolute.tar": (tarred(("/tmp/evil", b"x")), "leaves the image folder"),
    "link.tar": (tarred(("a", b""), kind=tarfile.SYMTYPE), "'a' is a link or device"),
    "hard.tar": (tarred(("a", b""), kind=tarfile.LNKTYPE), "'a' is a link or device"),
    "device.tar": (tarred(("a", b""), kind=tarfile.CHRTYPE), "'a' is a link or device"),
    "cut.zip": (zipped(a=RANDOM)[:-50], "not a whole archive"),
    "cut.tar": (tarred(("a", RANDOM))[:1000], "not a whole archive"),
    "text.tar": (b"<html>no such file</html>", "not a whole archive"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_archives_write_nothing_outside(tmp_path, name):
    data, message = BAD[name]
    (tmp_path / name).write_bytes(data)
    (tmp_path / "inner/folder").mkdir(parents=True)
    with pytest.raises(UserError, match=message) as error:
        unpack(tmp_path / name, tmp_path / "inner/folder")
    assert name in str(error.value)
    assert {path for path in names_in(tmp_path)} <= {name, "inner/folder/a"}


def test_a_link_in_a_zip_is_refused(tmp_path):
    info = zipfile.ZipInfo("a")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(UserError, match="'a' is a link"):
        unpack(tmp_path / "link.zip", tmp_path / "out")


def test_the_wrong_content_is_refused(server, tmp_path):
    archive = serve(server, "a.zip", zipped(b=b"x"), "a")
    with pytest.raises(UserError, match=r"a\.zip: holds no a, which a\.zip has"):
        download([archive], tmp_path)
    stray = serve(server, "b.tar", tarred(("elsewhere/a", b"x")), "a", strip="VOCdevkit")
    with pytest.raises(UserError, match="'elsewhere/a' is not below VOCdevkit/"):
        download([stray], tmp_path)
    assert not (tmp_path / "a").exists()


def test_the_table_is_whole():
    archives = [archive for archives in COLLECTIONS.values() for archive in archives]
    assert all(re.fullmatch("[0-9a-f]{64}", archive.sha256) and archive.size > 10**6 for archive in archives)
    assert all(archive.witnesses and archive.url().startswith("http://") for archive in archives)
    assert files_of("coco2017", "r") == [f"r/annotations/instances_{part}2017.json" for part in ("train", "val")]


def test_the_command(server, run_command, tmp_path):
    done = run_command("download", "coco2017-test-dev-info", "--root", tmp_path, "--mirror", server.url)
    assert done.status == 2
    assert done.error_line == (
        f"anchorprune: error: {server.url}/annotations/image_info_test2017.zip: HTTP 404 Not Found; "
        "check the address, or try --mirror"
    )
    server.files["/annotations/image_info_test2017.zip"] = b"another"
    done = run_command("download", "coco2017-test-dev-info", "--root", tmp_path, "--mirror", server.url)
    assert "has 7 bytes, but image_info_test2017.zip has 1144034" in done.error_line
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations/image_info_test-dev2017.json").write_text("{}")
    done = run_command("download", "coco2017-test-dev-info", "--root", tmp_path)
    assert json.loads(done.out)["present"] == ["image_info_test2017.zip"]

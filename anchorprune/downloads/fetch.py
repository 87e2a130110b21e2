"""One file over HTTP: resumed where it stopped, tried again where the line drops, checked before it is used.

No library in good care does all of it (looked at in November 2026): pooch 1.9, fsspec 2026.9 and parfive 2.3 start
afresh; multiurl 0.3 has no checksums and does not see whether the server did resume; pypdl 1.5 is one person's.
"""

import hashlib
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3.util.retry import Retry

from anchorprune.downloads.table import Archive
from anchorprune.errors import UserError
from anchorprune.progress_bar import progress_bar

_CHUNK = 1 << 16  # bytes; a line that drops loses less than this
_TIMEOUT = (20, 60)  # seconds to connect, and between two pieces of the answer
_DROPS = 10  # times in a row that a line may drop without a byte having come


def session(pause: float = 1.0) -> requests.Session:
    """A session that asks again, with growing pauses, when a server is busy or cannot be reached.

    Args:
        pause: seconds before the second attempt; doubles with each.
    """
    retry = Retry(
        total=5,
        backoff_factor=pause,
        status_forcelist=(429, 500, 502, 503, 504),
        allowed_methods=("GET",),
        raise_on_status=False,
    )
    made = requests.Session()
    made.headers["Accept-Encoding"] = "identity"  # the file's own bytes: sizes and ranges are of these
    for scheme in ("http://", "https://"):
        made.mount(scheme, HTTPAdapter(max_retries=retry))
    return made


def fetch(archive: Archive, url: str, folder: Path, line: requests.Session) -> Path:
    """Download an archive into `folder`, going on from what an earlier attempt left there.

    Shows a progress bar where standard error is a terminal.

    Returns:
        The file, of the right size and checksum.

    Raises:
        UserError: the server has no such file or another one, or cannot be reached; names the URL.
    """
    path, part = folder / archive.name, folder / f"{archive.name}.part"
    if path.exists():
        return path
    drops = 0
    with progress_bar(total=archive.size, title=archive.name, unit="B", unit_scale=True) as bar:
        while (before := _size(part)) < archive.size:
            bar.update(before - bar.n)
            try:
                _append(archive, url, part, line, bar)
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                drops = drops + 1 if _size(part) <= before else 0
                if drops >= _DROPS:
                    raise UserError(
                        f"{url}: cannot be reached ({_short(error)}); run again to go on, or try --mirror"
                    ) from None
    _verify(archive, url, part)
    return part.rename(path)


def _append(archive: Archive, url: str, part: Path, line: requests.Session, bar: tqdm) -> None:
    """Ask for what is missing and write it as it comes."""
    have = _size(part)
    headers = {"Range": f"bytes={have}-"} if have else {}
    with line.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
        _check_answer(archive, url, answer, have)
        resumes = answer.status_code == requests.codes.partial_content
        if not resumes:
            bar.update(-bar.n)  # the server cannot resume: it sends all of it again
        with part.open("ab" if resumes else "wb") as stream:
            for piece in answer.iter_content(_CHUNK):
                stream.write(piece)
                bar.update(len(piece))


def _check_answer(archive: Archive, url: str, answer: requests.Response, have: int) -> None:
    """The server has the file, and it is the one that the table knows."""
    if answer.status_code not in (requests.codes.ok, requests.codes.partial_content):
        raise UserError(f"{url}: HTTP {answer.status_code} {answer.reason}; check the address, or try --mirror")
    length = answer.headers.get("Content-Length", "")
    start = have if answer.status_code == requests.codes.partial_content else 0
    if length.isdigit() and start + int(length) != archive.size:
        raise UserError(
            f"{url}: has {start + int(length)} bytes, but {archive.name} has {archive.size}; try another --mirror"
        )


def _verify(archive: Archive, url: str, part: Path) -> None:
    """A file whose checksum differs is removed, so that the next attempt starts afresh."""
    with part.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != archive.sha256:
        part.unlink()
        raise UserError(
            f"{url}: what came is not {archive.name} (SHA-256 {found}, expected {archive.sha256}) and was removed; "
            "run again, or try another --mirror"
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _short(error: Exception) -> str:
    """The innermost reason of a requests error."""
    inner = error.args[0] if error.args else error
    return " ".join(str(getattr(inner, "reason", inner)).split())[:200]

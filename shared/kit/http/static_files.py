"""Static files under content-hashed URLs, cacheable for ever.

The name is a folder's: modules import each other by relative paths, and all of one page are of one version.
"""

import hashlib
import os
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOR_EVER = "public, max-age=31536000, immutable"
DIGITS = 12


class HashedFiles(StaticFiles):
    """A folder whose address holds the digest of all that is in it."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory)
        self.digest = _digest(directory)

    def file_response(
        self, full_path: "str | os.PathLike[str]", stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, kept by browsers for ever."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = FOR_EVER
        return response


def _digest(directory: Path) -> str:
    content = hashlib.sha256()
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        name, body = str(path.relative_to(directory)).encode(), path.read_bytes()
        content.update(b"%d %s %d %s" % (len(name), name, len(body), body))
    return content.hexdigest()[:DIGITS]

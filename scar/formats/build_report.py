"""Read ``build_report.json``, in which a build records inputs, settings and counts of every source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scar.errors import InputError

REPORT_NAME = "build_report.json"


def read_report(folder: Path) -> dict[str, Any]:
    """Read the build report of a folder.

    Returns:
        The entry of each source, by ``<name>/<split>``; empty if the folder has no report.

    Raises:
        InputError: the file cannot be read or is no build report.
    """
    path = folder / REPORT_NAME
    try:
        sources = json.loads(path.read_text(encoding="utf-8"))["sources"]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: no build report ({error}); remove it and build again.") from None
    if not isinstance(sources, dict):
        raise InputError(f"{path}: no build report; remove it and build again.")
    return sources

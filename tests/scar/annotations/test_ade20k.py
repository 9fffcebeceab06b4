"""A folder must hold exactly one of the two releases of ADE20K."""

from __future__ import annotations

from pathlib import Path

import pytest

from scar.accounting import Tally
from scar.annotations import open_index
from scar.errors import InputError
from tests.scar.annotations.reading import ade20k_source


@pytest.mark.parametrize(("both", "message"), [(False, "holds no release of ADE20K"), (True, "holds both releases")])
def test_a_folder_without_a_clear_release_is_refused(tmp_path: Path, both: bool, message: str) -> None:
    if both:
        (tmp_path / "images" / "ADE").mkdir(parents=True)
        (tmp_path / "objectInfo150.txt").touch()
    with pytest.raises(InputError, match=message):
        open_index(ade20k_source(tmp_path), Tally(skip_bad=True))

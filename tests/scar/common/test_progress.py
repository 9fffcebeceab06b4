"""Things pass by unchanged, whether their progress is shown or not."""

from __future__ import annotations

import pytest

from scar.common.progress import Track, show_progress, track_silently


@pytest.mark.parametrize("track", [track_silently, show_progress])
def test_things_pass_unchanged_and_nothing_is_printed_without_a_terminal(
    track: Track, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(track("abc", "letters", 3)) == ["a", "b", "c"]
    assert capsys.readouterr().out == ""

"""What the three command lines share: an expected failure is one line and exit code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer


@contextmanager
def one_line_errors(program: str, *expected: type[Exception]) -> Iterator[None]:
    """Print what a user can act on as one line on stderr and leave with code 2; a bug keeps its traceback.

    Args:
        program: whose name stands before the message.
        expected: failures whose message says all; those of the file system always count.
    """
    try:
        yield
    except expected as error:
        message = str(error)
    except KeyboardInterrupt:
        typer.echo(f"{program}: stopped.", err=True)
        raise typer.Exit(130) from None
    except OSError as error:
        message = f"{error.filename or 'input/output'}: {error.strerror or error}."
    else:
        return
    typer.echo(f"{program}: {' '.join(message.split())}", err=True)
    raise typer.Exit(2)

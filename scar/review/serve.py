"""Run the server of a review until it is stopped."""

from __future__ import annotations

import socket
from collections.abc import Callable

from scar.errors import InputError
from scar.review.session import ReviewSession


def serve(session: ReviewSession, host: str, port: int, tell: Callable[[str], object]) -> None:
    """Serve the page of a review until Ctrl-C.

    Args:
        session: the review.
        host: address to serve on. If other machines reach it, requests need a token, which is in the address told.
        port: port; 0 takes a free one.
        tell: shows a line to the user.

    Raises:
        InputError: starlette or uvicorn is missing, or the address cannot be used.
    """
    try:
        import uvicorn

        from scar.review.server import is_loopback, make_app, make_token
    except ModuleNotFoundError as error:
        raise InputError(f"{error.name} is missing; pip install 'scar-virtue[review]' brings it.") from None
    listener = open_listener(host, port)
    own_port = listener.getsockname()[1]
    is_local = is_loopback(host)
    token = None if is_local else make_token()
    names = ["127.0.0.1", "localhost", "[::1]"] if is_local else ["*"]
    shown = f"[{host}]" if ":" in host else host
    query = f"?token={token}" if token else ""
    tell(f"{len(session.questions)} samples at http://{shown}:{own_port}/{query}; Ctrl-C ends")
    config = uvicorn.Config(make_app(session, names, token), log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


def open_listener(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        InputError: the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Only sockets that name their protocol get TCP_NODELAY from asyncio; without it each answer takes 40 ms more.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)  # so that the address that is told answers at once
    except OSError as error:
        listener.close()
        raise InputError(f"{host}, port {port}: {error.strerror}; give another --port, or 0 for a free one.") from None
    return listener

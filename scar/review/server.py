"""Serve the page of a review on a local address: static files, samples, pictures and answers."""

from __future__ import annotations

import hmac
import io
import secrets
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from scar.common.pixels import load_image, to_rgb
from scar.errors import BadRecord, InputError
from scar.formats.decisions import FAULTS, Edit
from scar.review.session import Answer, ReviewSession
from scar.review.store import StaleDecision

PAGE_FOLDER = Path(__file__).with_name("page")

COOKIE = "scar-review"

MAX_BODY_BYTES = 1 << 16
"""Largest body of a request; an answer with ten edits has a few thousand bytes."""

PICTURE_SIDE_PX = 1200
"""Longest side of a picture that is sent; box and outline keep the coordinates of the image."""

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_T = TypeVar("_T")


def make_app(session: ReviewSession, hosts: list[str], token: str | None = None) -> Starlette:
    """Make the application that answers the page.

    Args:
        session: the review.
        hosts: names by which browsers may call the server; other Host headers are refused.
        token: what the first request must bring as ``?token=``; None asks for none.
    """

    async def start(request: Request) -> Response:
        if token is not None and hmac.compare_digest(request.query_params.get("token", ""), token):
            response = RedirectResponse("/", 303)
            response.set_cookie(COOKIE, token, httponly=True, samesite="strict", max_age=30 * 86_400)
            return response
        return Response((PAGE_FOLDER / "index.html").read_bytes(), media_type="text/html")

    async def settings(request: Request) -> Response:
        about = {"mode": session.mode, "faults": FAULTS, "samples": len(session.questions)}
        return JSONResponse(about)

    async def ask(request: Request) -> Response:
        after = int(request.query_params.get("after", -1))
        return JSONResponse(await run_in_threadpool(session.ask, request.query_params.get("reviewer", ""), after))

    async def show(request: Request) -> Response:
        number, reviewer = request.path_params["number"], request.query_params.get("reviewer", "")
        return JSONResponse(await run_in_threadpool(session.show, number, reviewer))

    async def send_picture(request: Request) -> Response:
        content, width, height = await run_in_threadpool(_encode_picture, session, request.path_params["number"])
        headers = {"Cache-Control": "private, max-age=86400", "X-Image-Size": f"{width},{height}"}
        return Response(content, media_type="image/jpeg", headers=headers)

    async def answer(request: Request) -> Response:
        given = await _read_body(request, Answer)
        return JSONResponse(await run_in_threadpool(session.answer, given))

    async def check(request: Request) -> Response:
        edits = await _read_body(request, list[Edit])
        return JSONResponse(await run_in_threadpool(session.check_edits, request.path_params["number"], edits))

    async def measure(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(session.measure))

    routes = [
        Route("/", start),
        Route("/api/settings", settings),
        Route("/api/next", ask),
        Route("/api/samples/{number:int}", show),
        Route("/api/samples/{number:int}/picture", send_picture),
        Route("/api/samples/{number:int}/check", check, methods=["POST"]),
        Route("/api/answers", answer, methods=["POST"]),
        Route("/api/figures", measure),
        Mount("/page", StaticFiles(directory=PAGE_FOLDER)),
    ]
    middleware = [Middleware(TrustedHostMiddleware, allowed_hosts=hosts), Middleware(_Guard, token=token)]
    handlers: dict[Any, Callable[[Request, Any], Awaitable[Response]]] = {
        StaleDecision: _explain(409),
        BadRecord: _explain(404),
        InputError: _explain(422),
        ValueError: _explain(422),
    }
    return Starlette(routes=routes, middleware=middleware, exception_handlers=handlers)


def make_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(24)


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach a server on this host."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Guard:
    """Adds the security headers, and refuses requests without the token or from a page of another origin."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)

        async def send_secured(message: Any) -> None:
            if message["type"] == "http.response.start":
                own = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
                message["headers"] = [*message["headers"], *own]
            await send(message)

        refusal = self._find_refusal(request)
        app: ASGIApp = self._app if refusal is None else JSONResponse({"error": refusal}, 403)
        await app(scope, receive, send_secured)

    def _find_refusal(self, request: Request) -> str | None:
        origin = request.headers.get("origin")
        if request.method != "GET" and origin is not None and origin.partition("://")[2] != request.headers.get("host"):
            return "requests come from the page itself"
        if self._token is None:
            return None
        given = request.cookies.get(COOKIE) or request.query_params.get("token", "")
        return None if hmac.compare_digest(given.encode(), self._token.encode()) else "open the address with its token"


def _explain(status: int) -> Callable[[Request, Any], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        return JSONResponse({"error": " ".join(str(error).split())}, status)

    return answer


async def _read_body(request: Request, kind: type[_T]) -> _T:
    """Decode the JSON body of a request.

    Raises:
        InputError: it is too long, or is no such record.
    """
    content = b""
    async for piece in request.stream():
        content += piece
        if len(content) > MAX_BODY_BYTES:
            raise InputError(f"the request has more than {MAX_BODY_BYTES:,} bytes.")
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.MsgspecError as error:
        raise InputError(f"the request is no {getattr(kind, '__name__', kind)}: {error}.") from None


def _encode_picture(session: ReviewSession, number: int) -> tuple[bytes, int, int]:
    """The picture of a sample as JPEG, upright and reduced, with the width and height that it had before."""
    path = session.find_image(number)
    image = load_image(path, str(path.name))
    width, height = image.size
    image = to_rgb(image)
    image.thumbnail((PICTURE_SIDE_PX, PICTURE_SIDE_PX))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue(), width, height

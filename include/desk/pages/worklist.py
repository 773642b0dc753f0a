"""The work list: every open item of the offices that the user may see."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from include.desk import kit
from include.desk.security import User

router = APIRouter()


@router.get("/")
def work_list(request: Request, user: User) -> Response:
    """The work list."""
    return kit.page(request, "sentence.html.j2", title="Work list", sentence="No item is shown yet.")

"""Exceptions → the answers that callers get for them, in one place."""

from typing import Final
from uuid import uuid4

from router.core.errors import Code, RouterError, UnavailableError
from router.http.auth import AuthError
from router.http.context import Context, Failure
from router.http.problems import problem, problem_of
from router.http.respond import Answer, problem_answer
from router.ports import StoreError

OVERLOADED: Final = problem_answer(
    problem(
        Code.OVERLOADED,
        "expected no more work than the router can do in time, was more; nothing was accepted, ask again",
        retryable=True,
    )
)
"""Made once: it has to cost next to nothing."""


def refusal(error: Exception, context: Context, method: str, route: str) -> Answer:
    """The problem that an exception is shown as; one that nobody meant is told to the log.

    `route` is the path's template.
    """
    if isinstance(error, AuthError):
        return problem_answer(problem_of(error), {"WWW-Authenticate": error.challenge})
    if isinstance(error, RouterError):
        return problem_answer(problem_of(error))
    if isinstance(error, StoreError):
        unavailable = UnavailableError(Code.STORE_UNAVAILABLE, "expected the store to answer, it did not")
        return problem_answer(problem_of(unavailable))
    failure = Failure(uuid4().hex, method, route, error)
    context.failed(failure)
    detail = f"expected an answer, was a failure of the router; it is logged under {failure.id}"
    return problem_answer(problem(Code.INTERNAL_ERROR, detail))

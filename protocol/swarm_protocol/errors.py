"""Errors as they cross REST (problem+json, RFC 9457) and what they mean for a command's exit code.

SwarmError            anything we say to a person: code, message, hint, field
└── (none below)      one class, because callers switch on `code`, which is stable
"""

from typing import Final

import msgspec


class Problem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The body of an error answer; `code` is stable, `title` is for people, `hint` names the next step."""

    code: str
    title: str
    status: int
    detail: str | None = None
    field: str | None = None
    hint: str | None = None
    type: str = "about:blank"
    errors: list[dict[str, str]] = []
    """For `invalid_spec`: every wrong field, as {"field", "message"}."""


STATUS: Final[dict[str, int]] = {
    "bad_request": 400,
    "cursor_invalid": 400,
    "invalid_spec": 422,
    "unauthenticated": 401,
    "token_expired": 401,
    "token_used_up": 401,
    "forbidden": 403,
    "mount_not_allowed": 403,
    "not_found": 404,
    "image_unknown": 404,
    "conflict": 409,
    "idempotency_mismatch": 409,
    "offset_mismatch": 409,
    "not_ended": 409,
    "already_ended": 409,
    "cursor_expired": 410,
    "limit_reached": 409,
    "too_slow": 408,
    "too_large": 413,
    "digest_mismatch": 422,
    "blob_missing": 422,
    "not_an_image": 422,
    "too_many_requests": 429,
    "internal": 500,
    "unavailable": 503,
    "disk_full": 507,
}
"""Every code the core answers with, and its HTTP status."""


class SwarmError(Exception):
    """An error for a person: `code` for programs, the message says what, `hint` what to do next."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str | None = None,
        field: str | None = None,
        errors: list[dict[str, str]] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.field = field
        self.errors = errors or []
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code (500 for one that isn't listed)."""
        return STATUS.get(self.code, 500)

    def problem(self) -> Problem:
        """The error as a problem+json body."""
        return Problem(
            code=self.code,
            title=self.message,
            status=self.status,
            field=self.field,
            hint=self.hint,
            errors=self.errors,
        )

    @classmethod
    def from_problem(cls, problem: Problem, retry_after: float | None = None) -> "SwarmError":
        """The error that a client raises for an answer."""
        return cls(
            problem.code,
            problem.title,
            hint=problem.hint,
            field=problem.field,
            errors=problem.errors,
            retry_after=retry_after,
        )


EXIT_TIMED_OUT: Final = 124
EXIT_OUR_FAILURE: Final = 125
EXIT_CANCELLED: Final = 130

"""The log's branch of the exception tree (`empower_model.errors`)."""

from empower_model.errors import EmpowerError


class LogError(EmpowerError):
    """The completion log cannot be read or written."""

"""The form of log lines: plain or JSON, one line each."""

import json
import logging
import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class PlainFormatter(logging.Formatter):
    """Each record as one line of text: control characters of its message are escaped."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line without an exception's traceback."""
        return printable(super().formatMessage(record))


def printable(text: str) -> str:
    r"""Text in which no character ends a line or moves a terminal's cursor.

    >>> printable("a\nb")
    'a\\x0ab'
    """
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


class JsonFormatter(logging.Formatter):
    """Each log line as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """The line for a record; a request's holds one field for each fact."""
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
        }
        facts = getattr(record, "facts", None)
        line |= facts if facts else {"message": record.getMessage()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure(log_json: bool = False) -> None:
    """Send detectlab's log lines to standard error; commands call this.

    Args:
        log_json: Whether each line is a JSON object.
    """
    handler = logging.StreamHandler()
    plain = PlainFormatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    handler.setFormatter(JsonFormatter() if log_json else plain)
    ours = logging.getLogger("detectlab")
    ours.handlers = [handler]
    ours.setLevel(logging.INFO)
    ours.propagate = False

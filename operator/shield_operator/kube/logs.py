"""Log lines as JSON objects on standard error, one per line; extra fields by `extra={"fields": {...}}`."""

import json
import logging
import sys
import time
from typing import Any


class JsonLines(logging.Formatter):
    """time (RFC 3339 UTC), level, logger, message, and the fields of the record."""

    def format(self, record: logging.LogRecord) -> str:
        """One line without a line break in it."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def set_up_logging(level: str) -> None:
    """Everything is logged as JSON lines; libraries only from warnings on."""
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[out], force=True)
    logging.getLogger("shield_operator").setLevel(level.upper())
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    # kopf warns that it leaves the signals alone, which is why it has a thread of its own.
    logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)

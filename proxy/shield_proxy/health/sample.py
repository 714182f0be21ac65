"""What one probe found: the value that everybody reads, and the sample of a check that can't be run."""

from shield_proxy.config.checks.reasons import Reason
from shield_proxy.config.checks.sample import LONGEST_DETAIL, Sample, Waterfall

__all__ = ["LONGEST_DETAIL", "Sample", "Waterfall", "misconfigured"]


def misconfigured(at: float, problem: str) -> Sample:
    """The sample of a check that can't be run; `problem` names the field."""
    return Sample(at, Reason.CONFIGURATION, problem[:LONGEST_DETAIL], attempts=0)

"""Which checks an alert covers. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Operator(StrEnum):
    """How a label is compared."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True, slots=True)
class Demand:
    """What must be true of one label."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether it is true of these labels; a label that is missing is not in any values, as Kubernetes has it."""
        match self.operator:
            case Operator.IN:
                return labels.get(self.key) in self.values
            case Operator.NOT_IN:
                return labels.get(self.key) not in self.values
            case Operator.EXISTS:
                return self.key in labels
            case Operator.DOES_NOT_EXIST:
                return self.key not in labels


@dataclass(frozen=True, slots=True)
class Selection:
    """Checks by name and by labels; with neither, every check."""

    names: frozenset[str] = frozenset()
    demands: tuple[Demand, ...] | None = None
    """All must hold; None: nothing is selected by labels, () selects everything."""

    def covers(self, name: str, labels: Mapping[str, str]) -> bool:
        """Whether a check of this name and these labels is one of them."""
        if name in self.names:
            return True
        if self.demands is None:
            return not self.names
        return all(demand.holds(labels) for demand in self.demands)

    def missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """Named checks that are none of `names`, sorted."""
        return tuple(sorted(self.names.difference(names)))

"""What may stand next on the command line, for a shell that completes it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from shield_kubectl.arguments import CLUSTER


class Source(Enum):
    """Where words come from that this program can't know."""

    CHECKS = "healthchecks"
    ALERTS = "healthalerts"
    NAMESPACES = "namespaces"
    CONTEXTS = "contexts"
    CLUSTERS = "clusters"
    USERS = "users"
    FILES = "files"
    """The shell knows them."""


@dataclass(frozen=True, slots=True)
class Next:
    """What may come: words, each with what it is for, and those of a source. `before` begins all of the source's."""

    words: Mapping[str, str] = field(default_factory=dict)
    source: Source | None = None
    before: str = ""


NOTHING = Next()
EVERYWHERE: Mapping[str, Next] = {
    "--help": NOTHING,
    "--namespace": Next(source=Source.NAMESPACES),
    "--output": Next({"json": "", "yaml": ""}),
    **{name: NOTHING for name, _, _ in CLUSTER},
    "--context": Next(source=Source.CONTEXTS),
    "--cluster": Next(source=Source.CLUSTERS),
    "--user": Next(source=Source.USERS),
    "--kubeconfig": Next(source=Source.FILES),
    "--certificate-authority": Next(source=Source.FILES),
}
"""Options of every command, and what their values may be."""
OF_COMMAND: Mapping[str, Mapping[str, Next]] = {
    "": {"--version": NOTHING},
    "check": {"--filename": Next(source=Source.FILES), "--timeout": NOTHING},
    "alert": {"--timeout": NOTHING},
}
COMMANDS = {"check": "show a check, or preview one", "alert": "test an alert"}
SHORT = {"-n": "--namespace", "-o": "--output", "-f": "--filename", "-h": "--help"}
ALONE = frozenset(("--help", "--version"))
"""Options without a value."""


@dataclass(frozen=True, slots=True)
class Line:
    """A command line that is not complete yet, as far as it goes."""

    words: Sequence[str]
    """Those that are no options."""
    options: Mapping[str, str]
    """Values by long names."""
    open: str
    """The option whose value comes next; empty: none."""

    @property
    def command(self) -> str:
        """What was asked for, if it is known."""
        return self.words[0] if self.words and self.words[0] in COMMANDS else ""


def line_of(words: Sequence[str]) -> Line:
    """Words that are complete, as a line."""
    plain: list[str] = []
    options: dict[str, str] = {}
    open_ = ""
    for word in words:
        if open_:
            options[open_], open_ = word, ""
        elif word.startswith("--"):
            name, given, value = word.partition("=")
            if given:
                options[name] = value
            elif name not in ALONE:
                open_ = name
        elif word.startswith("-") and len(word) > 1:
            name = SHORT.get(word[:2], word[:2])
            if word[2:]:
                options[name] = word[2:].removeprefix("=")
            elif name not in ALONE:
                open_ = name
        else:
            plain.append(word)
    return Line(plain, options, open_)


def following(line: Line, begun: str) -> Next:
    """What may come after the line. `begun`: what is there of it already."""
    options = {**EVERYWHERE, **OF_COMMAND[line.command]}
    if line.open:
        return options.get(line.open, NOTHING)
    if begun.startswith("--") and "=" in begun:
        name = begun.partition("=")[0]
        values = options.get(name, NOTHING)
        return Next({f"{name}={word}": "" for word in values.words}, values.source, f"{name}=")
    if begun.startswith("-"):
        return Next({name: "" for name in (*options, *SHORT) if SHORT.get(name, name) in options})
    match line.command, line.words[1:]:
        case "", _ if not line.words:
            return Next(COMMANDS)
        case "check", [] if "--filename" in line.options:
            return Next({"preview": "probe the check of the file once"})
        case "check", []:
            return Next({"preview": "probe the check of a file once"}, Source.CHECKS)
        case "check", ["preview"] if "--filename" not in line.options:
            return Next({"-f": "file of the check"})
        case "alert", []:
            return Next({"test": "send a test notification"})
        case "alert", ["test"]:
            return Next(source=Source.ALERTS)
    return NOTHING

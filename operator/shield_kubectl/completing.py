"""`kubectl_complete-smartshield`: kubectl calls it with the words of a command line, of which the last is begun only or
empty, and passes to the shell what may stand there. What can't be had is left out: a shell that completes does not
complain."""

import sys
from collections.abc import Iterator, Sequence

from shield_kubectl.arguments import CLUSTER
from shield_kubectl.completion import Line, Source, following, line_of
from shield_kubectl.kubectl import Kubectl, KubectlFailed

FILES, NO_FILES = 0, 4
"""What the last line tells the shell: complete names of files where there is nothing else, or do not."""


def main() -> None:
    """What may stand there is on standard output."""
    sys.stdout.write("".join(f"{line}\n" for line in told(sys.argv[1:] or [""])))


def told(words: Sequence[str]) -> Iterator[str]:
    """One word a line, with a tab before what it is for, and last a line for the shell."""
    *before, begun = words
    line = line_of(before)
    after = following(line, begun)
    for word, about in sorted(after.words.items()):
        if word.startswith(begun):
            yield f"{word}\t{about}" if about else word
    if after.source is Source.FILES:
        yield f":{FILES}"
        return
    for name in _known(line, after.source):
        if f"{after.before}{name}".startswith(begun):
            yield f"{after.before}{name}"
    yield f":{NO_FILES}"


def _known(line: Line, source: Source | None) -> Sequence[str]:
    if source is None:
        return ()
    options = [f"{name}={line.options[name]}" for name, _, _ in CLUSTER if name in line.options]
    try:
        return Kubectl(options, line.options.get("--namespace", "")).names(source.value)
    except KubectlFailed:
        return ()


if __name__ == "__main__":
    main()

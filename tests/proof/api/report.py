"""What a run found, in words and figures."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.proof.api.engine import Seen
from tests.proof.api.garbage import Sent
from tests.proof.api.never import NEVER

SHOWN = 40


@dataclass
class Figures:
    """Both planes together."""

    seed: int
    complete: bool = False  # long enough for every operation to have answered well once
    planes: dict[str, Seen] = field(default_factory=dict)
    open_to: dict[str, set[str]] = field(default_factory=dict)
    garbage: Counter[str] = field(default_factory=Counter)
    garbage_faults: list[Sent] = field(default_factory=list)
    redirected: Counter[str] = field(default_factory=Counter)
    spoiled: set[str] = field(default_factory=set)  # operations that had garbage

    @property
    def requests(self) -> int:
        """All that was sent."""
        return sum(seen.requests for seen in self.planes.values()) + sum(self.garbage.values())

    @property
    def findings(self) -> int:
        """What has to be mended."""
        kinds = sum(len(seen.findings) + len(seen.faults) + len(seen.unlisted) for seen in self.planes.values())
        return kinds + len(self.garbage_faults) + len(self.unanswered)

    @property
    def unanswered(self) -> list[str]:
        """What a complete run never brought to a 2xx on any plane, though nobody has said why: it was not tested."""
        if not self.complete:
            return []
        good = set().union(*(seen.good for seen in self.planes.values()))
        return sorted(set().union(*self.open_to.values()) - good - NEVER.keys())

    def note(self, sent: Sent) -> None:
        """Count one request of garbage."""
        self.spoiled.add(sent.label)
        self.garbage["accepted" if sent.status < 400 else str(sent.status)] += 1
        if sent.fault:
            self.garbage_faults.append(sent)

    def lines(self) -> Iterable[str]:
        """The report."""
        yield f"seed {self.seed}; {self.requests:,} requests; {self.findings} findings"
        for plane, seen in self.planes.items():
            yield from self._plane(plane, seen)
        answers = ", ".join(f"{status}: {count}" for status, count in sorted(self.garbage.items()))
        yield f"garbage: {sum(self.garbage.values()):,} requests ({answers})"
        turned = ", ".join(f"{name} {count}" for name, count in sorted(self.redirected.items()))
        yield f"turned away from the rows that keep these people in, to other rows: {turned or 'none'}"
        for label in self.unanswered:
            yield f"FINDING never answered 2xx: {label}"
        for sent in self.garbage_faults[:SHOWN]:
            yield f"FINDING {sent.fault}: {sent.label}: {sent.what}: {sent.status} {sent.answer}"

    def _plane(self, plane: str, seen: Seen) -> Iterable[str]:
        good, every = seen.good, self.open_to[plane]
        phases = ", ".join(f"{name} {count:,}" for name, count in sorted(seen.phases.items()))
        share = sum(count for status, count in seen.statuses.items() if 200 <= status < 300) / max(seen.requests, 1)
        yield f"{plane} plane: {seen.requests:,} requests ({phases}); {seen.links} links followed between operations"
        yield (
            f"  {len(every & seen.answered.keys())} of {len(every)} operations called, {len(every & good)} "
            f"of them answered 2xx at least once; {share:.0%} of all answers 2xx"
        )
        yield "  answers " + ", ".join(f"{status}: {count:,}" for status, count in sorted(seen.statuses.items()))
        yield "  never 2xx: " + (", ".join(sorted(every - good)) or "none")
        refused = ", ".join(f"{slug} {count:,}" for slug, count in seen.refused.most_common())
        yield f"  well-formed requests were refused with: {refused or 'nothing'}"
        for slug in sorted(seen.unlisted):
            yield f"FINDING a well-formed request is refused with what docs/problems.md does not list: {slug}"
        for fault in seen.faults[:SHOWN]:
            yield f"FINDING the harness could not test: {fault}"
        for (check, label, title), (message, sample) in sorted(seen.findings.items())[:SHOWN]:
            yield f"FINDING {check}: {label}: {title}\n    {message[:600]}\n    {sample[:600]}"

"""Operations that a long run cannot bring to a 2xx, and why; any other that it does not is a finding."""

NEVER: dict[str, str] = {}

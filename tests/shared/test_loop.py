"""Loops: how long they wait after a failure."""

import threading

from shared.loop import Loop


class Impatient(threading.Event):
    """An event whose waits are written down and end at once."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0.0)
        return self.is_set()


def test_pauses_grow_until_a_long_step_says_that_it_is_well_again() -> None:
    stop, calls = Impatient(), iter(range(6))

    def step() -> None:
        call = next(calls)
        if call == 3:
            loop.beat()  # it was connected for a while, like a consumer
        if call == 5:
            stop.set()
        raise ConnectionResetError

    loop = Loop("bus", step, stop, survives=(ConnectionResetError,))
    loop.run()
    assert stop.waited == [0.2, 0.4, 0.8, 0.2, 0.4, 0.8]
    assert loop.trouble == "ConnectionResetError"

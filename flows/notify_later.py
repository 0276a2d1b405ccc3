"""Tell people beside the console: a thread of its own, that no request waits for."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock, Thread

from flows.notifying import Round, notify
from flows.settings import Settings
from governance.desk import Desk
from governance.ledger.remembered import Remembered

EVERY_SECONDS = 60.0
"""So often the thread looks by itself: for channels that failed, and for what only time makes due."""


class Bell:
    """Wakes a thread that tells people. `ring` returns at once and never raises; the outbox keeps what goes wrong."""

    def __init__(self, settings: Settings, desk: Desk, *, every: float = EVERY_SECONDS) -> None:
        """Nothing runs before the first ring, and nothing at all where no file of channels is named."""
        self._settings, self._desk, self._every = settings, desk, every
        self._rung, self._lock = Event(), Lock()
        self._thread: Thread | None = None

    def ring(self) -> None:
        """Something was recorded."""
        if self._settings.notify is None:
            return
        self._rung.set()
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._run, name="fairgate-notify", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        remembered = Remembered(self._desk.ledger)
        while True:
            self._rung.wait(self._every)
            self._rung.clear()
            quietly(lambda: notify(self._settings, self._desk, Round(remembered=remembered)))


def quietly(work: Callable[[], object]) -> None:
    """Do it. What goes wrong with a channel is in the outbox, and the next look tries everything else again."""
    try:
        work()
    except Exception:  # noqa: BLE001 - the thread must live: the next look may find the file mended
        return

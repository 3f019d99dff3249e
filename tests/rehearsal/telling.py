"""How the rehearsal tells of itself: a line for each thing that happens, with the time since its beginning."""

import textwrap
import time
from dataclasses import dataclass, field
from typing import Final

WIDTH: Final = 118
MARGIN: Final = 10


@dataclass
class Teller:
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def title(self, text: str) -> None:
        print(f"\n{text}\n{'-' * len(text)}", flush=True)

    def say(self, text: str) -> None:
        whole = text.replace(" %", "\N{NO-BREAK SPACE}%")
        lines = textwrap.wrap(whole, WIDTH - MARGIN, break_long_words=False, break_on_hyphens=False)
        time_s = f"{self.seconds:6.1f} s  "
        print("\n".join([time_s + lines[0], *(" " * MARGIN + line for line in lines[1:])]), flush=True)

    def command(self, *words: str) -> None:
        shown = " ".join(f'"{word}"' if " " in word else word for word in words)
        self.say(f"$ manage.py canary {shown}")

"""Makes the pictures of the README from a real run: ``python docs/pictures.py``. Takes about a minute.

The run is the quick preset on the embedded data set, in a home of its own that is removed again.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nastui.app import NastuiApp
from runs.home import Home
from runs.store import RunStore

HERE = Path(__file__).parent
SIZE = (118, 36)


def main() -> None:
    """Start a search, and take its picture when most of it is done."""
    os.environ["COLORTERM"] = "truecolor"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NASTUI_HOME"] = folder
        nastui = Path(sys.executable).parent / "nastui"
        subprocess.run(
            [nastui, "search", "drnas", "--preset", "quick", "--detach"],
            check=True,
        )
        home = Home.locate()
        record = RunStore(home).records()[0]
        while RunStore(home).find(record.id).summary.epoch < 24:
            time.sleep(0.2)
        asyncio.run(picture(home, record.id))
        subprocess.run([nastui, "runs", "stop", record.id], check=True)


async def picture(home: Home, run: str) -> None:
    """Save the Run screen as SVG."""
    app = NastuiApp(home, run)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(1.5)
        (HERE / "run.svg").write_text(app.export_screenshot(title="nastui"))


if __name__ == "__main__":
    main()

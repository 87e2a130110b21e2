"""Files of a time to come."""

import os
import time

from anchorprune.pipeline.clock import settle_times


def test_only_what_is_of_a_time_to_come_gets_the_present(tmp_path):
    now = time.time()
    times = {"a/past": now - 1000, "a/future": now + 1000, "later": now + 9000, "images/one": now + 1000}
    for name, moment in times.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (moment, moment))
    settle_times(tmp_path)
    after = {name: (tmp_path / name).stat().st_mtime for name in times}
    assert abs(after["a/past"] - times["a/past"]) < 1
    assert abs(after["images/one"] - times["images/one"]) < 1
    assert after["a/future"] == after["later"] <= time.time()
    assert (tmp_path / "later").read_text() == "later"
    settle_times(tmp_path / "none")

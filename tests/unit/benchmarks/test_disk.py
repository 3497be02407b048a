"""The disk: a folder in memory is refused, however deep it hangs."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.suite.cell import VoidError
from benchmarks.suite.disk import Mount, mount_of, mountinfo, refuse_memory, syncs_a_second

MOUNTS = """\
21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
22 21 0:20 / /run/bench rw,nosuid shared:2 - tmpfs tmpfs rw,size=1024k
23 22 254:16 / /run/bench/disk rw - xfs /dev/vdb rw
24 21 0:30 / /mnt/with\\040space rw - tmpfs none rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/", "ext4"), ("/home/me/parley/.bench", "ext4"), ("/run/bench", "tmpfs"), ("/run/bench/data", "tmpfs"),
        ("/run/bench/disk/data", "xfs"), ("/run/benchmarks", "ext4"), ("/mnt/with space/data", "tmpfs"),
    ],
)  # fmt: skip
def test_a_folder_lies_on_the_deepest_mount_above_it(folder: str, kind: str) -> None:
    """A disk may hang in a memory, and a memory in a disk; a like name is no mount."""
    assert mount_of(Path(folder), MOUNTS).kind == kind


def test_memory_is_refused_and_a_disk_is_told() -> None:
    """A sync that costs nothing is no figure."""
    with pytest.raises(VoidError, match="lies on tmpfs"):
        refuse_memory(Path("/run/bench/data"), MOUNTS)

    assert refuse_memory(Path("/srv"), MOUNTS) == Mount("/", "ext4", "/dev/vda")


def test_this_machine_tells_its_mounts(tmp_path: Path) -> None:
    """The kernel's own text is read, and the disk it names syncs."""
    assert mount_of(tmp_path, mountinfo()).kind
    assert mount_of(Path("/proc/self"), mountinfo()).kind == "proc"
    assert syncs_a_second(tmp_path) > 0

"""What control groups say, in both versions, read from files as the kernel writes them."""

from weftline.guard.cgroup import Cgroup, Figures, tightest_limit_bytes

V1_STAT = "cache 5\nrss 6\ntotal_cache 100\ntotal_rss 4096\ntotal_shmem 512\ntotal_swap 8\n"
V2_STAT = "anon 4096\nfile 100000\nkernel 50\nshmem 512\n"


def laid_out(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def version_1(tmp_path, limit="104857600"):
    laid_out(
        tmp_path,
        {
            "mounts": f"cgroup {tmp_path}/memory cgroup rw,memory 0 0\ncgroup {tmp_path}/cpu cgroup rw,cpu,cpuacct 0 0\n",
            "self": "5:cpu,cpuacct:/job\n4:memory:/job/step\n1:name=systemd:/\n0::/\n",
            "memory/memory.limit_in_bytes": "9223372036854771712\n",
            "memory/cgroup.procs": "",
            "memory/job/memory.limit_in_bytes": "52428800\n",
            "memory/job/cgroup.procs": "",
            "memory/job/step/memory.stat": V1_STAT,
            "memory/job/step/memory.usage_in_bytes": "9000\n",
            "memory/job/step/memory.limit_in_bytes": f"{limit}\n",
            "memory/job/step/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
            "cpu/job/cpuacct.usage": "2500000000\n",
        },
    )
    return Cgroup.of(mounts=tmp_path / "mounts", membership=tmp_path / "self")


def version_2(tmp_path, limit="104857600"):
    laid_out(
        tmp_path,
        {
            "mounts": f"cgroup2 {tmp_path}/fs cgroup2 rw 0 0\n",
            "self": "0::/user.slice/job\n",
            "fs/user.slice/memory.max": "max\n",
            "fs/user.slice/cgroup.procs": "",
            "fs/user.slice/job/memory.stat": V2_STAT,
            "fs/user.slice/job/memory.current": "9000\n",
            "fs/user.slice/job/memory.max": f"{limit}\n",
            "fs/user.slice/job/memory.swap.current": "8\n",
            "fs/user.slice/job/memory.events": "low 0\nhigh 0\nmax 3\noom 2\noom_kill 2\n",
            "fs/user.slice/job/cpu.stat": "usage_usec 2500000\nuser_usec 2000000\n",
        },
    )
    return Cgroup.of(mounts=tmp_path / "mounts", membership=tmp_path / "self")


FIGURES = Figures(held_bytes=4616, charged_bytes=9000, limit_bytes=104857600, cpu_s=2.5, kills=2)


def test_figures_of_version_1(tmp_path):
    group = version_1(tmp_path)
    assert (group.version, group.figures()) == (1, FIGURES)


def test_figures_of_version_2(tmp_path):
    group = version_2(tmp_path)
    assert (group.version, group.figures()) == (2, FIGURES)


def test_no_limit_is_none_in_both(tmp_path):
    assert version_1(tmp_path / "1", "9223372036854771712").figures().limit_bytes is None
    assert version_2(tmp_path / "2", "max").figures().limit_bytes is None


def test_the_tightest_limit_may_be_that_of_a_group_around_it(tmp_path):
    assert tightest_limit_bytes(version_1(tmp_path / "1")) == 52428800
    assert tightest_limit_bytes(version_2(tmp_path / "2")) == 104857600
    assert tightest_limit_bytes(None) is None


def test_a_container_that_sees_its_own_group_only(tmp_path):
    version_1(tmp_path)
    (tmp_path / "self").write_text("4:memory:/docker/0123456789ab\n")
    laid_out(tmp_path, {"memory/memory.limit_in_bytes": "1048576\n"})
    assert tightest_limit_bytes(Cgroup.of(mounts=tmp_path / "mounts", membership=tmp_path / "self")) == 1048576


def test_where_nothing_counts_memory_there_is_no_group(tmp_path):
    laid_out(tmp_path, {"mounts": "proc /proc proc rw 0 0\n", "self": "0::/\n"})
    assert Cgroup.of(mounts=tmp_path / "mounts", membership=tmp_path / "self") is None


def test_a_group_that_may_not_be_made_leaves_nothing(tmp_path):
    group = version_1(tmp_path)
    (tmp_path / "memory/job/step/inner").mkdir()
    assert group.make("inner") is None
    assert (tmp_path / "memory/job/step/inner").exists(), "that was somebody else's"
    assert group.make("other") is None, "no system fills these folders with files"
    assert not (tmp_path / "memory/job/step/other").exists()
    assert not (tmp_path / "cpu/job/other").exists()

"""A port that was given out is given to nobody else, also while no server listens on it yet."""

import random
import subprocess
import sys

from deploy.local.engines import ports


def test_processes_with_one_seed_are_given_different_ports() -> None:
    code = (
        "import random, sys; from deploy.local.engines import ports; random.seed(0); "
        "print(*(ports.find_free_port() for _ in range(50)), flush=True); sys.stdin.read()"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        given = [set((one.stdout.readline() if one.stdout else "").split()) for one in running]
        assert [len(each) for each in given] == [50, 50]
        assert not given[0] & given[1]
    finally:
        for one in running:
            one.communicate()


def test_a_port_is_reserved_before_a_server_listens() -> None:
    lowest = ports.find_free_port()
    assert ports.is_free(lowest)
    assert not ports._reserve(lowest)
    assert all(ports.find_free_port() != lowest for _ in range(100))


def test_the_common_generator_is_left_alone() -> None:
    random.seed(0)
    expected = random.random()
    random.seed(0)
    ports.find_free_port()
    assert random.random() == expected

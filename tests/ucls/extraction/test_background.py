import threading

import pytest

from ucls.extraction.background import Background


def test_tasks_are_done_in_order_while_the_caller_goes_on():
    done, may_start = [], threading.Event()
    with Background(most_waiting=3) as background:
        background.submit(may_start.wait)
        background.submit(done.append, 1)
        background.submit(done.append, 2)
        assert done == []
        may_start.set()
    assert done == [1, 2]


def test_it_takes_only_so_many_tasks():
    started, may_go_on = threading.Event(), threading.Event()
    taken = []

    def fill():
        with Background(most_waiting=2) as background:
            for number in range(4):
                background.submit(may_go_on.wait)
                taken.append(number)
                if number == 1:
                    started.set()

    caller = threading.Thread(target=fill)
    caller.start()
    assert started.wait(5)
    caller.join(0.1)
    assert taken == [0, 1]
    may_go_on.set()
    caller.join(5)
    assert taken == [0, 1, 2, 3]


def fail():
    raise OSError("disk full")


def submit_some(background, done):
    with background:
        for number in range(5):
            background.submit(fail)
            done.append(number)


@pytest.mark.parametrize(
    ("most_waiting", "submitted"), [(1, [0]), (3, [0, 1, 2]), (9, [*range(5)])]
)
def test_errors_of_tasks_reach_the_caller(most_waiting, submitted):
    done = []
    with pytest.raises(OSError, match="disk full"):
        submit_some(Background(most_waiting), done)
    assert done == submitted


def test_nothing_is_done_after_a_failure():
    done, may_start = [], threading.Event()

    def submit_all():
        with Background(most_waiting=9) as background:
            background.submit(may_start.wait)
            background.submit(done.append, 1)
            background.submit(fail)
            background.submit(done.append, 2)
            may_start.set()

    with pytest.raises(OSError, match="disk full"):
        submit_all()
    assert done == [1]


def submit_and_fail(done, may_start):
    with Background() as background:
        background.submit(may_start.wait)
        background.submit(done.append, 1)
        threading.Timer(0.05, may_start.set).start()
        raise KeyError("mine")


def test_an_error_of_the_caller_drops_what_has_not_begun():
    done = []
    with pytest.raises(KeyError, match="mine"):
        submit_and_fail(done, threading.Event())
    assert done == []

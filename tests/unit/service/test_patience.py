"""Callers wait equally long, each from when it came, whoever else waits, leaves or was told."""

import asyncio

import pytest

from router.service.live import Waiter
from router.service.patience import Patience
from tests.virtual_loop import in_virtual_time, pass_time


def _waiter() -> Waiter:
    return asyncio.get_running_loop().create_future()


@in_virtual_time
async def test_each_is_let_go_when_its_own_time_is_up() -> None:
    patience, loop = Patience(5.0), asyncio.get_running_loop()
    began, first, second = loop.time(), _waiter(), _waiter()

    patience.begin(first)
    await pass_time(2)
    patience.begin(second)

    assert await first is False
    assert loop.time() - began == pytest.approx(5.0)
    assert not second.done()
    assert await second is False
    assert loop.time() - began == pytest.approx(7.0)


@in_virtual_time
async def test_who_was_told_or_left_is_not_let_go_and_keeps_nobody_else_waiting() -> None:
    patience, loop = Patience(5.0), asyncio.get_running_loop()
    told, left, stays = _waiter(), _waiter(), _waiter()
    for waiter in (told, left):
        patience.begin(waiter)
    await pass_time(1)
    began = loop.time()
    patience.begin(stays)

    told.set_result(True)
    patience.end(told)
    left.cancel()

    assert await stays is False
    assert loop.time() - began == pytest.approx(5.0)
    assert told.result() is True
    assert left.cancelled()


@in_virtual_time
async def test_it_goes_on_after_a_time_when_nobody_waited() -> None:
    patience, loop = Patience(5.0), asyncio.get_running_loop()
    early = _waiter()
    patience.begin(early)
    patience.end(early)
    await pass_time(20)
    began, late = loop.time(), _waiter()

    patience.begin(late)

    assert await late is False
    assert loop.time() - began == pytest.approx(5.0)
    assert not early.done()


@in_virtual_time
async def test_once_closed_it_has_let_everybody_go() -> None:
    """The router stops: nobody will tell them, and the server waits for who waits for an answer."""
    patience, loop = Patience(5.0), asyncio.get_running_loop()
    began, first, second = loop.time(), _waiter(), _waiter()
    patience.begin(first)
    await pass_time(1)
    patience.begin(second)

    patience.close()

    assert (await first, await second) == (False, False)
    assert loop.time() - began == pytest.approx(1.0)
    patience.end(first)

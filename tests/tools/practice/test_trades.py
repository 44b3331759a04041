from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from studio_data import call as dispatch
from studio_data.db import many, one
from studio_data.errors import InvalidInputError, NotFoundError
from studio_data.tools.practice.trades import create_trade, get_trade, list_trades, update_trade


def log_of(entity_id: object) -> list[dict[str, Any]]:
    return many("SELECT * FROM activity_log WHERE entity_id = %s ORDER BY id", (entity_id,))


def test_a_new_trade_has_everything_that_was_given() -> None:
    trade = create_trade(
        "Kate Meyer", specialty="drapery", company="Olathe Drapery", email="kate@example.com", phone="+1 913 555 0177"
    )

    assert trade == one("SELECT * FROM trades") == get_trade(trade["id"])
    assert [trade["name"], trade["specialty"], trade["company"], trade["email"], trade["phone"]] == [
        "Kate Meyer", "drapery", "Olathe Drapery", "kate@example.com", "+1 913 555 0177",
    ]  # fmt: skip
    (line,) = log_of(trade["id"])
    assert (line["entity_type"], line["action"], line["project_id"]) == ("trade", "created", None)
    assert line["metadata"] == {"specialty": "drapery"}


def test_a_trade_needs_only_a_name() -> None:
    trade = create_trade("Kate Meyer")

    assert {trade["specialty"], trade["company"], trade["email"], trade["phone"]} == {None}
    with pytest.raises(InvalidInputError, match="name must not be empty or blank"):
        create_trade(" ")


def test_only_what_is_given_changes_and_the_log_says_from_what_to_what() -> None:
    trade = create_trade("Kate Meyer", specialty="drapery", company="Olathe Drapery", phone="1")

    changed = update_trade(trade["id"], specialty="soft goods", clear=["company"])

    assert changed == {**trade, "specialty": "soft goods", "company": None}
    assert log_of(trade["id"])[-1]["metadata"] == {
        "changes": {"specialty": ["drapery", "soft goods"], "company": ["Olathe Drapery", None]}
    }


def test_everything_but_the_name_may_be_cleared_and_nothing_by_null() -> None:
    trade = create_trade("Kate", specialty="drapery", company="Olathe Drapery", email="kate@example.com", phone="1")

    assert update_trade(trade["id"], specialty=None, email=None) == trade
    cleared = update_trade(trade["id"], clear=["specialty", "company", "email", "phone"])
    assert {cleared["specialty"], cleared["company"], cleared["email"], cleared["phone"]} == {None}
    with pytest.raises(InvalidInputError):
        update_trade(trade["id"], clear=["name"])


def test_a_change_that_changes_nothing_leaves_no_line() -> None:
    trade = create_trade("Kate Meyer", specialty="drapery")

    assert update_trade(trade["id"], specialty="drapery") == update_trade(trade["id"]) == trade
    assert len(log_of(trade["id"])) == 1


def test_trades_are_listed_by_specialty_text_and_page() -> None:
    create_trade("Ann", specialty="drapery", email="ann@example.com")
    create_trade("Bob", specialty="wallpaper", company="Prairie Walls")
    create_trade("Cy", specialty="drapery workroom")

    def names(**filters: Any) -> list[str]:
        return [trade["name"] for trade in list_trades(**filters)["items"]]

    assert names() == ["Ann", "Bob", "Cy"]
    assert names(specialty="drapery") == ["Ann"]
    assert names(search="DRAPERY") == ["Ann", "Cy"]
    assert names(search="prairie") == names(search="bo") == ["Bob"]
    assert names(search="ann@", specialty="drapery") == ["Ann"]
    assert names(search="%") == []
    first = list_trades(limit=2)
    assert len(first["items"]) == 2
    assert names(after=first["next"], limit=2) == ["Cy"]


def test_an_unknown_trade_is_not_found() -> None:
    for name in ("get_trade", "update_trade"):
        refused = dispatch(name, {"trade_id": str(uuid4())})
        assert (refused["code"], refused["hint"]) == ("not_found", "list_trades shows them all.")
    with pytest.raises(NotFoundError, match="There is no trade"):
        get_trade(uuid4())


def test_twelve_who_change_a_trade_at_once_lose_no_change(committed_db: str) -> None:
    trade = create_trade("Kate Meyer", phone="0")
    phones = [f"{number}" for number in range(1, 13)]

    def change(phone: str) -> None:
        update_trade(trade["id"], phone=phone)

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(change, phones))

    changes = [line["metadata"]["changes"]["phone"] for line in log_of(trade["id"])[1:]]
    assert sorted(new for _, new in changes) == sorted(phones)
    assert sorted([*(old for old, _ in changes), str(get_trade(trade["id"])["phone"])]) == sorted(["0", *phones])

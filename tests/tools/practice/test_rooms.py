from concurrent.futures import ThreadPoolExecutor
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from studio_data import call, db
from studio_data.errors import InvalidInputError, NotFoundError, RuleViolationError
from studio_data.tools.clients import create_client
from studio_data.tools.practice.estimates import estimate_room
from studio_data.tools.practice.price_benchmarks import set_benchmark
from studio_data.tools.practice.rooms import add_room, get_room, list_rooms, update_room
from studio_data.tools.projects import create_project, get_project
from tests.support.lifecycle import lines


@pytest.fixture
def project_id() -> UUID:
    return create_project(create_client("Ann")["id"], "LR", "furnishings", investment_estimate=90_000)["project"]["id"]


def totals(project_id: UUID) -> tuple[Decimal | None, Decimal | None]:
    project = get_project(project_id)
    return project["investment_estimate"], project["exhibit_b_total"]


def test_a_room_is_added_with_a_line_and_the_projects_own_figure_stays(project_id: UUID) -> None:
    room = add_room(project_id, name="Living room", scope="Sofa, rug.")

    assert room == db.one("SELECT * FROM project_rooms") == get_room(room["id"])
    line = lines()[-1]
    assert (line["entity_type"], line["entity_id"], line["action"]) == ("room", room["id"], "created")
    assert line["project_id"] == project_id
    assert totals(project_id) == (Decimal("90000.00"), None)


def test_the_projects_totals_are_the_sums_over_its_rooms(project_id: UUID) -> None:
    first = add_room(project_id, name="Living room", investment_estimate="40000.10")
    add_room(project_id, name="Den", investment_estimate="20000.20", exhibit_b_amount="21000.00")
    assert totals(project_id) == (Decimal("60000.30"), Decimal("21000.00"))

    update_room(first["id"], exhibit_b_amount="41000.00", clear=["investment_estimate"])

    assert totals(project_id) == (Decimal("20000.20"), Decimal("62000.00"))
    changed, followed = lines()[-2:]
    assert (changed["entity_type"], changed["metadata"]) == (
        "room", {"changes": {"investment_estimate": [40000.1, None], "exhibit_b_amount": [None, 41000.0]}},
    )  # fmt: skip
    assert (followed["entity_type"], followed["metadata"]["changes"].keys()) == (
        "project", {"investment_estimate", "exhibit_b_total"},
    )  # fmt: skip


def test_a_change_that_changes_nothing_leaves_no_line(project_id: UUID) -> None:
    room = add_room(project_id, name="Den", investment_estimate="20000.00")
    before = lines()

    assert update_room(room["id"], investment_estimate=20_000) == room
    assert lines() == before


def test_an_estimate_from_price_benchmarks_is_exact_to_the_cent(project_id: UUID) -> None:
    sofa = set_benchmark("seating", item_type="sofa, 90 in", unit_price_estimate="4200.00")
    lamp = set_benchmark("lighting", item_type="floor lamp", unit_price_estimate="333.33", freight_factor="0.1250")
    room = add_room(project_id, name="Living room")

    estimate = estimate_room(
        room["id"],
        items=[
            {"benchmark_id": sofa["id"], "quantity": 1},
            {"benchmark_id": lamp["id"], "quantity": 3, "description": "lamp by the window"},
        ],
    )

    # 4,200.00 x 1.18 = 4,956.00; 3 x 333.33 x 1.125 = 1,124.98875; in all 6,080.98875
    assert estimate["room"]["investment_estimate"] == Decimal("6080.99")
    assert totals(project_id) == (Decimal("6080.99"), None)
    assert [(item["description_generic"], item["quantity"]) for item in estimate["line_items"]] == [
        ("sofa, 90 in", 1), ("lamp by the window", 3),
    ]  # fmt: skip
    again = estimate_room(room["id"], items=[{"benchmark_id": sofa["id"], "quantity": 1}])
    assert again["room"]["investment_estimate"] == Decimal("11036.99")  # all of the room's items, not the new ones alone
    assert [line["entity_type"] for line in lines()[-3:]] == ["line_item", "room", "project"]


@pytest.mark.parametrize(
    ("price", "freight", "exact"), [("0.25", "0.3", 0.325), ("0.25", "0.34", 0.335), ("1.00", "0.005", 1.005)]
)
def test_half_a_cent_is_rounded_alike_by_every_tool(project_id: UUID, price: str, freight: str, exact: float) -> None:
    item = set_benchmark("lighting", item_type="bulb", unit_price_estimate=price, freight_factor=freight)["id"]
    room = add_room(project_id, name="Living room")["id"]

    computed = estimate_room(room, items=[{"benchmark_id": item, "quantity": 1}])["room"]["investment_estimate"]
    given = update_room(room, investment_estimate=exact)["investment_estimate"]

    assert computed == given == Decimal(str(exact)).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
    assert totals(project_id) == (given, None)


def test_twelve_who_estimate_rooms_of_one_project_lose_nothing(committed_db: str, project_id: UUID) -> None:
    rooms = [add_room(project_id, name=f"Room {number}")["id"] for number in range(12)]

    def estimate(number: int) -> None:
        update_room(rooms[number], investment_estimate=1_000 + number, exhibit_b_amount=2_000 + number)

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(estimate, range(12)))

    assert totals(project_id) == (Decimal(12_066), Decimal(24_066))
    assert db.one("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == {"deadlocks": 0}


def test_a_total_beyond_what_money_can_be_is_refused_whole(project_id: UUID) -> None:
    add_room(project_id, name="Hall", investment_estimate="9999999999.99")

    with pytest.raises(InvalidInputError), db.transaction():
        add_room(project_id, name="Den", investment_estimate="0.01")

    assert totals(project_id)[0] == Decimal("9999999999.99")
    assert len(list_rooms(project_id)["items"]) == 1


def test_a_completed_project_takes_no_room(project_id: UUID) -> None:
    db.one("UPDATE projects SET phase = 'completed'")

    with pytest.raises(RuleViolationError, match="Nothing can be added to a completed project") as raised:
        add_room(project_id, name="Den")
    assert raised.value.details["rule"] == "completed_projects_are_closed"


def test_what_is_unknown_is_not_found() -> None:
    nobody = str(uuid4())
    calls: list[tuple[str, dict[str, Any]]] = [
        ("add_room", {"project_id": nobody, "name": "Den"}),
        ("update_room", {"room_id": nobody, "name": "Den"}),
        ("get_room", {"room_id": nobody}),
        ("estimate_room", {"room_id": nobody, "items": [{"benchmark_id": nobody, "quantity": 1}]}),
    ]
    for name, arguments in calls:
        assert call(name, arguments)["code"] == "not_found", name


def test_an_unknown_price_benchmark_adds_no_item(project_id: UUID) -> None:
    room = add_room(project_id, name="Den")
    known = set_benchmark("seating", item_type="sofa", unit_price_estimate="1.00")["id"]

    with pytest.raises(NotFoundError, match="There is no benchmark"), db.transaction():
        estimate_room(room["id"], items=[{"benchmark_id": known, "quantity": 1}, {"benchmark_id": uuid4(), "quantity": 1}])
    assert db.many("SELECT * FROM line_items") == []

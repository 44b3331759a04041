"""What an operator sees of calls, and what nobody sees in the process log."""

import logging
from collections.abc import Callable, Generator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from studio_data import acting_as, call_key, db, raising_call
from studio_data.contract.fields import Name
from studio_data.contract.registry import all_tools, tool
from studio_data.contract.roles import STAFF
from studio_data.errors import InvalidInputError, NotFoundError, PermissionDeniedError, StudioError, UnavailableError
from studio_data.tools.clients import create_client, get_client
from studio_data.tools.projects import create_project
from tests.examples import EXAMPLES, Practice, by_whom
from tests.postgres.test_failures import make_flaky
from tests.support import use

NOBODY = "019ab000-0000-7000-8000-000000000000"


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "studio_data"]


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def flaky_tool() -> Callable[..., Any]:
    @tool(roles=STAFF)
    def create_flaky(*, name: Name) -> dict[str, Any]:
        """Create a client by a statement that the server undoes."""
        return db.one("INSERT INTO clients (name) VALUES (%(name)s || flaky()) RETURNING id::text, name", {"name": name})

    return create_flaky


# One line ------------------------------------------------------------------------------------------------------------------


def test_a_call_that_succeeds_leaves_no_line(caplog: pytest.LogCaptureFixture) -> None:
    create_client("Ann")

    assert said(caplog) == []


def test_a_refused_call_leaves_one_line_with_who_and_what(caplog: pytest.LogCaptureFixture) -> None:
    with (
        acting_as("agent", "studio_manager", role="studio_manager", run_id="run-42"),
        call_key("run-42/step-7"),
        pytest.raises(NotFoundError),
    ):
        create_project(NOBODY, "LR", "furnishings")

    (line,) = said(caplog)
    assert line.startswith("failed: tool=create_project code=not_found attempts=1 ms=")
    assert line.endswith("actor=studio_manager role=studio_manager run=run-42 key=run-42/step-7")
    record = caplog.records[-1]
    assert record.levelname == "INFO"
    assert vars(record)["studio_data"]["tool"] == "create_project"


@pytest.mark.parametrize(
    ("call", "code", "level"),
    [
        (lambda: create_client(""), "invalid_input", "INFO"),
        (lambda: get_client(NOBODY), "not_found", "INFO"),
        (lambda: raising_call("create_client", {"nmae": "Ann"}), "invalid_input", "INFO"),
    ],
)
def test_what_agents_correct_by_themselves_is_information(
    caplog: pytest.LogCaptureFixture, call: Callable[[], Any], code: str, level: str
) -> None:
    with pytest.raises(StudioError):
        call()

    assert [(record.levelname, f"code={code}" in record.getMessage()) for record in caplog.records] == [(level, True)]


def test_a_call_outside_the_toolset_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with acting_as("agent", "minutes", role="transcriptionist"), pytest.raises(PermissionDeniedError):
        create_client("Ann")

    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_an_error_of_a_tools_own_code_is_told_by_its_class_alone(caplog: pytest.LogCaptureFixture) -> None:
    @tool(roles=STAFF)
    def create_trouble(*, name: Name) -> None:
        """Fail by a mistake in the code."""
        raise RuntimeError(name)

    with pytest.raises(RuntimeError):
        create_trouble(name="Rosa Ortiz")

    assert said(caplog)[0].startswith("failed: tool=create_trouble code=RuntimeError")
    assert "Rosa" not in caplog.text


def test_a_call_that_is_tried_again_leaves_a_line_for_each_time_and_none_for_its_success(
    committed_db: str, caplog: pytest.LogCaptureFixture
) -> None:
    make_flaky("40001", failures=2)
    create_flaky = flaky_tool()
    caplog.clear()

    create_flaky(name="Ann")

    assert [line.split(" ms=")[0] for line in said(caplog)] == [
        "tried again: tool=create_flaky code=database sqlstate=40001 attempts=2",
        "tried again: tool=create_flaky code=database sqlstate=40001 attempts=3",
    ]


def test_a_keyed_call_that_is_never_done_says_how_often_it_was_tried(
    committed_db: str, caplog: pytest.LogCaptureFixture
) -> None:
    make_flaky("40001", failures=99)
    create_flaky = flaky_tool()
    caplog.clear()

    with call_key("k"), pytest.raises(UnavailableError):
        create_flaky(name="Ann")

    lines = said(caplog)
    assert [line.split(":")[0] for line in lines] == ["tried again"] * 4 + ["failed"]
    assert "code=unavailable sqlstate=40001 outcome=not_done attempts=5" in lines[-1]
    assert lines[-1].endswith("key=k")


# Nothing that is nobody's business -----------------------------------------------------------------------------------------

MARK = "Zyzzyva"


def marked(value: Any) -> Any:
    """Put a mark into every text of an argument."""
    if isinstance(value, str):
        return f"{MARK} {value}"
    if isinstance(value, dict):
        return {name: marked(inner) for name, inner in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return [marked(inner) for inner in value] if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType]


def test_no_argument_of_any_tool_reaches_the_process_log(caplog: pytest.LogCaptureFixture) -> None:
    practice_tools = [known for known in all_tools() if known.module.startswith("studio_data.tools.")]
    for known in practice_tools:
        with db.transaction(rollback=True):
            arguments = EXAMPLES[known.name].arguments(Practice())
            for hostile in (marked(arguments), {**arguments, MARK: MARK}, dict.fromkeys(arguments, MARK)):
                with by_whom(known), db.transaction(rollback=True):
                    try:
                        known.run((), hostile)
                    except StudioError:
                        continue

    told = [f"{record.getMessage()} {vars(record)} {record.exc_text}" for record in caplog.records]
    assert len(told) > len(practice_tools)
    assert [line for line in told if MARK in line] == []


def test_no_password_reaches_the_process_log(
    committed_db: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("STUDIO_DATA_POOL_TIMEOUT", "0.3")
    use("postgresql://ann:hunter2@127.0.0.1:1/studio?sslpassword=hunter2", monkeypatch)
    with pytest.raises(UnavailableError):
        create_client("Ann")

    assert caplog.records
    assert "hunter2" not in "".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)


# OpenTelemetry -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    """Collect the spans of this process, whose provider can be set only once."""
    collected = InMemorySpanExporter()
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(TracerProvider())
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    provider.add_span_processor(SimpleSpanProcessor(collected))
    return collected


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Generator[InMemorySpanExporter]:
    exporter.clear()
    yield exporter
    exporter.clear()


def test_a_call_is_a_span_that_says_who_called_and_nothing_of_the_arguments(spans: InMemorySpanExporter) -> None:
    with acting_as("agent", "studio_manager", role="studio_manager", run_id="run-42"), call_key("step-1"):
        create_client("Rosa Ortiz", email="rosa@example.com")

    (span,) = spans.get_finished_spans()
    assert span.name == "create_client"
    assert dict(span.attributes or {}) == {
        "db.system.name": "postgresql",
        "studio_data.tool": "create_client",
        "studio_data.actor": "studio_manager",
        "studio_data.role": "studio_manager",
        "studio_data.run": "run-42",
        "studio_data.key": "step-1",
        "studio_data.attempts": 1,
    }
    assert span.status.is_ok or span.status.status_code is trace.StatusCode.UNSET


def test_a_refused_call_is_a_span_with_its_code(spans: InMemorySpanExporter) -> None:
    with pytest.raises(InvalidInputError):
        create_client("")

    (span,) = spans.get_finished_spans()
    assert span.status.status_code is trace.StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "invalid_input"
    assert span.events == ()


def test_a_retry_is_an_event_of_the_span(committed_db: str, spans: InMemorySpanExporter) -> None:
    make_flaky("40001", failures=1)
    flaky_tool()(name="Ann")

    (span,) = spans.get_finished_spans()
    assert [(event.name, (event.attributes or {})["sqlstate"]) for event in span.events] == [("retry", "40001")]
    assert (span.attributes or {})["studio_data.attempts"] == 2


def test_a_call_is_a_child_of_the_span_around_it(spans: InMemorySpanExporter) -> None:
    with trace.get_tracer("harness").start_as_current_span("step") as step:
        create_client("Ann")

    child = next(span for span in spans.get_finished_spans() if span.name == "create_client")
    assert child.parent is not None
    assert child.parent.span_id == step.get_span_context().span_id

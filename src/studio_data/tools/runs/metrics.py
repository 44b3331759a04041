"""Agent metrics: the numbers that a run reports, and their summaries."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, TypedDict
from uuid import UUID

from psycopg.types.json import Jsonb

from studio_data.contract.audit import actor
from studio_data.contract.fields import Line, ReportedObject, choice
from studio_data.contract.registry import tool
from studio_data.db import many, one
from studio_data.tools.runs.fields import Moment, Number
from studio_data.tools.runs.rules.audit import event

MOST_GROUPS = 1_000


class MetricPeriod(StrEnum):
    """The periods by which a summary may be grouped, in the practice's time zone."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class AgentMetric(TypedDict):
    """One row of ``agent_metrics``."""

    id: UUID
    metric_name: str
    metric_value: float
    labels: dict[str, Any]
    recorded_at: datetime


class MetricGroup(TypedDict):
    """The summary of one label in one period. None where the summary is not grouped by that."""

    label: str | None
    period_start: datetime | None
    count: int
    mean: float
    p50: float
    p95: float
    smallest: float
    largest: float


class MetricsSummary(TypedDict):
    """The summary of a metric. ``is_complete`` is false if there are more than 1,000 groups."""

    metric_name: str
    groups: list[MetricGroup]
    is_complete: bool


@tool()
def record_metric(
    metric_name: Line, metric_value: Number, *, labels: ReportedObject | None = None, recorded_at: Moment | None = None
) -> AgentMetric:
    """Record one value of a metric, measured now or at ``recorded_at``.

    metrics_summary can group by ``labels``, like {"agent_type": "eng"}.

    Returns the metric's row.
    """
    return one(
        """
        WITH metric AS (
            INSERT INTO agent_metrics (metric_name, metric_value, labels, recorded_at)
            VALUES (%(metric_name)s, %(metric_value)s, %(labels)s, coalesce(%(recorded_at)s, now()))
            RETURNING *
        ), logged AS (
            INSERT INTO activity_log (entity_type, entity_id, action, actor_type, actor_name, context, metadata)
            SELECT 'agent_metric', id, 'created', %(actor_type)s, %(actor_name)s, %(context)s,
                %(event)s || jsonb_build_object('metric_name', metric_name, 'metric_value', metric_value)
            FROM metric
        )
        SELECT * FROM metric
        """,
        {
            "metric_name": metric_name,
            "metric_value": metric_value,
            "labels": Jsonb(labels or {}),
            "recorded_at": recorded_at,
            "event": event("metric_recorded", labels=labels),
            **actor(),
        },
    )


@tool(reads=True)
def metrics_summary(
    metric_name: Line,
    *,
    by: Line | None = None,
    period: Annotated[MetricPeriod | str, *choice(MetricPeriod)] | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
) -> MetricsSummary:
    """Summarise a metric: count, mean, median, 95th percentile, minimum and maximum.

    ``by`` names a label to group by; ``period`` groups by hour, day, week or month of the practice. Counts values from
    ``since`` to before ``until``, by default all.

    Returns the groups by period and label. A percentile is interpolated between the values next to it.
    """
    rows = many(
        """
        SELECT
            labels ->> %(by)s::text AS label,
            date_trunc(%(period)s::text, recorded_at, practice_time_zone()) AS period_start,
            count(*) AS count,
            avg(metric_value) AS mean,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY metric_value) AS p50,
            percentile_cont(0.95) WITHIN GROUP (ORDER BY metric_value) AS p95,
            min(metric_value) AS smallest,
            max(metric_value) AS largest
        FROM agent_metrics
        WHERE metric_name = %(metric_name)s
            AND recorded_at >= coalesce(%(since)s, '1900-01-01 00:00:00+00'::timestamptz)
            AND recorded_at < coalesce(%(until)s, '2200-01-01 00:00:00+00'::timestamptz)
        GROUP BY 1, 2
        ORDER BY period_start, label
        LIMIT %(most)s + 1
        """,
        {"metric_name": metric_name, "by": by, "period": period, "since": since, "until": until, "most": MOST_GROUPS},
    )
    return {"metric_name": metric_name, "groups": rows[:MOST_GROUPS], "is_complete": len(rows) <= MOST_GROUPS}

"""One finding of every type of alert, as its statement gives them: for the pictures of messages and for channels."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from costpulse_assets.alerts.alert_types import ALERT_TYPES, Finding
from costpulse_assets.alerts.message import Message

_LAST = date(2026, 11, 23)


def _days(values: Iterable[float | str], last: date = _LAST) -> list[list[Any]]:
    amounts = list(values)
    first = last - timedelta(len(amounts) - 1)
    return [[f"{first + timedelta(n)}", Decimal(str(amount))] for n, amount in enumerate(amounts)]


def _causes(kind: str, *parts: tuple[str, float, str] | tuple[str, float]) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "name": part[0], "usd": Decimal(str(part[1])), "note": part[2] if len(part) == 3 else None}
        for part in parts
    ]


_WEEK = (598, 610, 604, 617, 590, 214, 201)
_MONTH = (*_WEEK, *(round(day * 1.03) for day in _WEEK), *(round(day * 1.01) for day in _WEEK), 612, 621)
_BUDGET: dict[str, Any] = {
    "budget": "Data Platform",
    "amount": Decimal(12_000),
    "period": "month",
    "period_start": "2026-11-01",
    "period_end": "2026-11-30",
    "expected_from": "2026-11-23",
    "lower_usd": Decimal(12_410),
    "upper_usd": Decimal(13_655),
    "projected_usd": Decimal(13_020),
    "probability": 0.94,
    "breach_date": "2026-11-28",
    "owner": "lead@example.com",
    "recipients": ["lead@example.com"],
    "causes": _causes("product", ("ALL_PURPOSE", 4_612), ("JOBS", 3_377), ("SQL", 1_420)),
    "series": _days(_MONTH),
}

#: By type: scope, team, subject, threshold, phase, value, expectation, evidence.
_EXAMPLES: dict[str, dict[str, Any]] = {
    "budget_threshold": {
        "scope": ("team", "3", "Data Platform"),
        "threshold": Decimal(80),
        "value": (Decimal(9_960), None),
        "evidence": _BUDGET
        | {"unit": "percent", "spent_usd": Decimal(9_960), "limit_usd": Decimal(9_600), "used_percent": Decimal(83)},
    },
    "projected_overspend": {
        "scope": ("team", "3", "Data Platform"),
        "value": (Decimal(13_020), None),
        "evidence": _BUDGET
        | {
            "spent_usd": Decimal(9_960),
            "used_percent": Decimal(83),
            "limit_percent": Decimal(105),
            "limit_usd": Decimal(12_600),
            "projected_percent": Decimal("108.5"),
        },
    },
    "daily_budget": {
        "scope": ("workspace", "1000000000000001", "production"),
        "value": (Decimal(1_212), None),
        "evidence": {
            "day": "2026-11-23",
            "cost_usd": Decimal(1_212),
            "limit_usd": Decimal(900),
            "over_usd": Decimal(312),
            "teams": None,
            "causes": _causes("product", ("JOBS", 611), ("ALL_PURPOSE", 402), ("SQL", 199)),
            "series": _days((*_WEEK, *_WEEK, *_WEEK, *_WEEK[:-1], 1_212)),
        },
    },
    "cost_spike": {
        "value": (Decimal(2_410), Decimal(612)),
        "evidence": {
            "day": "2026-11-23",
            "cost_usd": Decimal(2_410),
            "usual_usd": Decimal(612),
            "above_usd": Decimal(1_798),
            "above_percent": Decimal("293.8"),
            "limit_percent": Decimal(50),
            "first_day": "2026-11-23",
            "last_day": "2026-11-23",
            "days": 1,
            "extra_usd": Decimal(1_798),
            "teams": None,
            "causes": _causes("job", ("backfill_orders", 1_512, "new"), ("nightly_load", 231), ("train_forecast", 40)),
            "series": _days((*_WEEK, *_WEEK, *_WEEK, *_WEEK[:-1], 2_410)),
        },
    },
    "anomaly": {
        "scope": ("job", "1000000000000001/812", "nightly_load"),
        "value": (Decimal(1_940), Decimal(420)),
        "evidence": {
            "anomaly": 17,
            "kind": "level shift",
            "direction": "up",
            "severity": "high",
            "start_date": "2026-11-20",
            "last_date": "2026-11-23",
            "end_date": None,
            "impact_usd": Decimal(1_520),
            "is_provisional": True,
            "status": "open",
            "resolution": None,
            "reason": None,
            "owner": None,
            "causes": _causes(
                "SKU", ("PREMIUM_JOBS_COMPUTE", 1_204, "volume"), ("PREMIUM_JOBS_COMPUTE_PHOTON", 316, "new")
            ),
            "series": _days((104, 106, 103, 108, 105, 102, 104, 106, 107, 103, 105, 104, 106, 105, 470, 488, 481, 501)),
        },
    },
    "new_source": {
        "scope": ("warehouse", "1000000000000001/9f3c", "bi_adhoc"),
        "value": (Decimal("388.20"), None),
        "evidence": {
            "kind": "warehouse",
            "name": "bi_adhoc",
            "workspace": "production",
            "first_date": "2026-11-19",
            "days": 5,
            "least_usd": Decimal(50),
            "owner": "ana@example.com",
            "causes": _causes("SKU", ("PREMIUM_SERVERLESS_SQL_COMPUTE", 388.2)),
            "series": _days((12.4, 61.0, 88.8, 104.0, 122.0)),
        },
    },
    "idle_cluster": {
        "scope": ("cluster", "1000000000000001/0412-aa", "shared-analytics"),
        "value": (Decimal("41.80"), Decimal(10)),
        "evidence": {
            "name": "shared-analytics",
            "workspace": "production",
            "began_on": "2026-11-17",
            "days_running": 3,
            "idle_days": 7,
            "idle_usd": Decimal("284.30"),
            "cost_usd": Decimal("402.10"),
            "idle_hours": 118,
            "up_hours": 167,
            "auto_termination_minutes": 0,
            "is_deleted": False,
            "owner": "ana@example.com",
            "recommendation": 31,
            "advice": "End it after 30 idle minutes",
            "causes": [],
            "series": _days((38.2, 40.1, 39.9, 43.0, 44.6, 36.7, 41.8)),
        },
    },
    "unallocated_share": {
        "value": (Decimal("27.4"), Decimal(20)),
        "evidence": {
            "began_on": "2026-11-23",
            "first_date": "2026-11-17",
            "days": 7,
            "cost_usd": Decimal(24_310),
            "unallocated_usd": Decimal(6_661),
            "causes": _causes("workspace", ("sandbox", 4_120), ("production", 1_902), ("research", 639)),
            "series": _days((14, 14.2, 15, 15.1, 16, 17.2, 18, 18.4, 19, 19.3, 22, 24.1, 26, 27.4)),
        },
    },
    "tag_compliance": {
        "scope": ("workspace", "1000000000000002", "sandbox"),
        "value": (Decimal("71.2"), Decimal(80)),
        "evidence": {
            "began_on": "2026-11-23",
            "first_date": "2026-11-17",
            "days": 7,
            "compliant_usd": Decimal(4_986),
            "required_usd": Decimal(7_003),
            "untagged_usd": Decimal(1_240),
            "incomplete_usd": Decimal(602),
            "wrong_value_usd": Decimal(175),
            "worst_key": "cost_center",
            "worst_key_usd": Decimal(1_610),
            "team_ids": None,
            "causes": _causes("", ("ana@example.com", 880), ("ben@example.com", 512)),
            "series": _days((91, 90, 91, 89, 88, 88, 86, 85, 85, 84, 81, 80.5, 76, 71.2)),
        },
    },
    "recommendation": {
        "value": (Decimal(2_314), None),
        "evidence": {
            "recommendations": 6,
            "window_first": "2026-10-23",
            "window_last": "2026-11-21",
            "team_ids": None,
            "largest": [
                {"id": 31, "type": kind, "title": title, "usd": Decimal(usd), "confidence": confidence}
                for kind, title, usd, confidence in (
                    ("auto_termination", "End shared-analytics after 30 idle minutes", 1_204, "high"),
                    ("right_size_cluster", "Run etl-main on half as many workers", 512, "medium"),
                    ("warehouse_auto_stop", "Stop bi_adhoc after 10 idle minutes", 388, "high"),
                    ("jobs_on_all_purpose", "Run nightly_load on a cluster of its own", 131, "medium"),
                    ("warehouse_without_queries", "Delete the warehouse old_reports", 60, "high"),
                )
            ],
        },
    },
    "data_stale": {
        "value": (Decimal(61), Decimal(48)),
        "evidence": {
            "connection": "eu",
            "newest": "2026-11-21",
            "is_read": True,
            "attempted_at": "2026-11-23T13:00:00+00:00",
            "sources": ["job_runs"],
            "problem": "The warehouse did not start within 900 s.",
            "next_step": "Look at the warehouse in Databricks and start the job again.",
        },
    },
    "pipeline_failed": {
        "value": (Decimal(2), None),
        "evidence": {
            "job": "cost_cycle",
            "run_id": "5b3a1c9e-4d6b-4d51-9f3f-1a2b3c4d5e6f",
            "run_url": "http://127.0.0.1:3000/runs/5b3a1c9e-4d6b-4d51-9f3f-1a2b3c4d5e6f",
            "first_run_id": "11d7a0f2-2b6d-4a3e-8d0a-6f5e4d3c2b1a",
            "failed_runs": 2,
            "since": "2026-11-23T06:15:00+00:00",
            "step": "cost_records",
            "error": "The token of connection databricks was refused.",
            "next_step": "Make a new token and set COSTPULSE_DATABRICKS_TOKEN.",
            "ended_at": None,
        },
    },
    "closed_month_adjusted": {
        "value": (Decimal("412.70"), None),
        "evidence": {
            "month": "2026-10-01",
            "booked_on": "2026-11-23",
            "booked_month": "2026-11-01",
            "adjusted_usd": Decimal("412.70"),
            "before_usd": Decimal(52_310),
            "after_usd": Decimal("52722.70"),
            "restatement_usd": Decimal("412.70"),
            "price_usd": Decimal(0),
            "rule_usd": Decimal(0),
            "causes": _causes("team", ("Data Platform", 301.2), ("Research", 111.5)),
            "series": _days((120.1, 98.3, 194.3), date(2026, 10, 31)),
        },
    },
    "digest": {
        "scope": ("team", "3", "Data Platform"),
        "value": (Decimal(3_490), Decimal(3_298)),
        "evidence": {
            "every": "weekly",
            "first_day": "2026-11-16",
            "last_day": "2026-11-22",
            "before_first": "2026-11-09",
            "before_last": "2026-11-15",
            "spent_usd": Decimal("3490.12"),
            "before_usd": Decimal("3298.40"),
            "before_unknown_days": [],
            "unknown_days": [],
            "teams": [3],
            "by_team": [{"name": "Data Platform", "usd": Decimal("3490.12"), "before_usd": Decimal("3298.40")}],
            "team_count": 1,
            "by_product": [
                {"name": "ALL_PURPOSE", "usd": Decimal("1610.02"), "before_usd": Decimal("1580.40")},
                {"name": "JOBS", "usd": Decimal("1344.10"), "before_usd": Decimal("1190.00")},
                {"name": "SQL", "usd": Decimal("536.00"), "before_usd": Decimal("528.00")},
            ],
            "product_count": 3,
            "why": [
                {
                    "part": "new",
                    "usd": Decimal("151.20"),
                    "causes": 1,
                    "largest": [{"kind": "job", "name": "backfill_orders", "usd": Decimal("151.20")}],
                },
                {
                    "part": "volume",
                    "usd": Decimal("40.52"),
                    "causes": 4,
                    "largest": [{"kind": "job", "name": "nightly_load", "usd": Decimal("38.10")}],
                },
            ],
            "anomalies": [
                {
                    "id": 17,
                    "scope": "job",
                    "name": "nightly_load",
                    "kind": "level shift",
                    "severity": "high",
                    "first_day": "2026-11-20",
                    "last_day": None,
                    "usd": Decimal(1_520),
                    "whole_usd": Decimal(1_520),
                    "main_kind": None,
                    "main_name": None,
                }
            ],
            "anomaly_count": 1,
            "budgets": [
                {
                    "name": "Data Platform",
                    "amount": Decimal(12_000),
                    "first_day": "2026-11-01",
                    "last_day": "2026-11-30",
                    "data_until": "2026-11-22",
                    "spent_usd": Decimal(9_339),
                    "projected_usd": Decimal(13_020),
                    "probability": 0.94,
                    "breach_date": "2026-11-28",
                    "is_over": False,
                }
            ],
            "budget_count": 1,
            "savings": [
                {
                    "title": "End it after 30 idle minutes",
                    "kind": "cluster",
                    "name": "shared-analytics",
                    "usd": Decimal(1_204),
                }
            ],
            "savings_count": 1,
            "savings_usd": Decimal(1_204),
            "open_savings_count": 9,
            "open_savings_usd": Decimal(3_118),
            "skus_without_price": 0,
            "newest_day": "2026-11-23",
            "newest_final_day": "2026-11-22",
            "in_until": "2026-11-23T11:00:00+00:00",
            "read_at": "2026-11-23T12:15:00+00:00",
            "not_read": [],
            "series": _days((*_WEEK, *(round(day * 1.06) for day in _WEEK)), date(2026, 11, 22)),
        },
    },
}


def example(name: str, phase: Literal["firing", "ended"] = "firing") -> Finding:
    """A finding of a type."""
    given = _EXAMPLES[name]
    scope_type, scope_id, scope_name = given.get("scope", ("everything", "", "Whole account"))
    current, expected = given["value"]
    return Finding(
        alert_id=1,
        scope_type=scope_type,
        scope_id=scope_id,
        scope_name=scope_name,
        team_id=3,
        subject="example",
        threshold=given.get("threshold"),
        phase=phase,
        reminder=0,
        occurred_on=date(2026, 11, 22) if name == "digest" else _LAST,
        current_value=current,
        expected_value=expected,
        evidence=given["evidence"],
    )


def example_message(name: str) -> Message:
    """What a type says of it."""
    return ALERT_TYPES[name].message(example(name))

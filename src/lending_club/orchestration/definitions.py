"""What Dagster loads: assets, the job, schedules and the sensor for arrivals."""

from __future__ import annotations

import dagster as dg

from lending_club.environment import environment
from lending_club.orchestration.arrival import Delivery
from lending_club.orchestration.assets import delivered_assets, run_assets
from lending_club.orchestration.project import Project

_ARRIVAL_SECONDS = 30
_ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
_UNDER_WAY = list(set(dg.DagsterRunStatus) - _ENDED)


def _schedule(name: str, cron: str, says: str, job: dg.UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if under_way := context.instance.get_runs(dg.RunsFilter(job_name=job.name, statuses=_UNDER_WAY), limit=1):
            return dg.SkipReason(f"The run {under_way[0].run_id} has not ended.")
        return dg.RunRequest()

    return dg.ScheduleDefinition(
        name=name,
        cron_schedule=cron,
        job=job,
        execution_fn=tick,
        execution_timezone=environment("LENDING_CLUB_TIMEZONE", "UTC"),
        description=says,
    )


def _arrivals(project: Project, job: dg.UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    def arrival(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        files = project.inputs
        delivery, waits_for = Delivery.from_text(context.cursor).look(files)
        if waits_for is None and project.has_made(files):
            delivery, waits_for = delivery.take(), "What has come is what the last run was made from."
        if waits_for is not None:
            context.update_cursor(delivery.as_text())
            return dg.SkipReason(waits_for)
        request = dg.RunRequest(run_key=delivery.key, tags={"delivery": delivery.key})
        return dg.SensorResult([request], cursor=delivery.take().as_text())

    return dg.SensorDefinition(
        name="arrival",
        evaluation_fn=arrival,
        job=job,
        minimum_interval_seconds=_ARRIVAL_SECONDS,
        description="Starts a run when both files have come since the last one and have stopped growing.",
    )


def definitions() -> dg.Definitions:
    """All of it, for the project in or above the working directory."""
    project = Project.load()
    made = run_assets(project)
    whole = {"dagster/retry_strategy": "ALL_STEPS"}  # of a run whose process died after its step
    job = dg.define_asset_job("lending_club", dg.AssetSelection.assets(made), description="The whole job.", tags=whole)
    return dg.Definitions(
        assets=[made, *delivered_assets(project)],
        jobs=[job],
        schedules=[
            _schedule("daily", environment("LENDING_CLUB_DAILY_CRON", "15 6 * * *"), "Once a day.", job),
            _schedule("hourly", "5 * * * *", "Every hour. A run is left out where nothing has changed.", job),
        ],
        sensors=[_arrivals(project, job)],
        executor=dg.in_process_executor,  # a run is one process
    )


defs = definitions()

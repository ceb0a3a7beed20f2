"""Running tickets outlive deployments: the saved histories of every shape must replay on today's code."""

import json
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner
from temporalio.workflow import NondeterminismError

from tests.workflows.record import HISTORIES, STORIES
from workflows.run_state import TicketRun
from workflows.ticket import TicketWorkflow
from workflows.worker import SANDBOX

EXPLANATION = """
The workflow's commands (timers, activities, search attributes, continue-as-new) no longer match a history of a ticket
that may be running right now: deployed like this, every such ticket would fail its workflow tasks and stand still.

1. Was the change of commands not meant? Undo it; rules in shared/domain may change without changing commands.
2. Was it meant? Keep the old path:  if workflow.patched("what-changed"): new() else: old()   (docs/workflows.md)
3. Then record the new shape under a new name: add a story to tests/workflows/record.py and run
   python -m tests.workflows.record. Recording the old one again would only hide the break.
"""


def saved() -> list[Path]:
    return sorted(HISTORIES.glob("*.json"))


def test_every_story_has_a_saved_history() -> None:
    assert {path.stem for path in saved()} >= {story.__name__ for story in STORIES}


def history_of(path: Path) -> WorkflowHistory:
    """The history with its workflow's id, which is part of every event's id."""
    started = json.loads(path.read_text())["events"][0]["workflowExecutionStartedEventAttributes"]
    return WorkflowHistory.from_json(str(started["workflowId"]), path.read_text())


@pytest.mark.parametrize("path", saved(), ids=lambda path: path.stem)
async def test_a_saved_history_replays(path: Path) -> None:
    replayer = Replayer(workflows=[TicketWorkflow], workflow_runner=SANDBOX, data_converter=pydantic_data_converter)
    try:
        await replayer.replay_workflow(history_of(path))
    except NondeterminismError as error:
        pytest.fail(f"{path.name}: {error}\n{EXPLANATION}")


@workflow.defn(name="TicketWorkflow")
class Unversioned:
    """What somebody might deploy without thinking: it sleeps where tickets publish."""

    @workflow.init
    def __init__(self, start: TicketRun) -> None:
        self.start = start

    @workflow.run
    async def run(self, start: TicketRun) -> None:
        await workflow.sleep(1)


async def test_an_unversioned_change_of_commands_is_caught() -> None:
    replayer = Replayer(
        workflows=[Unversioned], workflow_runner=UnsandboxedWorkflowRunner(), data_converter=pydantic_data_converter
    )
    with pytest.raises(NondeterminismError):
        await replayer.replay_workflow(history_of(HISTORIES / "opened.json"))

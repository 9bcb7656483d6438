"""What can be typed after `trialbed rent`? Arguments and help; the work is imported when it is called."""

from pathlib import Path
from typing import Annotated

import typer

from trialbed.cli.commands import MaxCost, Variants, csv_of, root_of

IncludeNeutral = Annotated[
    bool, typer.Option("--include-neutral", help="Also the prompts of nobody's side, for uplifts.")
]
Limit = Annotated[
    int | None, typer.Option(help="At most so many prompts: whole triplets, drawn evenly.", show_default=False)
]
OutputDir = Annotated[Path | None, typer.Option(help="Folder of all files; default: outputs.", show_default=False)]
Scorer = Annotated[str | None, typer.Option(help="Model that scores; instead of JUDGE_MODELS.", show_default=False)]


def build(
    context: typer.Context,
    include_neutral: IncludeNeutral = False,
    limit: Limit = None,
    variants: Variants = None,
    output_dir: OutputDir = None,
) -> None:
    """Write the prompts to raw/grid.jsonl; 'run' asks what is there."""
    from trialbed.app.rent.wanted import GridWanted
    from trialbed.cli.rent import build_command

    wanted = GridWanted(include_neutral, limit, csv_of(variants), output_dir)
    raise typer.Exit(build_command(root_of(context), wanted))


def run(
    context: typer.Context,
    include_neutral: IncludeNeutral = False,
    limit: Limit = None,
    models: Annotated[
        str | None, typer.Option(metavar="FILE", help="Roster of models, JSON.", show_default=False)
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="One model, provider/id or provider:id.", show_default=False)
    ] = None,
    variants: Variants = None,
    runs: Annotated[int, typer.Option(help="Answers of each model to each prompt.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would run; no call is made.")] = False,
    score_now: Annotated[bool, typer.Option("--score-now", help="Also score the answers.")] = False,
    scorer_model: Scorer = None,
    output_dir: OutputDir = None,
    max_cost: MaxCost = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin another run instead of going on.")] = False,
) -> None:
    """Ask every prompt of the grid; the same command again goes on."""
    from trialbed.app.rent.wanted import GridWanted, RentWanted
    from trialbed.cli.rent import run_command

    wanted = RentWanted(
        grid=GridWanted(include_neutral, limit, csv_of(variants), output_dir),
        models=models,
        model=model,
        runs=runs,
        score_now=score_now,
        scorer_model=scorer_model,
        max_cost_usd=max_cost,
        fresh=fresh,
    )
    raise typer.Exit(run_command(root_of(context), wanted, only_show=dry_run))


def score(
    context: typer.Context,
    given: Annotated[str, typer.Option("--input", metavar="RUN.JSONL", help="The answers to score.")],
    scorer_model: Scorer = None,
    output_dir: OutputDir = None,
    max_cost: MaxCost = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Score again what is scored already.")] = False,
) -> None:
    """Score the answers of a run, later; no model under test is asked."""
    from trialbed.app.rent.wanted import ScoreWanted
    from trialbed.cli.rent import score_command

    wanted = ScoreWanted(given, scorer_model, output_dir, max_cost, fresh)
    raise typer.Exit(score_command(root_of(context), wanted))


ALL = (build, run, score)

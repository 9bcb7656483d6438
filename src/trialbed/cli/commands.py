"""What can be typed? Arguments and help of every command; the work is imported when it is called."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from trialbed.app.prepare import Wanted

Experiment = Annotated[str | None, typer.Argument(help="Experiment to run; default: EXPERIMENT.", show_default=False)]
RunName = Annotated[str | None, typer.Argument(metavar="RUN", help="Run folder's name or path; default: the newest.")]
RunNames = Annotated[
    list[str] | None,
    typer.Argument(metavar="RUN", help="Runs, or owner/name on the Hub; default: the newest.", show_default=False),
]
OneRun = Annotated[str, typer.Argument(metavar="RUN", help="Run folder's name or path.")]
Scenarios = Annotated[str | None, typer.Option(help="Only these scenarios, csv.", show_default=False)]
Variants = Annotated[str | None, typer.Option(help="Only these variants, csv.", show_default=False)]
Models = Annotated[
    str | None, typer.Option(help="Models under test, csv; instead of SUBJECT_MODELS.", show_default=False)
]
Runs = Annotated[int | None, typer.Option(help="Runs per variant; instead of BATCH_SIZE.", show_default=False)]
Limit = Annotated[int | None, typer.Option(help="At most so many trials, balanced over variants.", show_default=False)]
MaxCost = Annotated[float | None, typer.Option("--max-cost", help="Spending limit in USD.", show_default=False)]
Task = Literal["prediction", "choice", "both"]
Latency = Literal["standard", "optimized"]
NumProblems = Annotated[int, typer.Option(help="Problems, in the dataset's order; 0 or less = all.")]
StartIndex = Annotated[int, typer.Option(help="Usable problems left out before them.")]
Reasoning = Annotated[Literal["low", "medium", "high"], typer.Option(help="How much thinking is asked for, in words.")]
MaxTokens = Annotated[int, typer.Option(help="Most tokens of an answer, its thinking included.")]
Temperature = Annotated[
    str | None, typer.Option(help="A number, or none; default: 0.6, where the model takes it.", show_default=False)
]
TopP = Annotated[
    str | None, typer.Option(help="A number, or none; default: 0.95, where the model takes it.", show_default=False)
]
Seed = Annotated[int, typer.Option(help="Seed of the order.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def run(
    context: typer.Context,
    experiment: Experiment = None,
    scenarios: Scenarios = None,
    variants: Variants = None,
    models: Models = None,
    runs: Runs = None,
    limit: Limit = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would run; no call is made.")] = False,
    max_cost: MaxCost = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start another run instead of resuming.")] = False,
    deviate: Annotated[
        str | None,
        typer.Option(metavar="WHY", help="Differ from the locked plan; every record says why.", show_default=False),
    ] = None,
) -> None:
    """Run the experiment; the same command again resumes it."""
    from trialbed.cli.run import run_command

    wanted = _wanted(experiment, scenarios, variants, models, runs, limit, max_cost)
    raise typer.Exit(run_command(root_of(context), wanted, dry_run=dry_run, fresh=fresh, deviate=deviate))


def plan(
    context: typer.Context,
    experiment: Experiment = None,
    scenarios: Scenarios = None,
    variants: Variants = None,
    models: Models = None,
    runs: Runs = None,
    limit: Limit = None,
    max_cost: MaxCost = None,
    lock: Annotated[bool, typer.Option("--lock", help="Write the plan down: later runs are held to it.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Where --lock writes; default: plans/EXPERIMENT.lock.json.", show_default=False)
    ] = None,
) -> None:
    """Print the plan that 'run' would follow, as JSON; or lock it before the first call."""
    from trialbed.cli.plan import plan_command

    wanted = _wanted(experiment, scenarios, variants, models, runs, limit, max_cost)
    raise typer.Exit(plan_command(root_of(context), wanted, lock=lock, out=out))


def status(context: typer.Context, run: RunName = None, as_json: AsJson = False) -> None:
    """How far a run is; works while it is going and after a crash."""
    from trialbed.cli.stored import status_command

    raise typer.Exit(status_command(root_of(context), run, as_json=as_json))


def judge(
    context: typer.Context,
    run: OneRun,
    judges: Annotated[
        str | None, typer.Option(help="Models that rate, csv; default: those of the run.", show_default=False)
    ] = None,
    repeat_share: Annotated[
        float | None, typer.Option(help="Share rated a second time; default: as in the run.", show_default=False)
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option(help="Spending limit in USD, of the run as a whole.", show_default=False)
    ] = None,
    probe: Annotated[bool, typer.Option("--probe", help="Test the judges themselves; no record is written.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin another judging instead of going on.")] = False,
) -> None:
    """Judge a run's stored transcripts (again); no model under test is asked."""
    from trialbed.app.prepare_judging import JudgingWanted
    from trialbed.cli.judge import judge_command, probe_command

    wanted = JudgingWanted(judges=judges, repeat_share=repeat_share, max_cost_usd=max_cost, fresh=fresh)
    command = probe_command if probe else judge_command
    raise typer.Exit(command(root_of(context), run, wanted))


def push(context: typer.Context, run: OneRun) -> None:
    """Upload what a run still owes, to the Hub and to the bucket."""
    from trialbed.cli.stored import push_command

    raise typer.Exit(push_command(root_of(context), run))


def verify(context: typer.Context, run: OneRun, as_json: AsJson = False) -> None:
    """Compare Hub, journal and plan of a run, trial by trial."""
    from trialbed.cli.stored import verify_command

    raise typer.Exit(verify_command(root_of(context), run, as_json=as_json))


def report(
    context: typer.Context,
    runs: RunNames = None,
    labels: Annotated[
        Path | None, typer.Option(help="Verdicts of human coders, CSV or JSON lines.", show_default=False)
    ] = None,
    equivalence: Annotated[
        float | None, typer.Option(help="Also test for equivalence within this margin.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; default: the run's.", show_default=False)
    ] = None,
) -> None:
    """Write what a run says: a page, tables, figures. RUN may be several, or a Hub dataset."""
    from trialbed.app.report import Asked
    from trialbed.cli.report import report_command

    raise typer.Exit(report_command(root_of(context), runs or [], Asked(labels, equivalence), out))


def audit(
    context: typer.Context,
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN", help="Run folder's name or path; of a joint report, all.")
    ],
) -> None:
    """Check a run's journal, plan and files, and compute every number of its report again by other code."""
    from trialbed.cli.report import audit_command

    raise typer.Exit(audit_command(root_of(context), runs))


def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """Show experiments with their scenarios and variants, and the runs there are."""
    from trialbed.cli.listing import list_command

    raise typer.Exit(list_command(root_of(context), as_json=as_json))


def doctor(context: typer.Context) -> None:
    """Check configuration, credentials, models, Hub and disk, and say how to fix what fails."""
    from trialbed.cli.doctor import doctor_command

    raise typer.Exit(doctor_command(root_of(context)))


def socratic(
    context: typer.Context,
    model: Annotated[str, typer.Option(help="Model under test, one of BEDROCK_MODEL_IDS.")],
    prompt: Annotated[str, typer.Option(help="The student's opening words, or the id of a scenario.")],
    turns: Annotated[
        int | None, typer.Option(help="Most turns; instead of RUNNER_DEFAULT_TURNS.", show_default=False)
    ] = None,
    variant: Annotated[
        str | None, typer.Option(help="What the tutor is told; default: the baseline.", show_default=False)
    ] = None,
    max_cost: MaxCost = None,
) -> None:
    """Have one Socratic dialogue judged turn by turn; prints its summary as JSON."""
    from trialbed.app.socratic import SocraticWanted
    from trialbed.cli.socratic import socratic_command

    wanted = SocraticWanted(model=model, prompt=prompt, turns=turns, variant=variant, max_cost_usd=max_cost)
    raise typer.Exit(socratic_command(root_of(context), wanted))


def execution(
    context: typer.Context,
    dataset: Annotated[
        str | None,
        typer.Option(help="Hub dataset, or .json or .jsonl file; default: our own problems.", show_default=False),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Split of a Hub dataset; default: train.", show_default=False)
    ] = None,
    output_dir: Annotated[
        Path | None,
        typer.Option(help="Folder of the results; default: execution/ with the backups.", show_default=False),
    ] = None,
    task: Annotated[Task, typer.Option(help="What is asked.")] = "prediction",
    model_id: Annotated[
        str | None, typer.Option(help="Model, profile id or ARN; instead of SUBJECT_MODELS.", show_default=False)
    ] = None,
    region: Annotated[str | None, typer.Option(help="Instead of AWS_REGION.", show_default=False)] = None,
    enable_thinking: Annotated[bool, typer.Option("--enable-thinking", help="Have the model think first.")] = False,
    thinking_budget_tokens: Annotated[
        int | None, typer.Option(help="Most tokens of thinking, from 1024.", show_default=False)
    ] = None,
    latency_profile: Annotated[
        Latency | None, typer.Option(help="Instead of BEDROCK_LATENCY.", show_default=False)
    ] = None,
    pred_num_problems: NumProblems = 20,
    pred_start_index: StartIndex = 0,
    pred_generations: Annotated[int, typer.Option(help="Answers per program and test case.")] = 5,
    pred_reasoning: Reasoning = "medium",
    pred_max_tokens: MaxTokens = 1000,
    pred_temperature: Temperature = None,
    pred_top_p: TopP = None,
    pred_seed: Seed = 42,
    pred_skip_boolean: Annotated[
        bool, typer.Option("--pred-skip-boolean", help="Leave out outputs of True and False.")
    ] = False,
    choice_num_problems: NumProblems = 20,
    choice_start_index: StartIndex = 0,
    choice_runs: Annotated[int, typer.Option(help="Requests per problem, in pairs of both orders.")] = 2,
    choice_reasoning: Reasoning = "medium",
    choice_max_tokens: MaxTokens = 1000,
    choice_temperature: Temperature = None,
    choice_top_p: TopP = None,
    choice_seed: Seed = 123,
    choice_skip_boolean: Annotated[
        bool, typer.Option("--choice-skip-boolean", help="Leave out outputs of True and False.")
    ] = False,
    compare_reasoning: Annotated[
        bool, typer.Option("--compare-reasoning", help="Also ask a few problems at every level of reasoning.")
    ] = False,
    comparison_samples: Annotated[int, typer.Option(help="Problems of that comparison.")] = 5,
    include_missing_mutations: Annotated[
        bool, typer.Option("--include-missing-mutations", help="Keep rows without mutated_code, for prediction.")
    ] = False,
    enable_galileo: Annotated[
        bool, typer.Option("--enable-galileo", help="Send the trace of every call to Galileo.")
    ] = False,
    galileo_project: Annotated[str | None, typer.Option(help="Instead of GALILEO_PROJECT.", show_default=False)] = None,
    galileo_log_stream: Annotated[
        str | None, typer.Option(help="Instead of GALILEO_LOG_STREAM.", show_default=False)
    ] = None,
    max_cost: MaxCost = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin other runs instead of going on.")] = False,
) -> None:
    """Ask a model what programs and their mutants return; the same command again goes on."""
    from trialbed.app.execution.wanted import wanted_of
    from trialbed.cli.execution import execution_command

    # So many flags are not handed on one by one: each has the name that its parameter has here.
    raise typer.Exit(execution_command(root_of(context), wanted_of(context.params)))


def throughput(
    context: typer.Context,
    provider: Annotated[str, typer.Option(help="Provider of the models, e.g. bedrock, openai, anthropic.")],
    models: Annotated[
        str | None, typer.Option(help="Model ids, csv; instead of BENCHMARK_MODELS.", show_default=False)
    ] = None,
    daemon: Annotated[bool, typer.Option("--daemon", help="Measure again and again until stopped.")] = False,
    interval: Annotated[float, typer.Option(help="Minutes from one cycle of the daemon to the next.")] = 30.0,
    debug: Annotated[bool, typer.Option("--debug", help="Say more.")] = False,
    variants: Variants = None,
    max_tokens: Annotated[
        int | None, typer.Option(help="Most tokens of an answer; default: 64.", show_default=False)
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Default: 0.1, where the model takes it.", show_default=False)
    ] = None,
    max_cost: MaxCost = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin another run instead of going on.")] = False,
) -> None:
    """Measure how fast models answer, once or as a daemon, and report it to INGEST_API_URL."""
    from trialbed.app.throughput.wanted import ThroughputWanted
    from trialbed.cli.throughput import throughput_command

    wanted = ThroughputWanted(
        provider=provider,
        models=models,
        daemon=daemon,
        interval_min=interval,
        debug=debug,
        variants=csv_of(variants),
        max_tokens=max_tokens,
        temperature=temperature,
        max_cost_usd=max_cost,
        fresh=fresh,
    )
    raise typer.Exit(throughput_command(root_of(context), wanted))


def rehearsal_server(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 = any free one.")] = 0,
    config: Annotated[str | None, typer.Option(help="JSON text or file: seed, latency, quotas, faults.")] = None,
    log: Annotated[Path | None, typer.Option(help="Write one JSON line per request here.")] = None,
) -> None:
    """Serve Bedrock's Converse on this machine, for rehearsals and tests."""
    from trialbed.cli.rehearsal import rehearsal_command

    raise typer.Exit(rehearsal_command(root_of(context), port=port, config=config, log=log))


ALL = (
    *(run, plan, status, judge, push, verify, report, audit, list_, doctor),
    *(socratic, throughput, execution, rehearsal_server),
)


def root_of(context: typer.Context) -> Path:
    """The project's folder: where `run_and_evaluate.py` lies, else at or above the current folder."""
    if isinstance(context.obj, Path):
        return context.obj
    from trialbed.plugins import project_root

    return project_root(Path.cwd())


def _wanted(
    experiment: str | None,
    scenarios: str | None,
    variants: str | None,
    models: str | None,
    runs: int | None,
    limit: int | None,
    max_cost: float | None,
) -> "Wanted":
    from trialbed.app.prepare import Wanted

    return Wanted(
        experiment=experiment,
        scenarios=csv_of(scenarios),
        variants=csv_of(variants),
        models=models,
        runs=runs,
        limit=limit,
        max_cost_usd=max_cost,
    )


def csv_of(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())

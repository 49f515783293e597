"""``python -m benchmarks digits``: whole runs on scikit-learn's digits."""

from pathlib import Path

from benchmarks import options as opt


def command(
    *, seeds: opt.Seeds = 5, first_seed: opt.FirstSeed = 0, settings: opt.Settings = None
) -> None:
    """Show the ACC of the stages of whole runs on digits, beside k-means; quality has more peers.

    Example: python -m benchmarks digits --seeds 5
    """
    import tempfile

    from benchmarks.digits import digits_table, run_digits
    from benchmarks.machine import describe_machine
    from ucls.config import Config

    config = Config().with_values(opt.parse_settings(settings, "seed"))
    print(describe_machine())
    with tempfile.TemporaryDirectory() as made:
        folder, numbers = Path(made), range(first_seed, first_seed + seeds)
        runs = [run_digits(config.with_values({"seed": seed}), folder) for seed in numbers]
    digits_table([figures for figures, _ in runs]).show()
    print("seconds per run, with extraction:", *(f"{seconds:.1f}" for _, seconds in runs))

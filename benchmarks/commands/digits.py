"""``python -m benchmarks digits``: whole runs on scikit-learn's digits."""

from pathlib import Path

from benchmarks import options as opt


def command(
    *, seeds: opt.Seeds = 5, first_seed: opt.FirstSeed = 0, settings: opt.Settings = None
) -> None:
    """Show the ACC of whole runs on digits, beside other ways to cluster the same pixels.

    Example: python -m benchmarks digits --seeds 5
    """
    import tempfile

    from benchmarks.digits import digits_table, peer_accuracies, run_digits
    from benchmarks.machine import describe_machine
    from ucls.config import Config
    from ucls.settings.given import parse_setting

    given = dict(map(parse_setting, settings or ()))
    configs = [
        Config(seed=seed).with_values(given) for seed in range(first_seed, first_seed + seeds)
    ]
    print(describe_machine())
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        runs = [run_digits(config, folder) for config in configs]
        peers = peer_accuracies(folder / f"seed{first_seed}")
    digits_table(runs, peers).show()
    print(
        f"seconds per run, feature extraction included: {[round(run.seconds, 1) for run in runs]}"
    )

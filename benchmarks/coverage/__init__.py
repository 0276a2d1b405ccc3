"""Coverage of every interval and level of every verdict in worlds whose truth is known.

    python -m benchmarks.coverage --quick      under two minutes
    python -m benchmarks.coverage --full       what is committed in results/

Seeds are fixed: equal versions of numpy and scipy give equal tables.
"""

"""Exercises of regression/surface."""

from companion.comparison import agree
from companion.exercises import Exercise, is_not


def _equal_penalty(s: float, rate: float, t: int) -> float:
    q = (1 - 2 * rate * s) ** t
    return s * q / (1 - q)


EXERCISES = {
    "kept-error": Exercise(
        reference=0.4,
        tol=1e-3,
        properties=[
            ("The run stops before it sees that look.", is_not(0.3)),
            ("That is the last look; an earlier network is kept.", is_not(0.42)),
        ],
    ),
    "weight": Exercise(
        reference=0.5,
        tol=1e-3,
        properties=[
            ("The penalty stands in the denominator, added to 1.25.", is_not(4 / 3)),
            ("That is the weight without penalty.", is_not(0.8)),
        ],
    ),
    "network-spread": Exercise(
        reference=14 / 3,
        tol=1e-3,
        properties=[
            ("(5) divides by K, not by K - 1.", is_not(7.0)),
            ("Divide by the number of networks.", is_not(14.0)),
            ("That is the root; (5) has the squares.", is_not((14 / 3) ** 0.5)),
        ],
    ),
    "equal-penalty": Exercise(
        reference=_equal_penalty,
        sample=lambda rng: (
            s := float(rng.uniform(0.5, 8)),
            float(rng.uniform(0.05, 0.9)) / (2 * s),
            int(rng.integers(1, 12)),
        ),
        properties=[
            (
                "For the four rows two steps at rate 0.08 give 2.22.",
                lambda attempt, s, rate, t: agree(
                    attempt(1.25, 0.08, 2), 1.25 * 0.64 / 0.36, 1e-3
                ),
            ),
            (
                "More steps must give a smaller penalty.",
                lambda attempt, s, rate, t: (
                    float(attempt(s, rate, t + 1)) < float(attempt(s, rate, t))
                ),
            ),
        ],
    ),
}

"""Is the spread put down to what it comes from?"""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.regression.mixed_linear_model import MixedLM

from trialbed.analysis.stats.variance import Component, variance_components

quickly = settings(deadline=None, max_examples=60)


def balanced(rng: np.random.Generator, a: int, b: int, repeats: int, sds: tuple[float, float, float]) -> np.ndarray:
    """Scenario × judge × repeat."""
    return np.asarray(
        rng.normal(0, sds[0], (a, 1, 1)) + rng.normal(0, sds[1], (1, b, 1)) + rng.normal(0, sds[2], (a, b, repeats))
    )


def labels(a: int, b: int, repeats: int) -> dict[str, list[int]]:
    scenario, judge, _ = np.indices((a, b, repeats))
    return {"scenario": scenario.ravel().tolist(), "judge": judge.ravel().tolist()}


def by_name(components: list[Component]) -> dict[str, float]:
    return {component.name: component.variance for component in components}


@pytest.mark.parametrize("seed", range(4))
def test_balanced_values_have_the_mean_squares_of_the_analysis_of_variance(seed: int) -> None:
    """Two crossed random factors without interaction: Searle, Casella & McCulloch, 1992, section 4.4."""
    a, b, repeats = 8, 4, 3
    y = balanced(np.random.default_rng(seed), a, b, repeats, (2.0, 1.5, 1.0))
    ms_a = b * repeats * y.mean(axis=(1, 2)).var(ddof=1)
    ms_b = a * repeats * y.mean(axis=(0, 2)).var(ddof=1)
    rest = ((y - y.mean()) ** 2).sum() - (a - 1) * ms_a - (b - 1) * ms_b
    ms_e = rest / (a * b * repeats - a - b + 1)
    found = by_name(variance_components(y.ravel().tolist(), labels(a, b, repeats)))
    assert found == pytest.approx(
        {"scenario": (ms_a - ms_e) / (b * repeats), "judge": (ms_b - ms_e) / (a * repeats), "repeat": ms_e}
    )


def test_balanced_values_have_the_components_of_restricted_likelihood() -> None:
    """With balanced data and nothing negative, both are the same (Searle et al., section 4.8)."""
    a, b, repeats = 6, 4, 2
    y = balanced(np.random.default_rng(5), a, b, repeats, (2.0, 1.5, 1.0))
    frame = pd.DataFrame({"y": y.ravel(), **labels(a, b, repeats), "one": 1})
    parts = {"scenario": "0 + C(scenario)", "judge": "0 + C(judge)"}
    fitted = MixedLM.from_formula("y ~ 1", groups="one", vc_formula=parts, re_formula="0", data=frame).fit(reml=True)
    theirs = {**dict(zip(fitted.model.exog_vc.names, fitted.vcomp, strict=True)), "repeat": fitted.scale}
    assert by_name(variance_components(y.ravel().tolist(), labels(a, b, repeats))) == pytest.approx(theirs, rel=2e-3)


def projection(*codes: np.ndarray) -> np.ndarray:
    """On the columns of the mean and of these factors."""
    n = len(codes[0])
    columns = np.hstack([np.ones((n, 1)), *(np.eye(int(one.max()) + 1)[one] for one in codes)])
    return np.asarray(columns @ np.linalg.pinv(columns))


@pytest.mark.parametrize("seed", range(6))
def test_unbalanced_values_solve_the_equations_in_matrices(seed: int) -> None:
    """E(y'Qy) = sum of variance · trace(Z'QZ), with projections written out (Searle et al., section 5.5)."""
    rng = np.random.default_rng(seed)
    codes = {"scenario": rng.integers(0, 6, 70), "judge": rng.integers(0, 4, 70), "student": rng.integers(0, 3, 70)}
    y = sum(rng.normal(0, 3, 6)[one] for one in codes.values()) + rng.normal(0, 1, 70)
    full = projection(*codes.values())
    beyond = [full - projection(*(other for other in codes.values() if other is not one)) for one in codes.values()]
    quadratics = [*beyond, np.eye(70) - full]
    designs = [*(np.eye(int(one.max()) + 1)[one] for one in codes.values()), np.eye(70)]
    by_hand = np.linalg.solve(
        [[np.trace(z.T @ q @ z) for z in designs] for q in quadratics], [y @ q @ y for q in quadratics]
    )
    found = variance_components(y.tolist(), {name: one.tolist() for name, one in codes.items()})
    assert [component.variance for component in found] == pytest.approx(np.maximum(by_hand, 0).tolist())
    assert [component.name for component in found] == ["scenario", "judge", "student", "repeat"]
    assert found[-1].variance > 0


def test_trials_nested_in_scenarios_are_told_from_them() -> None:
    """Scenario / trial / verdict, balanced: mean squares of the nested classification (Searle et al., section 3.2)."""
    rng = np.random.default_rng(3)
    y = rng.normal(0, 3, (7, 1, 1)) + rng.normal(0, 2, (7, 5, 1)) + rng.normal(0, 1, (7, 5, 3))
    scenario, trial, _ = np.indices(y.shape)
    ms_scenario = 15 * y.mean(axis=(1, 2)).var(ddof=1)
    ms_trial = 3 * y.mean(axis=2).var(axis=1, ddof=1).mean()
    ms_verdict = y.var(axis=2, ddof=1).mean()
    found = variance_components(
        y.ravel().tolist(),
        {"trial": (scenario * 5 + trial).ravel().tolist(), "scenario": scenario.ravel().tolist()},
    )
    assert by_name(found) == pytest.approx(
        {"trial": (ms_trial - ms_verdict) / 3, "scenario": (ms_scenario - ms_trial) / 15, "repeat": ms_verdict}
    )


def test_planted_components_of_incomplete_data_are_found_on_average() -> None:
    rng = np.random.default_rng(77)
    found = []
    for _ in range(300):
        kept = rng.random(15 * 6 * 3) < 0.7
        y = balanced(rng, 15, 6, 3, (2.0, 1.0, 1.5)).ravel()[kept]
        factors = {name: np.array(codes)[kept].tolist() for name, codes in labels(15, 6, 3).items()}
        found.append([component.variance for component in variance_components(y.tolist(), factors)])
    means, errors = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(300)
    assert (np.abs(means - [4.0, 1.0, 2.25]) < 3.5 * errors).all(), f"{means} ± {errors}"


@quickly
@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=40))
def test_components_are_never_negative_and_shares_add_up(rows: list[tuple[int, int, int]]) -> None:
    found = variance_components(
        [value for value, _, _ in rows], {"a": [a for _, a, _ in rows], "b": [b for _, _, b in rows]}
    )
    assert all(component.variance >= 0 for component in found)
    if found:
        assert found[-1].name == "repeat"
        assert sum(component.share for component in found) == pytest.approx(1)


def test_a_negative_estimate_becomes_nothing_and_shares_are_of_the_rest() -> None:
    """Two scenarios of the same mean, whose repeats differ: the estimate is minus a half of the repeats' over two."""
    found = variance_components([1, 3, 1, 3], {"scenario": ["a", "a", "b", "b"]})
    assert found == [Component("scenario", 0.0, 0.0), Component("repeat", pytest.approx(2.0), 1.0)]


def test_a_factor_with_one_level_or_one_for_each_value_is_left_out() -> None:
    values = [1.0, 2.0, 4.0, 3.0, 5.0, 9.0]
    plain = variance_components(values, {"scenario": list("aabbcc")})
    padded = variance_components(values, {"judge": ["j"] * 6, "scenario": list("aabbcc"), "trial": list("uvwxyz")})
    assert padded == plain
    assert [component.name for component in plain] == ["scenario", "repeat"]


def test_without_factors_all_of_it_is_repeat() -> None:
    assert variance_components([1.0, 2.0, 6.0], {}) == [Component("repeat", pytest.approx(7.0), 1.0)]


@pytest.mark.parametrize(
    ("values", "factors"),
    [
        ([3.0], {"scenario": ["a"]}),
        ([3.0, 3.0, 3.0], {"scenario": ["a", "a", "b"]}),
        # Each scenario has a judge of its own: no data can say which of the two it was.
        ([1.0, 2.0, 5.0, 6.0], {"scenario": list("aabb"), "judge": list("xxyy")}),
    ],
)
def test_where_nothing_can_be_split_there_are_no_components(values: list[float], factors: dict[str, list[str]]) -> None:
    assert variance_components(values, factors) == []


def test_twenty_thousand_values_of_five_thousand_questions_need_no_great_matrix() -> None:
    """Values by values would be 3.2 GB, questions by questions 200 MB."""
    rng = np.random.default_rng(1)
    factors = {"question": rng.integers(0, 5000, 20_000).tolist(), "judge": rng.integers(0, 40, 20_000).tolist()}
    values = rng.normal(size=20_000).tolist()
    tracemalloc.start()
    found = variance_components(values, factors)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100e6
    assert [component.name for component in found] == ["question", "judge", "repeat"]


def test_factors_with_too_many_levels_are_not_split() -> None:
    many = np.random.default_rng(1).integers(0, 600, (2, 5000))
    assert variance_components(many[0].tolist(), {"a": many[0].tolist(), "b": many[1].tolist()}) == []


def test_what_has_no_variance_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        variance_components([], {})
    with pytest.raises(ValueError, match="a label for each of 2 values"):
        variance_components([1.0, 2.0], {"scenario": ["a"]})

"""Which statistics does a report use, and what are their sources? Only those with results in its tables. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trialbed.analysis.report.forest import rows_of
from trialbed.analysis.table import Table
from trialbed.core.choices import Choices

Tables = Mapping[str, Table]


@dataclass(frozen=True)
class Statistic:
    """`says` is a sentence without its full stop; `source` where the formula stands."""

    says: str
    source: str


def statistics(tables: Tables, choices: Choices) -> list[Statistic]:
    kinds = {measure.name: measure.kind for measure in choices.measures}
    return [statistic for is_used, statistic in _ALL if is_used(_Uses(tables, kinds))]


@dataclass(frozen=True)
class _Uses:
    tables: Tables
    kinds: Mapping[str, str]

    def table(self, *names: str) -> bool:
        return any(self.tables[name].rows for name in names if name in self.tables)

    def filled(self, table: str, column: str) -> bool:
        """Whether a column has anything to say."""
        return any(row.get(column) is not None for _, row in rows_of(self.tables.get(table)))

    def contrast(self, kind: str, method: str) -> bool:
        return any(
            row["method"] == method and self.kinds.get(str(row["measure"])) == kind
            for _, row in rows_of(self.tables.get("contrasts"))
        )

    def matched(self, kind: str, table: str = "matched") -> bool:
        """Whether a table of factors has an interval of a measure of this kind."""
        return any(
            row["lo"] is not None and self.kinds.get(str(row["measure"])) == kind
            for _, row in rows_of(self.tables.get(table))
        )

    def says(self, word: str, **places: str) -> bool:
        """Whether a column of a table (`association="test"`) names something, in any spelling."""
        return any(
            word in str(row.get(column) or "").lower()
            for table, column in places.items()
            for _, row in rows_of(self.tables.get(table))
        )


_ALL: tuple[tuple[Callable[[_Uses], bool], Statistic], ...] = (
    (
        lambda uses: uses.table("rates", "measures", "probes"),
        Statistic("Intervals of rates are Wilson's score intervals", "Wilson, J. Am. Stat. Assoc. 22, 1927, 209"),
    ),
    (
        lambda uses: uses.filled("measures", "lo_cluster") or uses.filled("means", "lo"),
        Statistic(
            "Cluster-robust intervals take scenarios as clusters (as one those whose ids are the same up to a slash), "
            "with the t distribution of one degree of freedom less than there are clusters",
            "Liang & Zeger, Biometrika 73, 1986, 13; Cameron & Miller, J. Hum. Resour. 50, 2015, 317",
        ),
    ),
    (
        lambda uses: uses.filled("means", "lo_boot") or uses.contrast("score", "matched"),
        Statistic(
            "Bootstrap intervals are expanded percentiles of seeded resamples, of whole clusters where there are any",
            "Hesterberg, Am. Stat. 69, 2015, 371, section 3.3",
        ),
    ),
    (
        lambda uses: uses.contrast("binary", "matched"),
        Statistic(
            "Yes-or-no measures are compared with the baseline within blocks by the exact McNemar test",
            "McNemar, Psychometrika 12, 1947, 153",
        ),
    ),
    (
        lambda uses: uses.contrast("binary", "matched"),
        Statistic(
            "The interval of a matched difference of rates is Tango's score interval", "Tango, Stat. Med. 17, 1998, 891"
        ),
    ),
    (
        lambda uses: uses.contrast("binary", "unmatched"),
        Statistic(
            "Where no block has both, differences of rates have Newcombe's hybrid score interval and Fisher's test",
            "Newcombe, Stat. Med. 17, 1998, 873; Fisher, J. R. Stat. Soc. 98, 1935, 39",
        ),
    ),
    (
        lambda uses: uses.contrast("score", "matched"),
        Statistic(
            "Scores are compared within blocks by Wilcoxon's signed-rank test",
            "Wilcoxon, Biometrics Bull. 1, 1945, 80",
        ),
    ),
    (
        lambda uses: uses.contrast("score", "unmatched"),
        Statistic(
            "Where no block has both, scores have Welch's interval and the Mann–Whitney test",
            "Welch, Biometrika 34, 1947, 28; Mann & Whitney, Ann. Math. Stat. 18, 1947, 50",
        ),
    ),
    (
        lambda uses: uses.contrast("binary", "matched") or uses.contrast("binary", "unmatched"),
        Statistic(
            "The effect size of two rates is Cohen's h",
            "Cohen, Statistical Power Analysis for the Behavioral Sciences, 1988, chapter 6",
        ),
    ),
    (
        lambda uses: uses.contrast("score", "matched") or uses.contrast("score", "unmatched"),
        Statistic("The effect size of two sets of scores is Cliff's delta", "Cliff, Psychol. Bull. 114, 1993, 494"),
    ),
    (
        lambda uses: uses.filled("contrasts", "p_holm"),
        Statistic(
            "Within each family of contrasts p values are adjusted by Holm's method (p holm)",
            "Holm, Scand. J. Stat. 6, 1979, 65",
        ),
    ),
    (
        lambda uses: uses.filled("contrasts", "p_bh"),
        Statistic(
            "For the rate of false discoveries they are also adjusted by the method of Benjamini and Hochberg (p bh)",
            "Benjamini & Hochberg, J. R. Stat. Soc. B 57, 1995, 289",
        ),
    ),
    (
        lambda uses: uses.filled("contrasts", "p_cluster"),
        Statistic(
            "Where pairs share scenarios, p cluster and its interval allow for it: a sandwich estimator over clusters, "
            "with the t distribution",
            "Durkalski et al., Stat. Med. 22, 2003, 2417; Cameron & Miller, J. Hum. Resour. 50, 2015, 317",
        ),
    ),
    (
        lambda uses: uses.filled("contrasts", "p_equivalence"),
        Statistic(
            "Equivalence is tested by two one-sided tests", "Schuirmann, J. Pharmacokinet. Biopharm. 15, 1987, 657"
        ),
    ),
    (
        lambda uses: uses.matched("binary", "by_factor"),
        Statistic(
            "Rates by what scenarios differ in have Wilson's interval of as many trials as would be as sure if they "
            "were independent, by the spread between clusters",
            "Korn & Graubard, Surv. Methodol. 24, 1998, 193; Dean & Pagano, J. Surv. Stat. Methodol. 3, 2015, 484",
        ),
    ),
    (
        lambda uses: uses.filled("matched", "difference"),
        Statistic(
            "Each trial of a level is compared with the mean of the baseline level's trials of the same run, subject "
            "and variant that match it; one without any is counted as unmatched and never compared with nothing. "
            "Trials that share a baseline or a family of scenarios are not independent of each other: errors go by the "
            "spread between clusters, p values by the t distribution of one degree of freedom less than there are "
            "clusters, and are not adjusted for their number",
            "Liang & Zeger, Biometrika 73, 1986, 13; Cameron & Miller, J. Hum. Resour. 50, 2015, 317",
        ),
    ),
    (
        lambda uses: uses.matched("binary"),
        Statistic(
            "The interval of such a difference of rates is made of the score intervals of both rates and of how they "
            "go together from cluster to cluster, so that it has a width where all answers are alike",
            "Zou & Donner, Stat. Med. 27, 2008, 1693; Newcombe, Stat. Med. 17, 1998, 2635",
        ),
    ),
    (
        lambda uses: uses.says("pearson", association="test", missingness="test"),
        Statistic("Categories by variant are tested by Pearson's chi-square test", "Pearson, Phil. Mag. 50, 1900, 157"),
    ),
    (
        lambda uses: uses.says("fixed margins", association="test", missingness="test"),
        Statistic(
            "Tables with small expected counts are tested against random tables with the same margins",
            "Davison & Hinkley, Bootstrap Methods and their Application, 1997, section 4.2",
        ),
    ),
    (
        lambda uses: uses.says("fisher", association="test", missingness="test"),
        Statistic("Tables of two by two are tested by Fisher's exact test", "Fisher, J. R. Stat. Soc. 98, 1935, 39"),
    ),
    (
        lambda uses: uses.filled("association", "cramers_v") or uses.filled("missingness", "cramers_v"),
        Statistic(
            "The strength of an association is Cramér's V",
            "Cramér, Mathematical Methods of Statistics, 1946, section 21.9",
        ),
    ),
    (
        lambda uses: uses.table("bounds"),
        Statistic(
            "Bounds on a contrast let all missing trials of one side be at one end of the scale, those of the other "
            "side at the other end",
            "Manski, Partial Identification of Probability Distributions, 2003, chapter 1",
        ),
    ),
    (
        lambda uses: uses.says("cohen", agreement="statistic"),
        Statistic("Agreement of two raters is Cohen's kappa", "Cohen, Educ. Psychol. Meas. 20, 1960, 37"),
    ),
    (
        lambda uses: uses.says("fleiss", agreement="statistic"),
        Statistic("Agreement of several raters is Fleiss' kappa", "Fleiss, Psychol. Bull. 76, 1971, 378"),
    ),
    (
        lambda uses: uses.says("krippendorff", agreement="statistic"),
        Statistic(
            "Agreement with gaps in the ratings is Krippendorff's alpha",
            "Krippendorff, Content Analysis, 2004, chapter 11",
        ),
    ),
    (
        lambda uses: uses.says("icc", agreement="statistic"),
        Statistic(
            "Agreement on scores is the intraclass correlation of two-way random effects, single ratings",
            "Shrout & Fleiss, Psychol. Bull. 86, 1979, 420",
        ),
    ),
    (
        lambda uses: uses.table("survival"),
        Statistic(
            "Survival is estimated by the product limit, its interval from Greenwood's variance",
            "Kaplan & Meier, J. Am. Stat. Assoc. 53, 1958, 457; Kalbfleisch & Prentice, 2002, section 1.4",
        ),
    ),
    (
        lambda uses: uses.table("medians"),
        Statistic(
            "Medians of survival have the interval in which the curve's own holds one half; curves are compared with "
            "the baseline's by the log-rank test",
            "Brookmeyer & Crowley, Biometrics 38, 1982, 29; Mantel, Cancer Chemother. Rep. 50, 1966, 163",
        ),
    ),
    (
        lambda uses: uses.table("percentiles"),
        Statistic(
            "Percentiles are about median-unbiased whatever the distribution; there is none where the values do not "
            "reach so far out",
            "Hyndman & Fan, Am. Stat. 50, 1996, 361, definition 8",
        ),
    ),
    (
        lambda uses: uses.filled("percentiles", "lo_p50") or uses.filled("percentiles", "lo_p95"),
        Statistic(
            "Intervals of percentiles go from one ordered value to another, by binomial chances; they need no "
            "distribution, and there is none where there are too few values",
            "Thompson, Ann. Math. Stat. 7, 1936, 122; David & Nagaraja, Order Statistics, 2003, section 7.1",
        ),
    ),
    (
        lambda uses: uses.filled("percentiles", "blocks"),
        Statistic(
            "Successive measurements of one model depend on each other: a mean over a thousand of them is not as sure "
            "as one over a thousand independent ones. So the time is cut into few, long blocks, and intervals of means "
            "and of differences go by the spread between blocks, with the t distribution of one degree of freedom less "
            "than there are blocks. What lasts longer than a block is not seen by them, and the p values of rank tests "
            "do not allow for it",
            "Schmeiser, Oper. Res. 30, 1982, 556; Cameron & Miller, J. Hum. Resour. 50, 2015, 317",
        ),
    ),
    (
        lambda uses: uses.filled("percentiles", "blocks"),
        Statistic(
            "Intervals of percentiles count as many measurements as would be as sure if they were independent, by the "
            "spread between blocks of the share of values up to the percentile",
            "Woodruff, J. Am. Stat. Assoc. 47, 1952, 635; Korn & Graubard, Surv. Methodol. 24, 1998, 193",
        ),
    ),
)

"""Reading names out of PromQL."""

from tests.ops.promql import names


def test_names_are_told_from_functions_words_labels_and_durations() -> None:
    found = names(
        'sum by (policy) (increase(denied_total{outcome="deny{x}", plane!~"a.+"}[10m] offset 10m)) > 1e3'
        " unless on (site) group_left (code) max by (site, code) (site_info) or vector(0) and a:b:rate5m"
    )
    assert found.metrics == {"denied_total": {"outcome", "plane"}, "site_info": set(), "a:b:rate5m": set()}
    assert found.labels == {"policy", "site", "code"}


def test_a_name_used_twice_keeps_the_labels_of_both() -> None:
    assert names('up{job="a"} / up{instance="b"} + time()').metrics == {"up": {"job", "instance"}}

"""The settings of a site that has nothing but its two versions."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from pytest_django.fixtures import Settings

from canary.conf import canary_conf
from canary.core.names import FIRST
from canary.retiring.successors import guide_below


def test_the_urlconfs_of_both_versions_are_all_that_a_site_needs(settings: Settings) -> None:
    settings.CANARY = {"ARMS": {1: "tests.canary.arm_urls_v1", 2: "tests.canary.arm_urls_v2"}}
    conf = canary_conf()
    assert (conf.entrance, conf.environment_weight_bp, conf.successors, conf.identify(HttpRequest())) == (
        "/api",
        None,
        "",
        None,
    )
    assert (conf.snapshot.is_stable_enabled, conf.snapshot.is_candidate_enabled, conf.snapshot.weight_bp) == (
        True,
        True,
        0,
    )


@pytest.mark.parametrize("given", [{}, {"ENTRANCE": "/api"}, {"ARMS": {}}])
def test_settings_without_versions_name_the_line_to_add(settings: Settings, given: dict[str, object]) -> None:
    settings.CANARY = given
    with pytest.raises(ImproperlyConfigured, match=r'Add CANARY = {"ARMS": {1: '):
        canary_conf()


@pytest.mark.parametrize(
    ("guide", "address"),
    [("", ""), ("/docs/moving", "/api/v2/docs/moving"), ("https://shop.example/moving", "https://shop.example/moving")],
)
def test_a_guide_is_below_the_base_of_v2_or_anywhere(settings: Settings, guide: str, address: str) -> None:
    settings.CANARY = {**settings.CANARY, "GUIDE": guide}
    assert guide_below("/api/v2", FIRST) == address

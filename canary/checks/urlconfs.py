"""Checks of both versions' URLconfs: Django itself checks only ROOT_URLCONF."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.core import checks
from django.core.checks.urls import check_resolver
from django.urls import URLPattern, URLResolver, get_resolver

from canary.checks.wiring import is_configured
from canary.conf import canary_conf


@checks.register(checks.Tags.urls)
def check_arms(**kwargs: Any) -> list[checks.CheckMessage]:
    """Check that each version's URLconf is sound, and answers at its own path and at the entrance."""
    if not is_configured():
        return []
    found: list[checks.CheckMessage] = []
    for version, name in canary_conf().arms.items():
        try:
            resolver = get_resolver(name)
            patterns = resolver.url_patterns
        except ImportError as error:
            bases = [f'path("{base}/", include("…"))' for base in _bases(version)]
            hint = f"Write it: urlpatterns = [{', '.join(bases)}] with the routes of v{version}."
            found.append(
                checks.Error(f"The URLconf of v{version} can't be imported: {error}", hint=hint, id="canary.E008")
            )
            continue
        found += check_resolver(resolver)
        found += _uncovered(version, name, patterns)
    return found


def _uncovered(version: str, name: str, patterns: Iterable[Any]) -> Iterator[checks.CheckMessage]:
    for base in _bases(version):
        if not any(_begins_with(pattern, base) for pattern in patterns):
            hint = f'Add path("{base}/", include(…)) with the routes of v{version} to {name}.'
            yield checks.Warning(f"{name} answers nothing below /{base}/.", hint=hint, id="canary.W004")


def _bases(version: str) -> tuple[str, str]:
    """Return where a version answers: at its own path, and at the entrance."""
    entrance = canary_conf().entrance.strip("/")
    return f"{entrance}/v{version}", entrance


def _begins_with(pattern: URLPattern | URLResolver, base: str) -> bool:
    route = str(pattern.pattern).removeprefix("^")
    return route in ("", base) or route.startswith(f"{base}/") or pattern.pattern.match(f"{base}/") is not None

"""Names of code that rows keep: jobs name their task, browser sessions the backend that signed their user in."""

import pytest
from django.conf import settings
from django.tasks import Task
from django.utils.module_loading import import_string


@pytest.mark.parametrize(
    "path",
    [
        "cms.rollout_consumers.send_v1_usage",
        "cms.rollout.consumers.send_v1_usage",
        "cms.services.mails.send_password_reset",
        "cms.services.mails.send_email_verification",
        "cms.services.rollout_mails.announce_rollout",
        "cms.services.rollout_mails.send_rollout_mail",
        "cms.services.search_index.rebuild_index",
    ],
)
def test_a_job_of_an_earlier_release_finds_its_task(path: str) -> None:
    assert isinstance(import_string(path), Task)


def test_a_browser_session_of_an_earlier_release_stays_signed_in() -> None:
    assert "cms.auth_backends.UsernameOrEmailBackend" in settings.AUTHENTICATION_BACKENDS

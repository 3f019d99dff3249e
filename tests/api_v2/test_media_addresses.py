"""With MEDIA_BASE_URL the addresses of files are absolute in v2, for a front end on another host."""

from typing import Any

import pytest
from django.test import Client

from cms import limits
from tests.api_v2.sending import send
from tests.api_v2.uploading import upload

pytestmark = pytest.mark.usefixtures("media_root")


@pytest.fixture
def elsewhere(settings: Any) -> str:
    settings.MEDIA_BASE_URL = "https://cms.example.org"
    return "https://cms.example.org"


def test_with_a_base_url_addresses_of_files_are_absolute_on_every_host(own: Client, elsewhere: str) -> None:
    made = upload(own).json()
    links = own.get(f"/api/v2/media/{made['id']}", headers={"Host": "127.0.0.1"}).json()["links"]
    assert links["self"] == f"/api/v2/media/{made['id']}"
    assert links["content"] == f"{elsewhere}/api/v2/media/{made['id']}/content"
    assert set(links["renditions"].values()) == {
        f"{elsewhere}/api/v2/media/{made['id']}/renditions/{spec}" for spec in limits.RENDITIONS
    }


def test_with_a_base_url_pictures_in_a_post_and_its_preview_are_absolute(own: Client, elsewhere: str) -> None:
    id = upload(own).json()["id"]
    content = f"![a](/api/v2/media/{id}/content) ![b](https://example.net/media/{id}) [c](/elsewhere)"
    made = send(own, "post", "/posts", {"title": "With a face", "content": content}).json()
    assert f'src="{elsewhere}/api/v2/media/{id}/content"' in made["content_html"]
    assert 'src="https://example.net/media' in made["content_html"]
    assert 'href="/elsewhere"' in made["content_html"]
    url = send(own, "post", f"/posts/{made['id']}/actions/preview").json()["url"]
    shown = own.get(url).json()["content_html"]
    assert f'src="{elsewhere}/previews/' in shown

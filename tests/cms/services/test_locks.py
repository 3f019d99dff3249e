"""A row that is held still: there is a transaction, and the row is there."""

import uuid
from collections.abc import Callable

import pytest
from django.db import transaction
from django.db.transaction import TransactionManagementError

from cms.errors import NotFound
from cms.models import Post
from cms.services.locks import lock_row


@pytest.mark.django_db(transaction=True)
def test_a_lock_without_a_transaction_is_refused_the_first_time_and_later(make_post: Callable[..., Post]) -> None:
    post = make_post()
    with transaction.atomic():
        assert lock_row(post) == post
    with pytest.raises(TransactionManagementError):
        lock_row(post)


def test_a_row_is_named_by_its_key_in_whatever_form(make_post: Callable[..., Post]) -> None:
    post = make_post()
    assert lock_row(Post(pk=str(post.pk))) == post
    for key in (None, uuid.uuid4()):
        with pytest.raises(NotFound, match="This post does not exist any more"):
            lock_row(Post(pk=key))

"""Secrets in keys, webhooks, deliveries, jobs and files. Some have no page so far: whoever adds one says who must find them."""

import datetime
from typing import Any

from django.contrib.auth.models import Group

from canary.models import ListEntry, Rollout, RolloutEvent
from cms.models import (
    ApiKey,
    AuthenticatorApp,
    Delivery,
    Invitation,
    Job,
    LinkedIdentity,
    MediaFile,
    Passkey,
    RecoveryCode,
    Transfer,
    Webhook,
)


def plant_records(world: Any) -> None:
    owner, now, draft = world.users["author"], world.now, world.hidden["draft"]
    may, admin = frozenset({"author", "admin"}), frozenset({"admin"})
    nobody: frozenset[str] = frozenset()
    unserved: frozenset[str] = frozenset()
    ApiKey.objects.create(
        name=world.word("API key's name", may),
        prefix=world.word("API key's prefix", may),
        digest=world.word("API key's digest", nobody),
        contact_email=f"{world.word('API keys contact', may)}@example.org",
        owner=owner,
    )
    AuthenticatorApp.objects.create(user=owner, secret=world.word("secret of an app", nobody), confirmed_at=now)
    RecoveryCode.objects.create(user=owner, digest=world.word("digest of a recovery code", nobody))
    Passkey.objects.create(
        user=owner,
        name=world.word("name of a passkey", frozenset({"author"})),
        credential_id=world.word("id of a passkey", nobody),
        credential=world.word("public key of a passkey", nobody).encode(),
    )
    subject = world.word("identity at a provider", nobody)
    LinkedIdentity.objects.create(user=owner, issuer="https://login.example", subject=subject)
    invited = f"{world.word('address of an invitation', admin)}@example.org"
    Invitation.objects.create(email=invited, role="editor", expires_at=now + datetime.timedelta(days=1))
    webhook = Webhook.objects.create(
        url=f"https://example.org/{world.word('address of a webhook', admin)}",
        events=["post.published"],
        secret=world.word("secret of a webhook", nobody),
    )
    Delivery.objects.create(
        webhook=webhook,
        event_id=draft.pk,
        event_type="post.created",
        object_type="post",
        object_id=draft.pk,
        payload={"x": world.word("payload of a delivery", admin)},
        next_attempt_at=now,
    )
    Job.objects.create(task_path="x", args=[world.word("argument of a job", admin, unserved)])
    Transfer.objects.create(
        kind="import",
        state="failed",
        original_name=world.word("name of an upload", admin),
        message=world.word("why an import failed", admin),
        remarks=[{"reason": world.word("remark of an import", admin)}],
        started_by=world.users["admin"],
    )
    Group.objects.create(name=world.word("name of a group", admin))
    weight = {"weight_bp": 0}
    Rollout.objects.create(pk=1, version=1, salt="leaks", stage_started_at=now, changed_at=now)
    RolloutEvent.objects.create(
        version=1,
        at=now,
        actor=world.word("who changed the rollout", admin),
        verb="set",
        reason=world.word("why the rollout was changed", admin),
        before=weight,
        after=weight,
    )
    ListEntry.objects.create(
        list="exclude",
        kind="client",
        identifier=world.word("identity on a list", admin),
        reason=world.word("why it is on a list", admin),
        actor="cli:root",
        added_at=now,
    )
    insiders = frozenset({"author", "co_author", "editor", "admin"})
    draft.featured_image = MediaFile.objects.create(
        file=f"media/{world.word('path of a hidden file', insiders, unserved)}.png",
        original_name=world.word("name of a hidden file", insiders),
        alt_text=world.word("alt text of a hidden file", insiders),
        caption=world.word("caption of a hidden file", insiders),
        mime_type="image/png",
        size_bytes=1,
        sha256=world.word("hash of a hidden file", insiders),
        uploaded_by=owner,
    )
    draft.save(update_fields=["featured_image"])

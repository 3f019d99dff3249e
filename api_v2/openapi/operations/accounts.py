"""People and what belongs to them: accounts, tokens, sessions, keys; and what only admins see."""

from typing import Final

from api_v2.json_schema import ref
from api_v2.openapi.operations.operation import (
    Operation,
    Operations,
    acting,
    changing,
    creating,
    deleting,
    getting,
    listing,
)

_USER: Final = "/users/{user_id}"
_STATE: Final = "invalid_transition"
_CREDENTIALS: Final = (
    *("invalid_credentials", "second_factor_required", "invalid_second_factor"),
    "second_factor_setup_required",
)
_SENT: Final = {202: "The server sends a mail if the account exists. The response is the same if it does not."}

USERS: Final[Operations] = {
    "/users": {
        "get": listing("list_users", "List accounts", "AccountList", needs_user=True, query={"q": "user_q"}),
        "post": creating(
            "register", "Register an account", "Account", "Registration", needs_user=False, problems=("duplicate",)
        ),
    },
    _USER: {
        "get": Operation(
            "get_user",
            "Get a profile or an account",
            {"anyOf": [ref("Account"), ref("User"), ref("PartialAccount")]},
            fields_of="Account",
        ),
        "patch": changing("update_user", "Change an account", "Account", "UserChanges", "duplicate", _STATE),
        "delete": Operation(
            "delete_user",
            "Delete an account",
            status=204,
            body="CurrentPassword",
            is_body_optional=True,
            needs_user=True,
            problems=("last_admin", _STATE),
        ),
    },
    f"{_USER}/actions/suspend": {"post": acting("suspend_user", "Suspend an account", "Account", "last_admin", _STATE)},
    f"{_USER}/actions/activate": {"post": acting("activate_user", "Activate an account", "Account", _STATE)},
    f"{_USER}/actions/set-role": {
        "post": acting(
            "set_user_role", "Change the role of an account", "Account", "last_admin", _STATE, body="RoleChange"
        )
    },
    "/me": {
        "get": Operation("get_me", "Get your account", ref("Account"), needs_user=True),
        "patch": changing("update_me", "Change your account", "Account", "UserChanges", "duplicate"),
    },
    "/me/password": {
        "post": Operation(
            "change_password",
            "Change your password",
            status=204,
            body="PasswordChange",
            needs_user=True,
            is_conditional=False,
        )
    },
    "/me/sessions": {
        "get": listing("list_sessions", "List your logins", "SessionList", needs_user=True),
        "delete": Operation(
            "end_other_sessions", "End your other logins", status=204, needs_user=True, is_conditional=False
        ),
    },
    "/me/sessions/{session_id}": {
        "get": getting("get_session", "Get one of your logins", "Session", needs_user=True),
        "delete": deleting("end_session", "End one of your logins"),
    },
}
AUTH: Final[Operations] = {
    "/auth/token": {
        "post": Operation(
            "create_token", "Create an access token", ref("Tokens"), body="Credentials", problems=_CREDENTIALS
        )
    },
    "/auth/token/refresh": {
        "post": Operation(
            "refresh_token",
            "Refresh your tokens",
            ref("Tokens"),
            body="RefreshToken",
            problems=("invalid_token", "second_factor_setup_required"),
        )
    },
    "/auth/logout": {
        "post": Operation(
            "log_out", "End the current login", status=204, body="Nothing", is_body_optional=True, needs_user=True
        )
    },
    "/auth/password-reset": {
        "post": Operation("request_password_reset", "Request a password reset", status=202, body="EmailAddress")
    },
    "/auth/password-reset/confirm": {
        "post": Operation("reset_password", "Set a new password", status=204, body="PasswordReset")
    },
    "/auth/verify-email": {
        "post": Operation(
            "verify_email",
            "Verify an e-mail address",
            status=204,
            also=_SENT,
            body="EmailVerification",
        )
    },
}
OPERATING: Final[Operations] = {
    "/api-keys": {
        "get": listing("list_api_keys", "List API keys", "ApiKeyList", needs_user=True),
        "post": creating(
            "create_api_key", "Create an API key", "IssuedApiKey", "NewApiKey", problems=("too_many_api_keys",)
        ),
    },
    "/api-keys/{key_id}": {
        "get": getting("get_api_key", "Get an API key", "ApiKey", needs_user=True),
        "patch": changing("update_api_key", "Change an API key", "ApiKey", "ApiKeyChanges", _STATE),
        "delete": deleting("revoke_api_key", "Revoke an API key"),
    },
    "/webhooks": {
        "get": listing("list_webhooks", "List webhooks", "WebhookList", needs_user=True),
        "post": creating("create_webhook", "Create a webhook", "CreatedWebhook", "NewWebhook"),
    },
    "/webhooks/{webhook_id}": {
        "get": getting("get_webhook", "Get a webhook", "Webhook", needs_user=True),
        "patch": changing("update_webhook", "Change a webhook", "Webhook", "WebhookChanges"),
        "delete": deleting("delete_webhook", "Delete a webhook"),
    },
    "/webhooks/{webhook_id}/deliveries": {
        "get": listing(
            "list_deliveries",
            "List the deliveries of a webhook",
            "DeliveryList",
            item="Delivery",
            needs_user=True,
            query={"status": "delivery_status"},
        )
    },
    "/deliveries/{delivery_id}/actions/replay": {
        "post": acting("replay_delivery", "Replay a dead delivery", "Delivery", _STATE)
    },
    "/audit": {"get": listing("list_audit_events", "List audit events", "AuditEventList", needs_user=True)},
}

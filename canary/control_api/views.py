"""The control API, `/canary/api/…`: every verb of `canary.verbs` over HTTP, for users with its permission."""

import json
from typing import Any, ClassVar, Final

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, InterfaceError
from django.http import HttpResponse, UnreadablePostError
from django.utils.log import log_response
from rest_framework.exceptions import APIException, MethodNotAllowed
from rest_framework.request import Request
from rest_framework.views import APIView

from canary.conf import canary_conf
from canary.control_api.bodies import invalid_action, options_from_body, options_from_query, read_body, read_query
from canary.core.permissions import SCOPES, VIEW
from canary.errors import RolloutError, StoreUnreachable
from canary.requests.problems import Problem, api_problem_response
from canary.verbs.declaring import Call, Verb
from canary.verbs.performing import perform
from canary.verbs.registry import find_verb, verbs_below
from canary.verbs.wording import told

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ACTION: Final = "action"
RETRY_S: Final = 1
ACTOR_MAX: Final = 160


class VerbView(APIView):
    """Check in this order: credential, path, method, permission, options. GET asks, POST changes.

    The words of a verb are its path (`/canary/api/allow/add`); those after the first may come as `action` instead.
    """

    default_response_headers: ClassVar[dict[str, str]] = {}  # REST framework's are Allow on every response, and Vary

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self.kwargs.get("words", "").split("/"))

    @property
    def scopes(self) -> dict[str, str]:
        """Return the scopes that an API key needs here: the authentication checks them before anything else."""
        candidates = self._candidates()
        return dict.fromkeys(METHODS, SCOPES[candidates[0].permission if candidates else VIEW])

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Replace REST framework's checks, which would also let a query parameter choose among formats."""
        if not request.user.is_authenticated:
            raise Problem(401, "authentication-required", "Send an access token as Authorization: Bearer TOKEN.")
        methods = self._allowed_methods()
        if not methods:
            raise Problem(404, "not-found", "The rollout has no such verb.")
        if request.method not in methods:
            raise MethodNotAllowed(str(request.method))
        permission = self._candidates()[0].permission
        if not request.user.has_perm(permission):
            raise Problem(403, "permission-denied", f"This needs the permission {permission}.")

    def get(self, request: Request, **kwargs: Any) -> HttpResponse:
        given = read_query(request._request.GET)
        verb = self._verb(given.pop(ACTION, None))
        return self._perform(request, verb, options_from_query(given, verb.all_options))

    def post(self, request: Request, **kwargs: Any) -> HttpResponse:
        given = read_body(request._request)
        verb = self._verb(given.pop(ACTION, None))
        values = options_from_body(given, verb.all_options, needs_version=verb.takes_version)
        return self._perform(request, verb, values)

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        request, problem = self.request._request, _problem_of(exc)
        headers = {"Allow": ", ".join(self._allowed_methods())} if problem.status == 405 else {}
        if problem.status == 401:
            is_bad_token = problem.code == "invalid-token"
            headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if is_bad_token else "Bearer"  # RFC 6750
        response = _private(api_problem_response(problem, request, headers))
        if problem.status == 500:
            log_response("%s", request.path, response=response, request=request, exception=exc)
        return response

    def _candidates(self) -> list[Verb]:
        """Return the verbs that the request may mean, all of one permission; `action` chooses one for a short path."""
        if verb := find_verb(self.words):
            return [verb]
        below = verbs_below(self.words, is_change=self.request.method == "POST")
        return below if len({verb.permission for verb in below}) == 1 else []

    def _allowed_methods(self) -> list[str]:
        known = [verb] if (verb := find_verb(self.words)) else verbs_below(self.words)
        methods = {False: ["GET", "HEAD"], True: ["POST"]}
        return [name for is_change in sorted({verb.is_change for verb in known}) for name in methods[is_change]]

    def _verb(self, action: Any) -> Verb:
        candidates = self._candidates()
        depth = len(self.words)
        actions = {" ".join(verb.words[depth:]): verb for verb in candidates}
        if action is None and "" in actions:
            return actions[""]
        if not isinstance(action, str) or action not in actions or not action:
            raise invalid_action(sorted(filter(None, actions)), is_query=self.request.method != "POST")
        return actions[action]

    def _perform(self, request: Request, verb: Verb, values: dict[str, Any]) -> HttpResponse:
        reason, version = values.pop("reason", ""), values.pop("expected_version", None)
        call = Call(values, _actor(request), canary_conf().now(), reason, version)
        response = HttpResponse(json.dumps(perform(verb, call)), content_type="application/json")
        return _private(response)


def _actor(request: Request) -> str:
    """Return the actor for the event log: `user:3`, or `key:ab12 user:3` with the key's owner.

    A name would outlive the person.
    """
    user = f"user:{request.user.pk}"
    kind, identifier = canary_conf().identify(request._request) or ("user", "")
    return (user if kind == "user" else f"{kind}:{identifier} {user}")[:ACTOR_MAX]


def _private(response: HttpResponse) -> HttpResponse:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Authorization, X-API-Key, Cookie"
    return response


def _problem_of(error: Exception) -> Problem:
    """Return the problem for an error. An unknown one is a fault of the server, without a detail."""
    match error:
        case Problem():
            return error
        case StoreUnreachable():
            return _unavailable(error.sentence, current=error.current or None)
        case RolloutError():
            return Problem(
                409, error.code.replace("_", "-"), told(error, error.override), more={"current": error.current or None}
            )
        case APIException():
            return _problem_of_framework(error)
        case RequestDataTooBig():
            return Problem(413, "body-too-large", "The body is larger than this server takes.")
        case SuspiciousOperation() | UnreadablePostError():
            return Problem(400, "bad-request", "The request can't be understood.")
        case DatabaseError() | InterfaceError():
            return _unavailable("The database can't be reached or is too busy.")
    return Problem(500, "internal-error", "The error was logged; its request_id helps to find it.")


def _problem_of_framework(error: APIException) -> Problem:
    """Translate REST framework's own errors, and refusals of the site's authentication in its words."""
    code = str(getattr(error.detail, "code", error.default_code)).replace("_", "-")
    wait_s = getattr(error, "wait", None)
    headers = {"Retry-After": str(wait_s)} if wait_s else {}
    return Problem(error.status_code, code, str(error.detail), headers=headers)


def _unavailable(sentence: str, **more: Any) -> Problem:
    return Problem(503, "unavailable", sentence, more=more, headers={"Retry-After": str(RETRY_S)})

"""Who may call what: one row for each RPC. What has no row is for operators only.

A test walks all registered services and fails for an RPC without a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from beatstitch.v1 import failure_pb2, tenant_pb2
from beatstitch.v1.tenant_pb2 import Role
from beatstitch_core.errors import BeatStitchError
from beatstitch_gateway.auth import Caller, role_name

# No key needed: a client has to be able to ask what and whether this server is.
OPEN = (
    "/beatstitch.v1.InfoService/",
    "/grpc.health.v1.Health/",
    "/grpc.reflection.",
)


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may make a call.

    Attributes:
        role: The least role.
        whole_tenant: Whether it concerns more than projects, so that keys for some projects only
            may not make it.
        audited: Whether it changes something and is kept in the audit log.
    """

    role: Role.ValueType
    whole_tenant: bool = False
    audited: bool = False


READ = Rule(tenant_pb2.ROLE_VIEWER)
EDIT = Rule(tenant_pb2.ROLE_EDITOR, audited=True)
# What all of the tenant's projects share, or that makes a new one.
EDIT_SHARED = Rule(tenant_pb2.ROLE_EDITOR, whole_tenant=True, audited=True)
OWN_READ = Rule(tenant_pb2.ROLE_OWNER, whole_tenant=True)
OWN = Rule(tenant_pb2.ROLE_OWNER, whole_tenant=True, audited=True)
RUN_READ = Rule(tenant_pb2.ROLE_OPERATOR, whole_tenant=True)
RUN = Rule(tenant_pb2.ROLE_OPERATOR, whole_tenant=True, audited=True)

_BY_SERVICE: Mapping[str, Mapping[str, Rule]] = {
    "ProjectService": {
        "CreateProject": EDIT_SHARED,
        "GetProject": READ,
        "ListProjects": READ,
        "UpdateProject": EDIT,
        "DeleteProject": EDIT,
    },
    "AssetService": {
        "CreateUpload": EDIT,
        # Its answer has links to write to.
        "GetUpload": Rule(tenant_pb2.ROLE_EDITOR),
        "CompleteUpload": EDIT,
        "UploadAsset": EDIT,
        "ImportAsset": EDIT,
        "GetAsset": READ,
        "ListAssets": READ,
        "ReorderAssets": EDIT,
        "DeleteAsset": EDIT,
        "GetThumbnail": READ,
        "GetFilmstrip": READ,
        "CreateAssetDownloadLink": READ,
    },
    "AnalysisService": {
        "AnalyzeAudio": EDIT,
        "GetBeatGrid": READ,
        "EditBeatGrid": EDIT,
        "RenderBeatProof": READ,
        "ExportWaveform": READ,
        "ExportBeatGrid": READ,
        "GetWaveform": READ,
    },
    "TimelineService": {
        "GenerateTimeline": EDIT,
        "GetTimeline": READ,
        "ListRevisions": READ,
        "ValidateTimeline": READ,
        "ApplyEdits": EDIT,
        "PutTimeline": EDIT,
        "UndoTimeline": EDIT,
        "RedoTimeline": EDIT,
        "RestoreRevision": EDIT,
        "DiffRevisions": READ,
        "ExplainCut": READ,
        "ExportTimeline": READ,
    },
    "RenderService": {
        "CreateRender": EDIT,
        "CreateRenders": EDIT,
        "ListRenderProfiles": READ,
        "GetRender": READ,
        "ListRenders": READ,
        "PlanRender": READ,
        "RenderFrame": READ,
        "GetRenderPicture": READ,
        "DownloadOutput": READ,
        "CreateOutputDownloadLink": READ,
        "RestoreOutput": EDIT,
    },
    "StitchService": {"Stitch": EDIT, "BatchStitch": EDIT},
    "TemplateService": {
        "CreateTemplate": EDIT_SHARED,
        "GetTemplate": READ,
        "ListTemplates": READ,
        "UpdateTemplate": EDIT_SHARED,
        "DeleteTemplate": EDIT_SHARED,
    },
    "JobService": {
        "GetJob": READ,
        "ListJobs": READ,
        "WatchJob": READ,
        "WatchJobs": READ,
        "WaitJob": READ,
        "CancelJob": EDIT,
        "RetryJob": EDIT,
    },
    "WebhookService": {
        "CreateWebhook": OWN,
        "GetWebhook": OWN_READ,
        "ListWebhooks": OWN_READ,
        "UpdateWebhook": OWN,
        "DeleteWebhook": OWN,
        "PingWebhook": OWN,
        "ListWebhookDeliveries": OWN_READ,
        "RedeliverWebhook": OWN,
    },
    "TenantService": {
        "GetCaller": READ,
        "CreateApiKey": OWN,
        "ListApiKeys": OWN_READ,
        "RotateApiKey": OWN,
        "RevokeApiKey": OWN,
        "ListAuditEvents": OWN_READ,
    },
    "AdminService": {
        "CreateTenant": RUN,
        "GetTenant": RUN_READ,
        "ListTenants": RUN_READ,
        "UpdateTenant": RUN,
        "ListDeadLetters": RUN_READ,
        "RequeueDeadLetters": RUN,
        "Cleanup": RUN,
    },
}
RULES: Mapping[str, Rule] = {
    f"/beatstitch.v1.{service}/{method}": rule
    for service, rules in _BY_SERVICE.items()
    for method, rule in rules.items()
}
# An operator whose own tenant was suspended has to be able to undo that.
_WHEN_SUSPENDED = "/beatstitch.v1.AdminService/"


def rule_of(method: str) -> Rule:
    """The rule for "/beatstitch.v1.Service/Method"."""
    return RULES.get(method, RUN)


def need(caller: Caller, method: str, rule: Rule) -> None:
    """Nothing, when the caller may make the call.

    Raises:
        BeatStitchError: TENANT_SUSPENDED; PERMISSION_DENIED (role, needed_role; project_ids).
    """
    if caller.suspended and not (caller.is_operator and method.startswith(_WHEN_SUSPENDED)):
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_TENANT_SUSPENDED,
            "the tenant is suspended; ask whoever runs this server",
            metadata={"tenant_id": caller.tenant},
        )
    if caller.role < rule.role:
        needed, has = role_name(rule.role), role_name(caller.role)
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_PERMISSION_DENIED,
            f"this takes the role {needed}; yours is {has}",
            metadata={"role": has, "needed_role": needed},
        )
    if rule.whole_tenant and caller.project_ids:
        raise BeatStitchError(
            failure_pb2.ERROR_REASON_PERMISSION_DENIED,
            "this concerns the whole tenant; yours is a key for some of its projects only",
            metadata={
                "role": role_name(caller.role),
                "needed_role": role_name(rule.role),
                "needed_projects": "all",
            },
        )

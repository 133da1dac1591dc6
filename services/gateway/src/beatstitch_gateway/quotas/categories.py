"""Which calls are counted together for rate limits: one row for each RPC.

A test walks all registered services and fails for an RPC without a row.
"""

from __future__ import annotations

from collections.abc import Mapping

from beatstitch.v1 import tenant_pb2
from beatstitch.v1.admin_service_pb2 import RequeueDeadLettersRequest
from beatstitch.v1.render_service_pb2 import CreateRendersRequest
from beatstitch.v1.stitch_service_pb2 import BatchStitchRequest
from beatstitch.v1.tenant_pb2 import RateCategory

READ = tenant_pb2.RATE_CATEGORY_READ
WRITE = tenant_pb2.RATE_CATEGORY_WRITE
UPLOAD = tenant_pb2.RATE_CATEGORY_UPLOAD
JOB = tenant_pb2.RATE_CATEGORY_JOB
ENGINE = tenant_pb2.RATE_CATEGORY_ENGINE
STREAM = tenant_pb2.RATE_CATEGORY_STREAM

_BY_SERVICE: Mapping[str, Mapping[RateCategory.ValueType, str]] = {
    "ProjectService": {
        READ: "GetProject ListProjects",
        WRITE: "CreateProject UpdateProject DeleteProject",
    },
    "AssetService": {
        READ: "GetAsset ListAssets GetThumbnail GetFilmstrip CreateAssetDownloadLink",
        WRITE: "ReorderAssets DeleteAsset",
        UPLOAD: "CreateUpload GetUpload CompleteUpload UploadAsset ImportAsset",
    },
    "AnalysisService": {
        READ: "GetBeatGrid",
        WRITE: "EditBeatGrid",
        JOB: "AnalyzeAudio",
        ENGINE: "GetWaveform RenderBeatProof ExportWaveform ExportBeatGrid",
    },
    "TimelineService": {
        READ: "GetTimeline ListRevisions",
        WRITE: "ApplyEdits PutTimeline UndoTimeline RedoTimeline RestoreRevision",
        JOB: "GenerateTimeline",
        ENGINE: "ValidateTimeline DiffRevisions ExplainCut ExportTimeline",
    },
    "RenderService": {
        READ: "ListRenderProfiles GetRender ListRenders GetRenderPicture CreateOutputDownloadLink",
        JOB: "CreateRender CreateRenders RestoreOutput",
        ENGINE: "PlanRender RenderFrame",
        STREAM: "DownloadOutput",
    },
    "StitchService": {JOB: "Stitch BatchStitch"},
    "TemplateService": {
        READ: "GetTemplate ListTemplates",
        WRITE: "CreateTemplate UpdateTemplate DeleteTemplate",
    },
    "JobService": {
        READ: "GetJob ListJobs WaitJob",
        WRITE: "CancelJob",
        JOB: "RetryJob",
        STREAM: "WatchJob WatchJobs",
    },
    "WebhookService": {
        READ: "GetWebhook ListWebhooks ListWebhookDeliveries",
        WRITE: "CreateWebhook UpdateWebhook DeleteWebhook PingWebhook RedeliverWebhook",
    },
    "TenantService": {
        READ: "GetCaller ListApiKeys ListAuditEvents",
        WRITE: "CreateApiKey RotateApiKey RevokeApiKey",
    },
    "AdminService": {
        READ: "GetTenant ListTenants ListDeadLetters",
        WRITE: "CreateTenant UpdateTenant Cleanup",
        JOB: "RequeueDeadLetters",
    },
    # Open to everybody: without a tenant there is nobody to count it for.
    "InfoService": {READ: "GetServerInfo"},
}
CATEGORIES: Mapping[str, RateCategory.ValueType] = {
    f"/beatstitch.v1.{service}/{method}": category
    for service, rows in _BY_SERVICE.items()
    for category, methods in rows.items()
    for method in methods.split()
}


def cost_of(request: object) -> int:
    """How many calls a request counts as: a batch as many as it has items, at least one."""
    match request:
        case BatchStitchRequest():
            return max(1, len(request.items))
        case CreateRendersRequest():
            return max(1, len(request.profiles))
        case RequeueDeadLettersRequest():
            return max(1, len(request.dead_letter_ids))
        case _:
            return 1


def category_name(category: RateCategory.ValueType) -> str:
    """As metrics and errors call it: "read", "job"."""
    return RateCategory.Name(category).removeprefix("RATE_CATEGORY_").lower()

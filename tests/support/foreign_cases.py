"""For every RPC: how one would try to reach what belongs to somebody else.

A new RPC without a case fails `tests/service/gateway/test_foreign.py`. In fields "{project}" and
the like stand for ids; "{own}" is a project of the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from beatstitch.v1 import job_pb2, tenant_pb2
from beatstitch.v1.common_pb2 import MEDIA_TYPE_IMAGE

SWAP = {"swap": {"segment_index": 0, "other_index": 0}}
UPLOAD = {"filename": "a.jpg", "size_bytes": 1, "media_type": MEDIA_TYPE_IMAGE}
EDL = {"version": "1.0", "project_id": "{project}"}
VIEWER = tenant_pb2.ROLE_VIEWER


@dataclass(frozen=True)
class Reach:
    """A call that names a thing.

    Attributes:
        reason: What it is refused with, whether the thing is another's or isn't.
        fields: Of the request.
    """

    reason: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Own:
    """A call that concerns the caller alone; its reply must not name another's things.

    Attributes:
        fields: Of the request; None where it is of no interest to call it.
    """

    fields: Mapping[str, Any] | None = None


def project(**fields: object) -> Reach:
    return Reach("PROJECT_NOT_FOUND", {"project_id": "{project}", **fields})


def edit(**fields: object) -> Reach:
    return project(edl_hash="{hash}", **fields)


def asset(what: str = "picture", **fields: object) -> Reach:
    return Reach("ASSET_NOT_FOUND", {"asset_id": f"{{{what}}}", **fields})


def render(**fields: object) -> Reach:
    return Reach("RENDER_NOT_FOUND", {"render_id": "{render}", **fields})


JOB = Reach("JOB_NOT_FOUND", {"job_id": "{job}"})
KEY = Reach("API_KEY_NOT_FOUND", {"api_key_id": "{key}"})
WEBHOOK = Reach("WEBHOOK_NOT_FOUND", {"webhook_id": "{webhook}"})
# Its role is refused to everybody here; operators may name any tenant.
OPERATORS = Reach("PERMISSION_DENIED", {})

CASES: Mapping[str, tuple[Reach | Own, ...]] = {
    "CreateProject": (Own({"display_name": "mine"}),),
    "GetProject": (project(),),
    "ListProjects": (Own({}),),
    "UpdateProject": (
        Reach(
            "PROJECT_NOT_FOUND",
            {
                "project": {"id": "{project}", "display_name": "x"},
                "update_mask": {"paths": ["display_name"]},
            },
        ),
    ),
    "DeleteProject": (project(),),
    "CreateUpload": (project(**UPLOAD),),
    "GetUpload": (asset("upload"),),
    "CompleteUpload": (asset("upload"), asset()),
    "UploadAsset": (project(filename="a.jpg", media_type=MEDIA_TYPE_IMAGE),),
    "ImportAsset": (project(uri="s3://bucket/key", media_type=MEDIA_TYPE_IMAGE),),
    "GetAsset": (asset(), asset("song")),
    "ListAssets": (project(),),
    "ReorderAssets": (
        project(),
        Reach("ASSET_NOT_FOUND", {"project_id": "{own}", "asset_ids": ["{picture}"]}),
    ),
    "DeleteAsset": (asset(),),
    "GetThumbnail": (asset(),),
    "GetFilmstrip": (asset(),),
    "CreateAssetDownloadLink": (asset(),),
    "AnalyzeAudio": (asset("song"),),
    "GetBeatGrid": (asset("song"),),
    "EditBeatGrid": (asset("song", replace=True),),
    "RenderBeatProof": (asset("song"),),
    "ExportWaveform": (asset("song"),),
    "ExportBeatGrid": (asset("song"),),
    "GetWaveform": (asset("song"),),
    "GenerateTimeline": (
        project(),
        Reach("ASSET_NOT_FOUND", {"project_id": "{own}", "audio_asset_id": "{song}"}),
        Reach("NO_READY_AUDIO", {"project_id": "{own}", "template_id": "{template}"}),
    ),
    "GetTimeline": (project(), project(revision=1)),
    "ListRevisions": (project(),),
    "ValidateTimeline": (Reach("PROJECT_NOT_FOUND", {"edl": EDL}),),
    "ApplyEdits": (edit(edits=[SWAP]),),
    "PutTimeline": (edit(edl=EDL),),
    "UndoTimeline": (edit(),),
    "RedoTimeline": (edit(),),
    "RestoreRevision": (edit(revision=1),),
    "DiffRevisions": (project(from_revision=1),),
    "ExplainCut": (project(),),
    "ExportTimeline": (project(format=1),),
    "CreateRender": (edit(),),
    "CreateRenders": (edit(profiles=["preview"]),),
    "ListRenderProfiles": (Own({}),),
    "GetRender": (render(),),
    "ListRenders": (project(),),
    "PlanRender": (edit(),),
    "RenderFrame": (project(),),
    "GetRenderPicture": (render(picture=1),),
    "DownloadOutput": (render(),),
    "CreateOutputDownloadLink": (render(),),
    "RestoreOutput": (render(),),
    "Stitch": (
        project(),
        Reach("ASSET_NOT_FOUND", {"project_id": "{own}", "audio_asset_id": "{song}"}),
        Reach("NO_READY_AUDIO", {"project_id": "{own}", "template_id": "{template}"}),
    ),
    # Its items are refused one by one: see `test_foreign.py`.
    "BatchStitch": (Own({"items": [{"project_id": "{project}"}]}),),
    "CreateTemplate": (Own({"template": {"name": "mine"}}),),
    "GetTemplate": (Reach("TEMPLATE_NOT_FOUND", {"template_id": "{template}"}),),
    "ListTemplates": (Own({}),),
    "UpdateTemplate": (
        Reach(
            "TEMPLATE_NOT_FOUND",
            {
                "template": {"id": "{template}", "description": "x"},
                "update_mask": {"paths": ["description"]},
            },
        ),
    ),
    "DeleteTemplate": (Reach("TEMPLATE_NOT_FOUND", {"template_id": "{template}"}),),
    "GetJob": (JOB,),
    "ListJobs": (project(), Own({}), Own({"types": [job_pb2.JOB_TYPE_RENDER_FINAL]})),
    "WatchJob": (JOB,),
    "WatchJobs": (
        project(),
        Reach("JOB_NOT_FOUND", {"job_ids": ["{job}"]}),
        Reach("JOB_NOT_FOUND", {"job_ids": ["{job}"], "until_all_ended": True}),
    ),
    "WaitJob": (JOB,),
    "CancelJob": (JOB,),
    "RetryJob": (JOB,),
    "CreateWebhook": (
        Reach(
            "PROJECT_NOT_FOUND",
            {"webhook": {"url": "https://127.0.0.1:9/x", "project_id": "{project}"}},
        ),
    ),
    "GetWebhook": (WEBHOOK,),
    "ListWebhooks": (Own({}),),
    "UpdateWebhook": (
        Reach(
            "WEBHOOK_NOT_FOUND",
            {
                "webhook": {"id": "{webhook}", "disabled": True},
                "update_mask": {"paths": ["disabled"]},
            },
        ),
    ),
    "DeleteWebhook": (WEBHOOK,),
    "PingWebhook": (WEBHOOK,),
    "ListWebhookDeliveries": (WEBHOOK,),
    "RedeliverWebhook": (Reach("DELIVERY_NOT_FOUND", {"delivery_id": "{delivery}"}),),
    "GetCaller": (Own({}),),
    "CreateApiKey": (
        Reach("TENANT_NOT_FOUND", {"tenant_id": "{tenant}", "role": VIEWER}),
        Reach("PROJECT_NOT_FOUND", {"role": VIEWER, "project_ids": ["{project}"]}),
    ),
    "ListApiKeys": (Reach("TENANT_NOT_FOUND", {"tenant_id": "{tenant}"}), Own({})),
    "RotateApiKey": (KEY,),
    "RevokeApiKey": (KEY,),
    "ListAuditEvents": (Reach("TENANT_NOT_FOUND", {"tenant_id": "{tenant}"}), Own({})),
    "CreateTenant": (OPERATORS,),
    "GetTenant": (OPERATORS,),
    "ListTenants": (OPERATORS,),
    "UpdateTenant": (OPERATORS,),
    "ListDeadLetters": (OPERATORS,),
    "RequeueDeadLetters": (OPERATORS,),
    "Cleanup": (OPERATORS,),
    "GetServerInfo": (Own({}),),
}


def filled(value: Any, ids: Mapping[str, str]) -> Any:
    """The fields with the ids in their places."""
    if isinstance(value, str):
        return value.format_map(ids) if value.startswith("{") else value
    if isinstance(value, Mapping):
        return {name: filled(item, ids) for name, item in value.items()}
    if isinstance(value, list):
        return [filled(item, ids) for item in value]
    return value

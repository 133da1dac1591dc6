#!/usr/bin/env bash
# From a song and pictures to a video with nothing but grpcurl, sed and base64.
#
#   BEATSTITCH_SERVER=127.0.0.1:50051 BEATSTITCH_API_KEY=bsk_… \
#     examples/grpcurl_session.sh OUT.mp4 SONG PICTURE_OR_CLIP...
#
# Every step is one call; docs/grpcurl.md goes through them one by one.
set -euo pipefail

out=$1 song=$2
shift 2
server=${BEATSTITCH_SERVER:?set BEATSTITCH_SERVER to HOST:PORT}
key=${BEATSTITCH_API_KEY:?set BEATSTITCH_API_KEY}
grpcurl=${GRPCURL:-grpcurl}

call() { # SERVICE/METHOD, the JSON on standard input
  "$grpcurl" -plaintext -H "authorization: Bearer $key" -d @ "$server" "beatstitch.v1.$1"
}

field() { # the first value of a text field in a JSON reply; grpcurl's versions differ in the case
  local camel
  camel=$(sed 's/_\(.\)/\U\1/g' <<<"$1")
  sed -nE 's/^ *"('"$1|$camel"')": "([^"]*)".*/\2/p' | head -n 1
}

upload() { # FILE MEDIA_TYPE: a header message, then chunks of 192 KiB as base64
  {
    printf '{"header": {"projectId": "%s", "filename": "%s", "mediaType": "%s"}}\n' \
      "$project" "$(basename "$1")" "$2"
    base64 -w 262144 "$1" | sed 's/.*/{"chunk": "&"}/'
  } | call AssetService/UploadAsset
}

finish() { # JOB_ID: waits for the job's end, fails unless it SUCCEEDED
  local reply
  for _ in $(seq 60); do
    reply=$(printf '{"jobId": "%s", "timeout": "20s"}' "$1" | call JobService/WaitJob)
    case $reply in
      *JOB_STATE_SUCCEEDED*) return 0 ;;
      *'"state": "JOB_STATE_FAILED"'* | *'"state": "JOB_STATE_CANCELLED"'*) break ;;
    esac
  done
  echo "$reply" >&2
  return 1
}

echo '1. a project'
project=$(echo '{"displayName": "grpcurl session"}' | call ProjectService/CreateProject | field id)

echo '2. the song and the media; each upload starts its own job'
jobs=()
jobs+=("$(upload "$song" MEDIA_TYPE_AUDIO | field ingest_job_id)")
for file in "$@"; do
  case ${file,,} in
    *.mp4 | *.mov | *.webm | *.mkv | *.avi | *.gif) type=MEDIA_TYPE_VIDEO ;;
    *) type=MEDIA_TYPE_IMAGE ;;
  esac
  jobs+=("$(upload "$file" $type | field ingest_job_id)")
done

echo '3. wait for beats and thumbnails'
for job in "${jobs[@]}"; do finish "$job"; done

echo '4. a timeline: a cut every second beat, 320x180'
job=$(printf '{"projectId": "%s", "settings": {"beatsPerCut": 2, "output": {"width": 320, "height": 180}}}' \
  "$project" | call TimelineService/GenerateTimeline | field id)
finish "$job"
edl_hash=$(printf '{"projectId": "%s"}' "$project" | call TimelineService/GetTimeline | field edl_hash)

echo "5. a render of exactly this timeline: $edl_hash"
render_reply=$(printf '{"projectId": "%s", "edlHash": "%s", "profile": "final"}' "$project" "$edl_hash" |
  call RenderService/CreateRender)
job=$(field id <<<"$render_reply")
render=$(sed -n '/"render": {/,$p' <<<"$render_reply" | field id)
finish "$job"

echo '6. the video'
printf '{"renderId": "%s"}' "$render" | call RenderService/DownloadOutput |
  sed -n 's/^ *"chunk": "\([^"]*\)".*/\1/p' | while read -r chunk; do base64 -d <<<"$chunk"; done >"$out"
printf '{"renderId": "%s"}' "$render" | call RenderService/GetRender | grep -iE 'worst_?cut_?error|counted_?frames' || true
echo "$out"

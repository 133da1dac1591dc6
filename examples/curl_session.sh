#!/usr/bin/env bash
# From a song and pictures to a video with curl and jq: JSON over HTTP, bytes by signed links.
#
#   BEATSTITCH_HTTP=http://127.0.0.1:8080 BEATSTITCH_API_KEY=bsk_… \
#     examples/curl_session.sh OUT.mp4 SONG PICTURE_OR_CLIP...
#
# Every step is one call; docs/http.md goes through them one by one.
set -euo pipefail

out=$1 song=$2
shift 2
server=${BEATSTITCH_HTTP:?set BEATSTITCH_HTTP to http://HOST:PORT}
key=${BEATSTITCH_API_KEY:?set BEATSTITCH_API_KEY}

call() { # SERVICE/METHOD, the JSON on standard input; an error's JSON goes to standard error
  curl --silent --show-error --noproxy '*' --fail-with-body --max-time 90 \
    -H "authorization: Bearer $key" -H 'content-type: application/json' \
    --data-binary @- "$server/beatstitch.v1.$1" || { cat >&2; return 1; }
}

upload() { # FILE MEDIA_TYPE: a signed link for exactly these bytes, a PUT, and "it is there"
  local made
  made=$(jq -n --arg project "$project" --arg name "$(basename "$1")" --arg type "$2" \
    --arg size "$(stat -c %s "$1")" \
    '{projectId: $project, filename: $name, mediaType: $type, sizeBytes: $size}' |
    call AssetService/CreateUpload)
  [ "$(jq '.parts | length' <<<"$made")" = 1 ] || { echo "$1 goes up in parts: use the SDK" >&2; return 1; }
  curl --silent --show-error --noproxy '*' --fail --upload-file "$1" "$(jq -r '.parts[0].url' <<<"$made")"
  jq '{assetId: .asset.id}' <<<"$made" | call AssetService/CompleteUpload | jq -r .job.id
}

finish() { # JOB_ID: waits for the job's end, fails unless it SUCCEEDED
  local reply
  for _ in $(seq 60); do
    reply=$(jq -n --arg id "$1" '{jobId: $id, timeout: "20s"}' | call JobService/WaitJob)
    case $(jq -r .job.state <<<"$reply") in
      JOB_STATE_SUCCEEDED) return 0 ;;
      JOB_STATE_FAILED | JOB_STATE_CANCELLED) break ;;
    esac
  done
  echo "$reply" >&2
  return 1
}

echo '1. a project'
project=$(echo '{"displayName": "curl session"}' | call ProjectService/CreateProject | jq -r .project.id)

echo '2. the song and the media; each upload starts its own job'
jobs=("$(upload "$song" MEDIA_TYPE_AUDIO)")
for file in "$@"; do
  case ${file,,} in
    *.mp4 | *.mov | *.webm | *.mkv | *.avi | *.gif) type=MEDIA_TYPE_VIDEO ;;
    *) type=MEDIA_TYPE_IMAGE ;;
  esac
  jobs+=("$(upload "$file" $type)")
done

echo '3. wait for beats and thumbnails'
for job in "${jobs[@]}"; do finish "$job"; done

echo '4. a timeline: a cut every second beat, 320x180'
job=$(jq -n --arg project "$project" \
  '{projectId: $project, settings: {beatsPerCut: 2, output: {width: 320, height: 180}}}' |
  call TimelineService/GenerateTimeline | jq -r .job.id)
finish "$job"
edl_hash=$(jq -n --arg project "$project" '{projectId: $project}' |
  call TimelineService/GetTimeline | jq -r .timeline.edlHash)

echo "5. a render of exactly this timeline: $edl_hash"
made=$(jq -n --arg project "$project" --arg hash "$edl_hash" \
  '{projectId: $project, edlHash: $hash, profile: "final"}' | call RenderService/CreateRender)
finish "$(jq -r .job.id <<<"$made")"

echo '6. the video, by a signed link'
link=$(jq '{renderId: .render.id}' <<<"$made" | call RenderService/CreateOutputDownloadLink | jq -r .url)
curl --silent --show-error --noproxy '*' --fail --output "$out" "$link"
echo "$out"

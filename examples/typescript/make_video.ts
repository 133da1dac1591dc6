// A video through generated clients: Connect over HTTP, typed requests, streams that end with the job.
//
//   npm install && npm run generate && npm run build
//   BEATSTITCH_HTTP=http://127.0.0.1:8080 BEATSTITCH_API_KEY=bsk_… \
//     node dist/make_video.js OUT.mp4 SONG PICTURE_OR_CLIP...

import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { basename, extname } from "node:path";
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { AssetService } from "./gen/beatstitch/v1/asset_service_pb.js";
import { MediaType } from "./gen/beatstitch/v1/common_pb.js";
import { type Job, JobState } from "./gen/beatstitch/v1/job_pb.js";
import { JobService } from "./gen/beatstitch/v1/job_service_pb.js";
import { ProjectService } from "./gen/beatstitch/v1/project_service_pb.js";
import { RenderService } from "./gen/beatstitch/v1/render_service_pb.js";
import { StitchService } from "./gen/beatstitch/v1/stitch_service_pb.js";

const { BEATSTITCH_HTTP = "http://127.0.0.1:8080", BEATSTITCH_API_KEY = "" } = process.env;
const [out, ...files] = process.argv.slice(2);
if (out === undefined || files.length < 2) {
  console.error("usage: make_video OUT.mp4 SONG PICTURE_OR_CLIP...");
  process.exit(2);
}

const authorized: Interceptor = (next) => (request) => {
  request.header.set("authorization", `Bearer ${BEATSTITCH_API_KEY}`);
  return next(request);
};
const transport = createConnectTransport({
  baseUrl: BEATSTITCH_HTTP,
  httpVersion: "1.1",
  interceptors: [authorized],
});
const projects = createClient(ProjectService, transport);
const assets = createClient(AssetService, transport);
const stitching = createClient(StitchService, transport);
const jobs = createClient(JobService, transport);
const renders = createClient(RenderService, transport);

/** What a file is, by its name; the server looks at its bytes. */
function mediaType(path: string): MediaType {
  const suffix = extname(path).toLowerCase();
  if ([".mp3", ".wav", ".flac", ".m4a", ".ogg"].includes(suffix)) return MediaType.AUDIO;
  return [".jpg", ".jpeg", ".png", ".webp"].includes(suffix) ? MediaType.IMAGE : MediaType.VIDEO;
}

/** Brings a file in by signed URLs: its bytes go to the storage, not through the API. */
async function upload(projectId: string, path: string): Promise<void> {
  const bytes = new Uint8Array(await readFile(path));
  const made = await assets.createUpload({
    projectId,
    filename: basename(path),
    mediaType: mediaType(path),
    sizeBytes: BigInt(bytes.length),
    requestId: randomUUID(),
  });
  const parts = [];
  for (const part of made.parts) {
    const begin = Number(part.offsetBytes);
    const body = bytes.subarray(begin, begin + Number(part.sizeBytes));
    const reply = await fetch(part.url, { method: "PUT", body });
    if (!reply.ok) throw new Error(`the storage answered ${reply.status}`);
    parts.push({ partNumber: part.partNumber, etag: reply.headers.get("etag") ?? "" });
  }
  await assets.completeUpload({ assetId: made.asset!.id, parts, requestId: randomUUID() });
}

/** Follows a job to its end; a stream that breaks is taken up again where it was. */
async function ended(jobId: string): Promise<Job> {
  let afterRevision = 0n;
  for (;;) {
    try {
      for await (const { job } of jobs.watchJob({ jobId, afterRevision })) {
        if (job === undefined) continue;
        afterRevision = job.revision;
        console.log(`${JobState[job.state]} ${job.progressPercent} %`);
        if (job.endTime !== undefined) return job;
      }
    } catch (error) {
      if (ConnectError.from(error).code !== Code.Unavailable) throw error;
    }
  }
}

const { project } = await projects.createProject({ displayName: "TypeScript" });
for (const file of files) await upload(project!.id, file);
const { job } = await stitching.stitch({ projectId: project!.id, requestId: randomUUID() });
const done = await ended(job!.id);
if (done.state !== JobState.SUCCEEDED || done.result.case !== "stitch") {
  throw new Error(`${JobState[done.state]}: ${done.failure?.message}`);
}
const video: Uint8Array[] = [];
const renderId = done.result.value.render!.renderId;
for await (const { chunk } of renders.downloadOutput({ renderId })) video.push(chunk);
await writeFile(out, Buffer.concat(video));
console.log(`${out}: worst cut error ${done.result.value.render!.worstCutErrorFrames} frames`);

try {
  await projects.getProject({ projectId: randomUUID() });
} catch (error) {
  const { code, rawMessage } = ConnectError.from(error);
  console.log(`as it should be: ${Code[code]}: ${rawMessage}`);
}

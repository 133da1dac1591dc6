// BeatStitch from a browser, Node, Deno or Bun: fetch() and nothing else.
//
//   BEATSTITCH_HTTP=http://127.0.0.1:8080 BEATSTITCH_API_KEY=bsk_… \
//     node examples/connect.mjs OUT.mp4 SONG PICTURE_OR_CLIP...
//
// Connect's protocol is JSON in a POST; streams are frames of five bytes and JSON.

/** An error of the API: `code` as in gRPC, `reason` as in docs/errors.md. */
export class BeatStitchError extends Error {
  constructor(body) {
    super(body.message ?? "no reason given");
    const info = (body.details ?? []).find((d) => d.type === "google.rpc.ErrorInfo")?.debug ?? {};
    this.code = body.code ?? "unknown";
    this.reason = info.reason ?? "";
    this.metadata = info.metadata ?? {};
    this.details = body.details ?? [];
  }
}

export class BeatStitch {
  constructor(server, key) {
    this.server = server;
    this.headers = { authorization: `Bearer ${key}`, "connect-protocol-version": "1" };
  }

  /** One call: `await api.call("ProjectService/CreateProject", { displayName: "Holiday" })`. */
  async call(method, request = {}, { timeoutMs = 60_000 } = {}) {
    const reply = await fetch(`${this.server}/beatstitch.v1.${method}`, {
      method: "POST",
      headers: {
        ...this.headers,
        "content-type": "application/json",
        "connect-timeout-ms": String(timeoutMs),
      },
      body: JSON.stringify(request),
    });
    const body = await reply.json().catch(() => ({ message: `HTTP ${reply.status}` }));
    if (!reply.ok) throw new BeatStitchError(body);
    return body;
  }

  /** A stream of replies: `for await (const { job } of api.stream("JobService/WatchJob", { jobId }))`. */
  async *stream(method, request = {}) {
    const json = new TextEncoder().encode(JSON.stringify(request));
    const frame = new Uint8Array(5 + json.length);
    new DataView(frame.buffer).setUint32(1, json.length);
    frame.set(json, 5);
    const reply = await fetch(`${this.server}/beatstitch.v1.${method}`, {
      method: "POST",
      headers: { ...this.headers, "content-type": "application/connect+json" },
      body: frame,
    });
    if (!reply.ok) throw new BeatStitchError(await reply.json().catch(() => ({})));
    let held = new Uint8Array(0);
    for await (const part of reply.body) {
      const joined = new Uint8Array(held.length + part.length);
      joined.set(held);
      joined.set(part, held.length);
      held = joined;
      while (held.length >= 5) {
        const length = new DataView(held.buffer, held.byteOffset).getUint32(1);
        if (held.length < 5 + length) break;
        const message = JSON.parse(new TextDecoder().decode(held.subarray(5, 5 + length)));
        const last = (held[0] & 2) !== 0;
        held = held.slice(5 + length);
        if (last && message.error) throw new BeatStitchError(message.error);
        if (last) return;
        yield message;
      }
    }
    throw new BeatStitchError({ code: "unavailable", message: "the stream broke off" });
  }

  /** A file (Blob) goes straight to storage; resolves to the job that looks at it. */
  async upload(projectId, filename, mediaType, blob) {
    const made = await this.call("AssetService/CreateUpload", {
      projectId,
      filename,
      mediaType,
      sizeBytes: String(blob.size),
      requestId: crypto.randomUUID(),
    });
    const parts = [];
    for (const part of made.parts) {
      const begin = Number(part.offsetBytes ?? 0);
      const put = await fetch(part.url, {
        method: "PUT",
        body: blob.slice(begin, begin + Number(part.sizeBytes)),
      });
      if (!put.ok) throw new BeatStitchError({ code: "unavailable", message: `PUT: ${put.status}` });
      parts.push({ partNumber: part.partNumber, etag: put.headers.get("etag") });
    }
    const done = await this.call("AssetService/CompleteUpload", {
      assetId: made.asset.id,
      parts: parts.length > 1 ? parts : [],
      requestId: crypto.randomUUID(),
    });
    return done.job;
  }

  /** Follows a job to its end; a stream that breaks is opened again. */
  async finish(jobId, told = () => {}) {
    for (;;) {
      try {
        for await (const { job } of this.stream("JobService/WatchJob", { jobId })) {
          told(job);
          if (job.state === "JOB_STATE_SUCCEEDED") return job;
          if (job.state === "JOB_STATE_FAILED" || job.state === "JOB_STATE_CANCELLED") {
            throw new BeatStitchError({ code: "aborted", message: job.failure?.message ?? job.state });
          }
        }
      } catch (error) {
        if (!(error instanceof TypeError || error.code === "unavailable")) throw error;
        await new Promise((done) => setTimeout(done, 500));
      }
    }
  }
}

async function main(out, songPath, ...mediaPaths) {
  const { openAsBlob } = await import("node:fs");
  const { writeFile } = await import("node:fs/promises");
  const { basename } = await import("node:path");
  const api = new BeatStitch(process.env.BEATSTITCH_HTTP, process.env.BEATSTITCH_API_KEY);
  const { project } = await api.call("ProjectService/CreateProject", {
    displayName: "fetch session",
    requestId: crypto.randomUUID(),
  });
  const jobs = [
    await api.upload(project.id, basename(songPath), "MEDIA_TYPE_AUDIO", await openAsBlob(songPath)),
  ];
  for (const path of mediaPaths) {
    const type = /\.(mp4|mov|webm|mkv|avi|gif)$/i.test(path) ? "MEDIA_TYPE_VIDEO" : "MEDIA_TYPE_IMAGE";
    jobs.push(await api.upload(project.id, basename(path), type, await openAsBlob(path)));
  }
  for (const job of jobs) await api.finish(job.id);
  const built = await api.call("TimelineService/GenerateTimeline", {
    projectId: project.id,
    settings: { beatsPerCut: 2, output: { width: 320, height: 180 } },
  });
  const timeline = await api.finish(built.job.id);
  const edlHash = timeline.timelineBuild.edlHash;
  const made = await api.call("RenderService/CreateRender", {
    projectId: project.id,
    edlHash,
    profile: "final",
  });
  await api.finish(made.job.id, (job) => console.log(job.state, job.progressPercent ?? 0));
  const link = await api.call("RenderService/CreateOutputDownloadLink", { renderId: made.render.id });
  await writeFile(out, Buffer.from(await (await fetch(link.url)).arrayBuffer()));
  const refused = await api.call("ProjectService/GetProject", { projectId: "nobody" }).catch((e) => e);
  console.log(`${refused.code} ${refused.reason}`);
  console.log(out);
}

if (typeof process !== "undefined" && import.meta.url === `file://${process.argv[1]}`) {
  await main(...process.argv.slice(2));
}

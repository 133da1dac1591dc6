// A video through generated clients over gRPC: uploads and the download as streams, a watch that is
// taken up again where it broke, errors with their reason.
//
//	buf generate && go mod tidy && go build
//	BEATSTITCH_SERVER=127.0.0.1:50051 BEATSTITCH_API_KEY=bsk_… \
//	  ./makevideo OUT.mp4 SONG PICTURE_OR_CLIP...
//
// BEATSTITCH_CA names the file of the authority that signed the server's certificate; without it
// nothing is encrypted.
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "example.com/makevideo/gen/beatstitch/v1"
)

const chunkBytes = 256 * 1024

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: makevideo OUT.mp4 SONG PICTURE_OR_CLIP...")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, explained(err))
		os.Exit(1)
	}
}

func run(out string, files []string) error {
	connection, err := grpc.Dial(named("BEATSTITCH_SERVER", "127.0.0.1:50051"), security())
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx := metadata.AppendToOutgoingContext(
		context.Background(), "authorization", "Bearer "+os.Getenv("BEATSTITCH_API_KEY"))

	projects := pb.NewProjectServiceClient(connection)
	made, err := projects.CreateProject(ctx, &pb.CreateProjectRequest{
		DisplayName: "Go", RequestId: requestID()})
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := upload(ctx, pb.NewAssetServiceClient(connection), made.Project.Id, file); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	started, err := pb.NewStitchServiceClient(connection).Stitch(ctx, &pb.StitchRequest{
		ProjectId: made.Project.Id, RequestId: requestID()})
	if err != nil {
		return err
	}
	job, err := ended(ctx, pb.NewJobServiceClient(connection), started.Job.Id)
	if err != nil {
		return err
	}
	render := job.GetStitch().GetRender()
	if job.State != pb.JobState_JOB_STATE_SUCCEEDED || render == nil {
		return fmt.Errorf("%s: %s", job.State, job.GetFailure().GetMessage())
	}
	if err := download(ctx, pb.NewRenderServiceClient(connection), render.RenderId, out); err != nil {
		return err
	}
	fmt.Printf("%s: worst cut error %d frames\n", out, render.WorstCutErrorFrames)

	_, err = projects.GetProject(ctx, &pb.GetProjectRequest{ProjectId: started.Job.Id})
	fmt.Println("as it should be:", explained(err))
	return nil
}

// upload sends a file as a stream: a header, then its bytes. The server checks them by their sum.
func upload(ctx context.Context, assets pb.AssetServiceClient, project, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	stream, err := assets.UploadAsset(ctx)
	if err != nil {
		return err
	}
	header := &pb.UploadHeader{
		ProjectId: project,
		Filename:  filepath.Base(path),
		MediaType: mediaType(path),
		Sha256:    hex.EncodeToString(sum.Sum(nil)),
		RequestId: requestID(),
	}
	err = stream.Send(&pb.UploadAssetRequest{Part: &pb.UploadAssetRequest_Header{Header: header}})
	buffer := make([]byte, chunkBytes)
	for err == nil {
		var count int
		if count, err = file.Read(buffer); err == nil {
			part := &pb.UploadAssetRequest_Chunk{Chunk: buffer[:count]}
			err = stream.Send(&pb.UploadAssetRequest{Part: part})
		}
	}
	// The end of the file; or of the stream, where the server refused: its reason comes now.
	if !errors.Is(err, io.EOF) {
		return err
	}
	_, err = stream.CloseAndRecv()
	return err
}

// ended follows a job to its end; a stream that breaks is taken up again where it was.
func ended(ctx context.Context, jobs pb.JobServiceClient, id string) (*pb.Job, error) {
	var seen int64
	for {
		stream, err := jobs.WatchJob(ctx, &pb.WatchJobRequest{JobId: id, AfterRevision: seen})
		for err == nil {
			var reply *pb.WatchJobResponse
			if reply, err = stream.Recv(); err == nil {
				seen = reply.Job.Revision
				fmt.Printf("%s %d %%\n", reply.Job.State, reply.Job.ProgressPercent)
				if reply.Job.EndTime != nil {
					return reply.Job, nil
				}
			}
		}
		if status.Code(err) != codes.Unavailable {
			return nil, err
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// download writes the video to a file and compares it with the sum that came with it.
func download(ctx context.Context, renders pb.RenderServiceClient, id, out string) error {
	stream, err := renders.DownloadOutput(ctx, &pb.DownloadOutputRequest{RenderId: id})
	if err != nil {
		return err
	}
	file, err := os.Create(out)
	if err != nil {
		return err
	}
	defer file.Close()
	sum, expected := sha256.New(), ""
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if part.Sha256 != "" {
			expected = part.Sha256
		}
		if _, err := io.MultiWriter(file, sum).Write(part.Chunk); err != nil {
			return err
		}
	}
	if actual := hex.EncodeToString(sum.Sum(nil)); actual != expected {
		return fmt.Errorf("the video's sum is %s instead of %s", actual, expected)
	}
	return file.Close()
}

// mediaType says what a file is by its name; the server looks at its bytes.
func mediaType(path string) pb.MediaType {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".mp3", ".wav", ".flac", ".m4a", ".ogg":
		return pb.MediaType_MEDIA_TYPE_AUDIO
	case ".jpg", ".jpeg", ".png", ".webp":
		return pb.MediaType_MEDIA_TYPE_IMAGE
	}
	return pb.MediaType_MEDIA_TYPE_VIDEO
}

// explained is an error with the reason of docs/errors.md, which programs can go by.
func explained(err error) string {
	var told interface{ GRPCStatus() *status.Status }
	if errors.As(err, &told) {
		for _, detail := range told.GRPCStatus().Details() {
			if info, ok := detail.(*errdetails.ErrorInfo); ok {
				return fmt.Sprintf("%s: %v", info.Reason, err)
			}
		}
	}
	return err.Error()
}

func security() grpc.DialOption {
	if file := os.Getenv("BEATSTITCH_CA"); file != "" {
		trusted, err := credentials.NewClientTLSFromFile(file, "")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return grpc.WithTransportCredentials(trusted)
	}
	return grpc.WithInsecure()
}

// requestID makes a call safe to repeat: the same id and body bring the same reply.
func requestID() string {
	bytes := make([]byte, 16)
	if _, err := rand.Read(bytes); err != nil {
		panic(err)
	}
	return hex.EncodeToString(bytes)
}

func named(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

package trillian_test

import (
	"context"
	"net"
	"testing"
	"time"

	api "github.com/google/trillian"
	"github.com/google/trillian/extension"
	"github.com/google/trillian/log"
	"github.com/google/trillian/quota"
	"github.com/google/trillian/server"
	"github.com/google/trillian/server/admin"
	"github.com/google/trillian/server/interceptor"
	"github.com/google/trillian/storage/memory"
	"github.com/google/trillian/util/clock"
	"google.golang.org/grpc"
)

// inMemory runs Trillian's log server and signer in this process, on its in-memory
// storage, and returns their address. That storage takes an entry twice.
func inMemory(t testing.TB, intercept ...grpc.UnaryServerInterceptor) string {
	t.Helper()
	if raceDetector {
		t.Skip("Trillian's in-memory storage has data races of its own; PROCTOR_TRILLIAN=HOST:PORT names a log server on a database")
	}
	silence()
	storage := memory.NewTreeStorage()
	registry := extension.Registry{AdminStorage: memory.NewAdminStorage(storage), LogStorage: memory.NewLogStorage(storage, nil), QuotaManager: quota.Noop()}
	s := grpc.NewServer(grpc.ChainUnaryInterceptor(append(intercept, interceptor.ErrorWrapper)...))
	api.RegisterTrillianAdminServer(s, admin.New(registry, nil))
	api.RegisterTrillianLogServer(s, server.NewTrillianLogRPCServer(registry, clock.System))
	ctx, cancel := context.WithCancel(context.Background())
	signer := log.NewOperationManager(log.OperationInfo{
		Registry: registry, BatchSize: 1000, NumWorkers: 1, RunInterval: 10 * time.Millisecond, TimeSource: clock.System,
	}, log.NewSequencerManager(registry, 0))
	done := make(chan struct{})
	go func() {
		signer.OperationLoop(ctx)
		close(done)
	}()
	address := serveOn(t, s)
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return address
}

// serveOn lets a gRPC server answer on this machine until the test ends.
func serveOn(t testing.TB, s *grpc.Server) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(listener)
	t.Cleanup(s.Stop)
	return listener.Addr().String()
}

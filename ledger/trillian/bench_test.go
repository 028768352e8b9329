package trillian_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	api "github.com/google/trillian"
	"github.com/google/trillian/types"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/trillian"
	"github.com/proctor-attest/proctor/ledger/witness"
)

// onDatabase is the log server that PROCTOR_TRILLIAN names: .ci/trillian DATABASE COMMAND
// starts one.
func onDatabase(b *testing.B) string {
	address := os.Getenv("PROCTOR_TRILLIAN")
	if address == "" {
		b.Skip("PROCTOR_TRILLIAN is not set")
	}
	return address
}

// witnessed makes a witness cosign the ledger's checkpoints.
func witnessed(b *testing.B, c *trillian.Config) {
	dir := filepath.Join(b.TempDir(), "w")
	if err := witness.Create(dir, "w.example", "https://w.example"); err != nil {
		b.Fatal(err)
	}
	w, err := witness.Open(dir)
	if err == nil {
		err = w.AddLog(c.Key)
	}
	if err != nil {
		b.Fatal(err)
	}
	c.Cosign = func(ctx context.Context, r ledger.Reader, checkpoint []byte) ([]byte, error) {
		signed, errs := witness.Gather(ctx, r, checkpoint, []witness.Cosigner{w}, nil)
		return signed, errors.Join(errs...)
	}
}

// BenchmarkQueue appends entries of 1 KiB side by side, each until its cosigned proof is
// there, and, in turn with that, queues such entries at the same Trillian with nothing
// behind it: -benchtime 5x for five turns, of half a minute each.
func BenchmarkQueue(b *testing.B) {
	const settling, measured = 4 * time.Second, 10 * time.Second
	address := onDatabase(b)
	var next atomic.Int64
	load := func(atOnce int, add func(entry []byte) error) (perSecond float64) {
		var done atomic.Int64
		var stop atomic.Bool
		var wg sync.WaitGroup
		for range atOnce {
			wg.Go(func() {
				for !stop.Load() {
					e := make([]byte, 1024)
					copy(e, fmt.Sprint(next.Add(1)))
					if err := add(e); err != nil {
						b.Error(err)
						return
					}
					done.Add(1)
				}
			})
		}
		time.Sleep(settling)
		before, begin := done.Load(), time.Now()
		time.Sleep(measured)
		perSecond = float64(done.Load()-before) / time.Since(begin).Seconds()
		stop.Store(true)
		wg.Wait()
		return perSecond
	}

	bare := configAt(b, address)
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	client := api.NewTrillianLogClient(conn)
	c := newLedger(b, address)
	c.Interval = 500 * time.Millisecond
	witnessed(b, &c)
	l := open(b, c)
	defer closeLog(b, l)
	var queued, appended float64
	for b.Loop() {
		queued += load(64, func(e []byte) error {
			_, err := client.QueueLeaf(b.Context(), &api.QueueLeafRequest{LogId: bare.Tree, Leaf: &api.LogLeaf{LeafValue: e}})
			return err
		})
		appended += load(2048, func(e []byte) error {
			_, err := l.Append(context.Background(), e)
			return err
		})
	}
	b.ReportMetric(queued/float64(b.N), "queued/s")
	b.ReportMetric(appended/float64(b.N), "appended/s")
	b.ReportMetric(100*appended/queued, "percent")
}

// BenchmarkProof appends one entry after another, until the cosigned proof of each is there.
func BenchmarkProof(b *testing.B) {
	c := newLedger(b, onDatabase(b))
	witnessed(b, &c)
	l := open(b, c)
	defer closeLog(b, l)
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		begin := time.Now()
		if _, err := l.Append(b.Context(), entry(i)); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Milliseconds()), "p99-ms")
}

// many is a Trillian with many leaves of 1 KiB, which it makes when it is asked.
type many struct {
	api.UnimplementedTrillianLogServer
	root *api.SignedLogRoot
	size int64
}

func leaf(i int64) []byte {
	e := make([]byte, 1024)
	copy(e, fmt.Sprint(i))
	return e
}

func newMany(b *testing.B, size int64) *many {
	tree := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for i := range size {
		if err := tree.Append(rfc6962.DefaultHasher.HashLeaf(leaf(i)), nil); err != nil {
			b.Fatal(err)
		}
	}
	hash, err := tree.GetRootHash(nil)
	if err != nil {
		b.Fatal(err)
	}
	root, err := (&types.LogRootV1{TreeSize: uint64(size), RootHash: hash}).MarshalBinary()
	if err != nil {
		b.Fatal(err)
	}
	return &many{root: &api.SignedLogRoot{LogRoot: root}, size: size}
}

func (m *many) GetLatestSignedLogRoot(context.Context, *api.GetLatestSignedLogRootRequest) (*api.GetLatestSignedLogRootResponse, error) {
	return &api.GetLatestSignedLogRootResponse{SignedLogRoot: m.root}, nil
}

func (m *many) GetLeavesByRange(_ context.Context, r *api.GetLeavesByRangeRequest) (*api.GetLeavesByRangeResponse, error) {
	resp := &api.GetLeavesByRangeResponse{SignedLogRoot: m.root}
	for i := r.StartIndex; i < min(r.StartIndex+r.Count, m.size); i++ {
		resp.Leaves = append(resp.Leaves, &api.LogLeaf{LeafIndex: i, LeafValue: leaf(i)})
	}
	return resp, nil
}

// BenchmarkCatchUp makes the tiles of b.N leaves in one go, as a new front end does, and
// reports how much memory that takes, Trillian's part in the same process included:
// -benchtime 1000000x.
func BenchmarkCatchUp(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := grpc.NewServer()
	m := newMany(b, int64(b.N))
	api.RegisterTrillianLogServer(s, m)
	go s.Serve(listener)
	defer s.Stop()
	vkey, signer := keyOf(b, "log")
	root := b.TempDir()
	c := trillian.Config{Dir: filepath.Join(root, "log"), Anchor: filepath.Join(root, "anchor"), Key: vkey, Signer: signer, Server: listener.Addr().String(), Tree: 1}
	if err := trillian.Create(b.Context(), c); err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	b.ResetTimer()
	l := open(b, c)
	var most uint64
	for sizeOf(b, c) < uint64(b.N) {
		var mem runtime.MemStats
		runtime.ReadMemStats(&mem)
		most = max(most, mem.HeapInuse)
		time.Sleep(10 * time.Millisecond)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
	b.ReportMetric(float64(most)/(1<<20), "MB-heap")
	closeLog(b, l)
}

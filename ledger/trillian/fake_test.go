package trillian_test

import (
	"context"
	"crypto/sha256"
	"sync"
	"testing"

	api "github.com/google/trillian"
	"github.com/google/trillian/types"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// A fake is a Trillian with one tree, that takes an entry once, and that can be made to
// lie, to lose answers and to be slow.
type fake struct {
	api.UnimplementedTrillianLogServer

	mu     sync.Mutex
	leaves [][]byte
	index  map[[32]byte]int
	size   int  // of the tree: the leaves after it are queued
	held   bool // nothing is integrated

	// before is asked first; an error is the answer. After may change what is answered,
	// or lose it. Both may be nil, and are called with mu held.
	before func(req any) error
	after  func(req any, resp proto.Message) error
}

// newFake runs a fake and returns its address.
func newFake(t testing.TB) (f *fake, address string) {
	t.Helper()
	f = &fake{index: map[[32]byte]int{}}
	s := grpc.NewServer(grpc.UnaryInterceptor(f.intercept))
	api.RegisterTrillianLogServer(s, f)
	return f, serveOn(t, s)
}

func (f *fake) intercept(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.before != nil {
		if err := f.before(req); err != nil {
			return nil, err
		}
	}
	resp, err := handler(ctx, req)
	if err == nil && f.after != nil {
		err = f.after(req, resp.(proto.Message))
	}
	return resp, err
}

// do changes the fake while it answers nobody.
func (f *fake) do(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fake) QueueLeaf(_ context.Context, r *api.QueueLeafRequest) (*api.QueueLeafResponse, error) {
	resp := &api.QueueLeafResponse{QueuedLeaf: &api.QueuedLogLeaf{Leaf: &api.LogLeaf{LeafIndex: -1}}}
	if had := f.queue(r.Leaf.LeafValue); had {
		resp.QueuedLeaf.Status = status.New(codes.AlreadyExists, "leaf already exists").Proto()
	}
	return resp, nil
}

func (f *fake) queue(leaf []byte) (had bool) {
	hash := sha256.Sum256(append([]byte{0}, leaf...))
	if _, had := f.index[hash]; had {
		return true
	}
	f.index[hash] = len(f.leaves)
	f.leaves = append(f.leaves, leaf)
	return false
}

func (f *fake) root() *api.SignedLogRoot {
	if !f.held {
		f.size = len(f.leaves)
	}
	root, err := (&types.LogRootV1{TreeSize: uint64(f.size), RootHash: f.hash(0, f.size)}).MarshalBinary()
	if err != nil {
		panic(err)
	}
	return &api.SignedLogRoot{LogRoot: root}
}

// hash is the MTH of RFC 6962.
func (f *fake) hash(from, to int) []byte {
	switch n := to - from; n {
	case 0:
		return rfc6962.DefaultHasher.EmptyRoot()
	case 1:
		return rfc6962.DefaultHasher.HashLeaf(f.leaves[from])
	default:
		k := 1
		for 2*k < n {
			k *= 2
		}
		return rfc6962.DefaultHasher.HashChildren(f.hash(from, from+k), f.hash(from+k, to))
	}
}

func (f *fake) GetLatestSignedLogRoot(context.Context, *api.GetLatestSignedLogRootRequest) (*api.GetLatestSignedLogRootResponse, error) {
	return &api.GetLatestSignedLogRootResponse{SignedLogRoot: f.root()}, nil
}

func (f *fake) GetConsistencyProof(_ context.Context, r *api.GetConsistencyProofRequest) (*api.GetConsistencyProofResponse, error) {
	nodes, err := proof.Consistency(uint64(r.FirstTreeSize), uint64(r.SecondTreeSize))
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	var hashes [][]byte
	for _, id := range nodes.IDs {
		hashes = append(hashes, f.hash(int(id.Index<<id.Level), int((id.Index+1)<<id.Level)))
	}
	if hashes, err = nodes.Rehash(hashes, rfc6962.DefaultHasher.HashChildren); err != nil {
		return nil, err
	}
	return &api.GetConsistencyProofResponse{SignedLogRoot: f.root(), Proof: &api.Proof{Hashes: hashes}}, nil
}

func (f *fake) GetInclusionProofByHash(_ context.Context, r *api.GetInclusionProofByHashRequest) (*api.GetInclusionProofByHashResponse, error) {
	i, ok := f.index[[32]byte(r.LeafHash)]
	if !ok || int64(i) >= r.TreeSize {
		return nil, status.Error(codes.NotFound, "no such leaf")
	}
	return &api.GetInclusionProofByHashResponse{SignedLogRoot: f.root(), Proof: []*api.Proof{{LeafIndex: int64(i)}}}, nil
}

func (f *fake) GetLeavesByRange(_ context.Context, r *api.GetLeavesByRangeRequest) (*api.GetLeavesByRangeResponse, error) {
	resp := &api.GetLeavesByRangeResponse{SignedLogRoot: f.root()}
	for i := r.StartIndex; i < min(r.StartIndex+r.Count, int64(f.size)); i++ {
		resp.Leaves = append(resp.Leaves, &api.LogLeaf{LeafIndex: i, LeafValue: f.leaves[i]})
	}
	return resp, nil
}

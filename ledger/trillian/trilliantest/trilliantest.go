// Package trilliantest has a Trillian for tests, in this process and without a database.
// It takes an entry once, as Trillian on a database does and in memory does not, and can
// be made to lie, to lose answers and to be away.
package trilliantest

import (
	"context"
	"crypto/sha256"
	"net"
	"sync"

	api "github.com/google/trillian"
	"github.com/google/trillian/types"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// A Server answers as log servers do, for any number of trees.
type Server struct {
	api.UnimplementedTrillianLogServer
	api.UnimplementedTrillianAdminServer
	grpc *grpc.Server

	mu    sync.Mutex
	trees map[int64]*Tree

	// Before is asked first; an error is the answer. After may change what is answered,
	// or lose it. Both may be nil; Do sets them.
	Before func(req any) error
	After  func(req any, resp proto.Message) error
}

// A Tree is one log.
type Tree struct {
	Leaves [][]byte // those that are in the tree, and those that are queued
	Held   bool     // nothing more is put into the tree: no signer runs

	state api.TreeState
	kind  api.TreeType
	index map[[32]byte]int
	size  int // of the tree
}

// Start answers at an address, such as 127.0.0.1:0, and returns the one that it got.
func Start(address string, opts ...grpc.ServerOption) (s *Server, at string, err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, "", err
	}
	s = &Server{trees: map[int64]*Tree{}}
	s.grpc = grpc.NewServer(append(opts, grpc.UnaryInterceptor(s.intercept))...)
	api.RegisterTrillianLogServer(s.grpc, s)
	api.RegisterTrillianAdminServer(s.grpc, s)
	go s.grpc.Serve(listener)
	return s, listener.Addr().String(), nil
}

// Stop ends it.
func (s *Server) Stop() { s.grpc.Stop() }

// Lock calls change while nobody is answered.
func (s *Server) Lock(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// Do changes a tree while nobody is answered.
func (s *Server) Do(tree int64, change func(t *Tree)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.trees[tree])
}

func (s *Server) intercept(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Before != nil {
		if err := s.Before(req); err != nil {
			return nil, err
		}
	}
	resp, err := handler(ctx, req)
	if err == nil && s.After != nil {
		err = s.After(req, resp.(proto.Message))
	}
	return resp, err
}

// Queue takes a leaf, and reports whether it had it.
func (t *Tree) Queue(leaf []byte) (had bool) {
	hash := sha256.Sum256(append([]byte{0}, leaf...))
	if _, had := t.index[hash]; had {
		return true
	}
	t.index[hash] = len(t.Leaves)
	t.Leaves = append(t.Leaves, leaf)
	return false
}

// SetBack makes the tree what it was when it had n leaves.
func (t *Tree) SetBack(n int) {
	leaves := t.Leaves[:n]
	*t = Tree{index: map[[32]byte]int{}, state: t.state, kind: t.kind}
	for _, leaf := range leaves {
		t.Queue(leaf)
	}
}

// CreateTree implements Trillian's admin server.
func (s *Server) CreateTree(_ context.Context, r *api.CreateTreeRequest) (*api.Tree, error) {
	id := int64(len(s.trees)) + 1
	s.trees[id] = &Tree{index: map[[32]byte]int{}, state: r.Tree.TreeState, kind: r.Tree.TreeType}
	r.Tree.TreeId = id
	return r.Tree, nil
}

// UpdateTree changes the state of a tree, and its type where it is frozen.
func (s *Server) UpdateTree(_ context.Context, r *api.UpdateTreeRequest) (*api.Tree, error) {
	t, err := s.tree(r.Tree.TreeId)
	if err != nil {
		return nil, err
	}
	switch path := r.UpdateMask.Paths[0]; {
	case path == "tree_state":
		t.state = r.Tree.TreeState
	case path == "tree_type" && t.state == api.TreeState_FROZEN && t.kind == api.TreeType_PREORDERED_LOG && r.Tree.TreeType == api.TreeType_LOG:
		t.kind = r.Tree.TreeType
	default:
		return nil, status.Error(codes.InvalidArgument, "can't change "+path)
	}
	return r.Tree, nil
}

// AddSequencedLeaves takes leaves that have their places.
func (s *Server) AddSequencedLeaves(_ context.Context, r *api.AddSequencedLeavesRequest) (*api.AddSequencedLeavesResponse, error) {
	t, err := s.tree(r.LogId)
	if err == nil {
		err = t.takes(api.TreeType_PREORDERED_LOG)
	}
	if err != nil {
		return nil, err
	}
	resp := &api.AddSequencedLeavesResponse{}
	for _, leaf := range r.Leaves {
		if leaf.LeafIndex != int64(len(t.Leaves)) {
			return nil, status.Error(codes.InvalidArgument, "leaf out of order")
		}
		result := &api.QueuedLogLeaf{Leaf: leaf}
		if had := t.Queue(leaf.LeafValue); had && leaf.LeafIdentityHash == nil {
			result.Status = status.New(codes.AlreadyExists, "leaf already exists").Proto()
		} else if had {
			t.Leaves = append(t.Leaves, leaf.LeafValue)
		}
		resp.Results = append(resp.Results, result)
	}
	return resp, nil
}

// takes is the error of one who wants to add to a tree of another kind, or a frozen one.
func (t *Tree) takes(kind api.TreeType) error {
	if t.kind != kind || t.state != api.TreeState_ACTIVE {
		return status.Errorf(codes.FailedPrecondition, "operation not allowed for %s-type trees, %s", t.kind, t.state)
	}
	return nil
}

// InitLog implements Trillian's log server, as what follows does.
func (s *Server) InitLog(_ context.Context, r *api.InitLogRequest) (*api.InitLogResponse, error) {
	t, err := s.tree(r.LogId)
	if err != nil {
		return nil, err
	}
	return &api.InitLogResponse{Created: t.root()}, nil
}

func (s *Server) tree(id int64) (*Tree, error) {
	if t := s.trees[id]; t != nil {
		return t, nil
	}
	return nil, status.Errorf(codes.NotFound, "tree %d not found", id)
}

// QueueLeaf queues a leaf.
func (s *Server) QueueLeaf(_ context.Context, r *api.QueueLeafRequest) (*api.QueueLeafResponse, error) {
	t, err := s.tree(r.LogId)
	if err == nil {
		err = t.takes(api.TreeType_LOG)
	}
	if err != nil {
		return nil, err
	}
	resp := &api.QueueLeafResponse{QueuedLeaf: &api.QueuedLogLeaf{Leaf: &api.LogLeaf{LeafIndex: -1}}}
	if had := t.Queue(r.Leaf.LeafValue); had {
		resp.QueuedLeaf.Status = status.New(codes.AlreadyExists, "leaf already exists").Proto()
	}
	return resp, nil
}

func (t *Tree) root() *api.SignedLogRoot {
	if !t.Held {
		t.size = len(t.Leaves)
	}
	root, err := (&types.LogRootV1{TreeSize: uint64(t.size), RootHash: t.hash(0, t.size)}).MarshalBinary()
	if err != nil {
		panic(err)
	}
	return &api.SignedLogRoot{LogRoot: root}
}

// hash is the MTH of RFC 6962.
func (t *Tree) hash(from, to int) []byte {
	switch n := to - from; n {
	case 0:
		return rfc6962.DefaultHasher.EmptyRoot()
	case 1:
		return rfc6962.DefaultHasher.HashLeaf(t.Leaves[from])
	default:
		k := 1
		for 2*k < n {
			k *= 2
		}
		return rfc6962.DefaultHasher.HashChildren(t.hash(from, from+k), t.hash(from+k, to))
	}
}

// GetLatestSignedLogRoot puts into the tree what is queued, and returns its root.
func (s *Server) GetLatestSignedLogRoot(_ context.Context, r *api.GetLatestSignedLogRootRequest) (*api.GetLatestSignedLogRootResponse, error) {
	t, err := s.tree(r.LogId)
	if err != nil {
		return nil, err
	}
	return &api.GetLatestSignedLogRootResponse{SignedLogRoot: t.root()}, nil
}

// GetConsistencyProof makes a proof from the leaves.
func (s *Server) GetConsistencyProof(_ context.Context, r *api.GetConsistencyProofRequest) (*api.GetConsistencyProofResponse, error) {
	t, err := s.tree(r.LogId)
	if err != nil {
		return nil, err
	}
	nodes, err := proof.Consistency(uint64(r.FirstTreeSize), uint64(r.SecondTreeSize))
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	var hashes [][]byte
	for _, id := range nodes.IDs {
		hashes = append(hashes, t.hash(int(id.Index<<id.Level), int((id.Index+1)<<id.Level)))
	}
	if hashes, err = nodes.Rehash(hashes, rfc6962.DefaultHasher.HashChildren); err != nil {
		return nil, err
	}
	return &api.GetConsistencyProofResponse{SignedLogRoot: t.root(), Proof: &api.Proof{Hashes: hashes}}, nil
}

// GetInclusionProofByHash tells the index, and proves nothing.
func (s *Server) GetInclusionProofByHash(_ context.Context, r *api.GetInclusionProofByHashRequest) (*api.GetInclusionProofByHashResponse, error) {
	t, err := s.tree(r.LogId)
	if err != nil {
		return nil, err
	}
	i, ok := t.index[[32]byte(r.LeafHash)]
	if !ok || int64(i) >= r.TreeSize {
		return nil, status.Error(codes.NotFound, "no leaf found")
	}
	return &api.GetInclusionProofByHashResponse{SignedLogRoot: t.root(), Proof: []*api.Proof{{LeafIndex: int64(i)}}}, nil
}

// GetLeavesByRange returns leaves of the tree.
func (s *Server) GetLeavesByRange(_ context.Context, r *api.GetLeavesByRangeRequest) (*api.GetLeavesByRangeResponse, error) {
	t, err := s.tree(r.LogId)
	if err != nil {
		return nil, err
	}
	resp := &api.GetLeavesByRangeResponse{SignedLogRoot: t.root()}
	for i := r.StartIndex; i < min(r.StartIndex+r.Count, int64(t.size)); i++ {
		resp.Leaves = append(resp.Leaves, &api.LogLeaf{LeafIndex: i, LeafValue: t.Leaves[i]})
	}
	return resp, nil
}
